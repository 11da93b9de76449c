// Checks of spike times before they are sorted.
#pragma once

#include <cstddef>

#include "neurons/listening_window.h"
#include "rcspike/span.h"

namespace rcspike::detail {

/// Spikes among the times of one sample; `invalid_times` if one of them is negative or NaN.
template <class Real>
std::size_t count_spikes(Span1<const Real> times, const Window& window);
inline constexpr std::size_t invalid_times = static_cast<std::size_t>(-1);

/// Throws the error that names the first time in row `sample` that is negative or NaN.
template <class Real>
[[noreturn]] void reject_times(Span2<const Real> times, const Window& window, std::size_t sample);

}  // namespace rcspike::detail
