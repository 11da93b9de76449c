// How real devices differ from the weights they stand for: device-aware training draws them again for every batch.
#pragma once

#include <cstdint>
#include <vector>

#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// A weight w becomes a pair of devices (DevicePairs): the device on the rail with the sign of w has the minimum
/// conductance plus |w|, the other device has the minimum. In the units of the weights, conductances range from off
/// g_max to g_max = w_max / (1 - off). Levels, lognormal and Gaussian errors act in this order on the target; a stuck
/// device ignores the target. The default is an ideal device.
struct DeviceModel {
    double off = 0;            ///< g_min / g_max, in [0, 1)
    std::uint32_t levels = 0;  ///< of a device's conductance, from g_min to g_max, at least 2; 0: any value
    double lognormal = 0;      ///< standard deviation of ln g
    double proportional = 0;   ///< standard deviation of a Gaussian error, as a fraction of g
    double absolute = 0;   ///< standard deviation of a Gaussian error, as a fraction of g_max; no device falls below 0
    double stuck_off = 0;  ///< probability that a device is at g_min, whatever its target
    double stuck_on = 0;   ///< probability that a device is at g_max
    std::vector<double> w_max;  ///< largest |w| that a layer's devices hold, in V_th / T; empty: its largest weight
    /// smallest |w| of each layer that training leaves a weight, where a weight of 0 has no device and stays 0; empty:
    /// any
    std::vector<double> w_min;

    bool is_ideal() const;  ///< whether a step runs on the weights themselves, within their range
};

/// Throws std::invalid_argument, naming the value, if a parameter is out of range or w_max or w_min does not have
/// n_layers values.
void validate(const DeviceModel& model, std::size_t n_layers);

/// Draws a layer's devices for one training step, n_in x n_out each. The draw depends only on the seed, the step, the
/// layer number, the synapse and the effect. Threefry-2x32-20 (Salmon et al., SC 2011).
template <class Real>
void draw_devices(Span2<const Real> weights, const DeviceModel& model, std::uint64_t seed, std::uint64_t step,
                  std::size_t layer, Span2<Real> plus, Span2<Real> minus, Threads threads = Threads::all());

}  // namespace rcspike
