// Membranes of a layer while they charge.
#pragma once

#include <vector>

#include "walk.h"

namespace rcspike::web {

/// Voltages of all neurons of a layer, n_out x at.size(), in V_th, while the first image of a run charges it, at times
/// in T: in [0, 1] for two-phase neurons. Single-phase ones are followed beyond their spikes, as if they had none.
std::vector<float> membranes(const Model& model, const Sliders& sliders, const Run& run, std::size_t layer,
                             const std::vector<float>& at);

}  // namespace rcspike::web
