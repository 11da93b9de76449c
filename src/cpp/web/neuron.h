// One neuron of a dense layer: its synapses, and the closed form of its membrane.
#pragma once

#include <string>

#include "walk.h"

namespace rcspike::web {

/// As JSON, for the first image of a run: `synapses`, those whose input spikes, in the order of these spikes, each with
/// input, t (T), w and D (V_th/T) and G (1/T); `steps`, a stretch between spikes each, with its start t, A, B and the
/// voltage v there; and the circuit's rails and diode drop in V_th, and its ramp. Throws std::invalid_argument if the
/// layer is not dense or has no such neuron.
std::string neuron_details(const Model& model, const Sliders& sliders, const Run& run, std::size_t layer,
                           std::size_t neuron);

}  // namespace rcspike::web
