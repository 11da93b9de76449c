// One neuron of a dense layer: its synapses, and the closed form of its membrane.
#pragma once

#include <string>

#include "energy.h"
#include "walk.h"

namespace rcspike::web {

/// As JSON, for the first image of a run: `synapses`, those whose input spikes, in the order of these spikes, each with
/// input, t (T), w and D (V_th/T), G (1/T) and ohms; `steps`, a stretch between spikes each, with its start t, A, B and
/// the voltage v there; and what a netlist needs, in SI units. Throws std::invalid_argument if the layer is not dense
/// or has no such neuron.
std::string neuron_details(const Model& model, const Sliders& sliders, const Run& run, std::size_t layer,
                           std::size_t neuron, const Process& process);

}  // namespace rcspike::web
