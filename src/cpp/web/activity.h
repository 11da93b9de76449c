// What an inference does that costs energy.
#pragma once

#include <string>

#include "walk.h"

namespace rcspike::web {

/// Activity of each layer as JSON, mean over the images of a run, all columns together. Charges are in C V_th and
/// without wire resistance: from the rails (`q_plus`, `q_minus`), onto the membranes (`q_net`), of the ramps (`q_ramp`)
/// and of switches as they open (`opened_plus`, `opened_minus`); `spikes` arrive at the layer; for single-phase neurons
/// `watching` is the time of all comparators and `duration` that of the inference, in T. `circuit` has rails and diode
/// drop in V_th.
/// Throws std::invalid_argument if a layer is not dense.
std::string activity(const Model& model, const Sliders& sliders, const Run& run);

}  // namespace rcspike::web
