// How neurons turn charge into spikes.
#pragma once

#include <string>

namespace rcspike {

/// Neurons of two phases charge for one window and fire by a ramp in the next one. Those of a single phase spike at the
/// moment at which they reach their threshold, while they charge.
enum class Phases { two, single };

/// "two" or "single", as files and the Python package call them.
const char* name_of(Phases phases);
/// The reverse. Throws std::invalid_argument for other names.
Phases phases_of(const std::string& name);

/// Spikes of a single phase that would come later than this, in T, do not come (12 days for a window of 1 us).
/// Gradients have the square of a time, a current and up to 1e6 T / V_th for the slope as factors: about 1e30 times the
/// current, which leaves a factor of 1e8 to the largest float32.
inline constexpr double horizon = 0x1p40;

}  // namespace rcspike
