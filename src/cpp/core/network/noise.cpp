#include "rcspike/noise.h"

#include <cmath>

#include "common/check.h"
#include "kernels/kernels.h"

namespace rcspike {

template <class Real>
void draw_noise(std::uint64_t seed, double sigma, Span2<Real> noise) {
    if (!(sigma >= 0) || std::isinf(sigma)) detail::reject("sigma must be finite and not negative, got ", sigma);
    const std::uint32_t key[2] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
    kernels::table<Real>().noise(key, static_cast<Real>(sigma), noise.size(), noise.data);
}

template void draw_noise(std::uint64_t, double, Span2<float>);
template void draw_noise(std::uint64_t, double, Span2<double>);

}  // namespace rcspike
