// How neurons turn charge into spikes.
#pragma once

namespace rcspike {

/// Neurons of two phases charge for one window and fire by a ramp in the next one. Those of a single phase spike at the
/// moment at which they reach their threshold, while they charge.
enum class Phases { two, single };

/// Spikes of a single phase that would come later than this, in T, do not come: products of times and currents stay
/// finite.
inline constexpr double horizon = 0x1p60;

}  // namespace rcspike
