// From images to spike times (design note, section 1).
#pragma once

#include <cstdint>

#include "rcspike/span.h"

namespace rcspike {

/// Spike times t = 1 - x in T of intensities x in [0, 1], and no spike (infinity) for x = 0; both batch x n_pixels.
/// Throws std::invalid_argument if an intensity lies outside [0, 1] or the shapes differ.
template <class Real>
void encode(Span2<const Real> images, Span2<Real> times);

/// The same for x = value / 255.
template <class Real>
void encode(Span2<const std::uint8_t> images, Span2<Real> times);

}  // namespace rcspike
