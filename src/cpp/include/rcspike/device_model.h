// How real devices differ from the weights they stand for: device-aware training draws them again for every batch.
#pragma once

#include <cstdint>
#include <vector>

#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// A weight w becomes the pair of devices of DevicePairs: the device on the rail of its sign has |w| above the minimum
/// conductance, the other one the minimum. In the units of the weights, devices reach from off g_max to
/// g_max = w_max / (1 - off). The first three effects act in this order on the target, the last takes its place. The
/// default is an ideal device.
struct DeviceModel {
    double off = 0;            ///< g_min / g_max, in [0, 1)
    std::uint32_t levels = 0;  ///< of one device, from g_min to g_max, at least 2; 0: any conductance
    double lognormal = 0;      ///< standard deviation of ln g
    double proportional = 0;   ///< standard deviation of a Gaussian error, as a fraction of g
    double absolute = 0;   ///< standard deviation of a Gaussian error, as a fraction of g_max; no device falls below 0
    double stuck_off = 0;  ///< probability that a device is at g_min, whatever its target
    double stuck_on = 0;   ///< probability that it is at g_max
    std::vector<double> w_max;  ///< largest |w| of each layer's devices, in V_th / T; empty: the layer's own

    bool is_ideal() const;
};

/// Throws std::invalid_argument, naming the value, if a parameter is out of its range or does not fit so many layers.
void validate(const DeviceModel& model, std::size_t n_layers);

/// One draw of a layer's devices, n_in x n_out each: that of a training step. It depends on the seed, the step, the
/// number of the layer, the synapse and the effect, and on nothing else. Threefry-2x32-20 (Salmon et al., SC 2011).
template <class Real>
void draw_devices(Span2<const Real> weights, const DeviceModel& model, std::uint64_t seed, std::uint64_t step,
                  std::size_t layer, Span2<Real> plus, Span2<Real> minus, Threads threads = Threads::all());

}  // namespace rcspike
