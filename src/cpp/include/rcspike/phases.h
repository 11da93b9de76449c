// How neurons turn charge into spikes.
#pragma once

#include <string>

namespace rcspike {

/// Two-phase neurons charge for one window and fire by a ramp in the next window. Single-phase neurons spike when they
/// reach their threshold while they charge.
enum class Phases { two, single };

/// "two" or "single", as files and the Python package call them.
const char* name_of(Phases phases);
/// The phases with this name. Throws std::invalid_argument for other names.
Phases phases_of(const std::string& name);

/// Latest spike time of a single-phase neuron, in T (12 days for a window of 1 us); a neuron that would spike later
/// stays silent. Gradients contain the square of a time, a current and a slope of up to 1e6 T / V_th: about 1e30 times
/// the current, which leaves a factor of 1e8 to the largest float32.
inline constexpr double horizon = 0x1p40;

}  // namespace rcspike
