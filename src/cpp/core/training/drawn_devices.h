// Devices of all layers, drawn for one training step.
#pragma once

#include <cstdint>
#include <vector>

#include "layer/layer.h"
#include "memory/buffer.h"
#include "rcspike/device_model.h"

namespace rcspike::detail {

template <class Real>
struct DrawnDevices {
    std::vector<Layer<Real>> layers;   // as the step sees them: of pairs, or of weights where rows load the membrane
    std::vector<Buffer<Real>> slopes;  // d|g|/d|w|, in the layout of Tiles

    /// Draws devices for resistive layers, which must stay where they are as long as gradients are wanted. Those of
    /// inputs that are not `used`, a flag for each, remain as they were: nothing reads them in this step.
    void draw(const std::vector<Layer<Real>>& weights, const std::vector<std::uint8_t>& used, const DeviceModel& model,
              std::uint64_t seed, std::uint64_t step, Threads threads);
};

}  // namespace rcspike::detail
