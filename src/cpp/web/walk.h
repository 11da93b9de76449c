// A batch of images on its way through a network, layer by layer.
#pragma once

#include <cstdint>
#include <vector>

#include "model.h"
#include "rcspike/span.h"

namespace rcspike::web {

/// What arrives at one layer and leaves it.
struct LayerRun {
    std::vector<float> times;  ///< of the input spikes, batch x n_in, in T
    std::vector<float> v;      ///< at the end of charging, batch x n_out, in V_th; empty for single-phase neurons
    std::vector<float> t_out;  ///< output spike times, batch x n_out, in T, with noise and offsets
};

struct Run {
    std::size_t batch;
    std::vector<LayerRun> layers;
    std::vector<float> read;            ///< what outputs are read by: voltages, or times of single-phase neurons
    std::vector<std::int32_t> answers;  ///< class of each image, -1 if a single-phase network gives none
};

/// Throws std::invalid_argument if the times do not fit, or a slider does not apply.
Run walk(const Model& model, const Sliders& sliders, Span2<const float> times);

/// What the columns of one layer are read by for input spikes (batch x n_in), batch x n_out: two-phase neurons by their
/// voltages at the end of charging, with wires of `wire_resistance`. Weights are multiplied by `window`.
std::vector<float> read_layer(const Model& model, std::size_t layer, const Circuit& circuit, Phases phases,
                              Span2<const float> times, double wire_resistance = 0, float window = 1);

}  // namespace rcspike::web
