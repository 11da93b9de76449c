// Gaussian noise of spike times.
#pragma once

#include <cstdint>

#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// Fills a matrix with independent Gaussian numbers of standard deviation sigma, for one layer's `noise` in
/// Network::forward. Number i depends only on the seed and on i, and is within 5.8 sigma: Threefry-2x32-20 (Salmon et
/// al., SC 2011), and Box and Muller 1958 in float. Throws std::invalid_argument unless sigma is finite and not
/// negative.
template <class Real>
void draw_noise(std::uint64_t seed, double sigma, Span2<Real> noise, Threads threads = Threads::all());

}  // namespace rcspike
