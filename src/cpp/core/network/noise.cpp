#include "rcspike/noise.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"
#include "kernels/kernels.h"

namespace rcspike {

template <class Real>
void draw_noise(std::uint64_t seed, double sigma, Span2<Real> noise) {
    if (!(sigma >= 0) || std::isinf(sigma)) detail::reject("sigma must be finite and not negative, got ", sigma);
    const std::uint32_t key[2] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
    constexpr std::size_t block = kernels::normals_in_block, n_blocks = 32;
    alignas(64) float normal[n_blocks * block];
    for (std::size_t start = 0; start < noise.size(); start += n_blocks * block) {
        const std::size_t n = std::min(noise.size() - start, n_blocks * block);
        kernels::table<float>().normal_numbers(key, start / block, (n + block - 1) / block, normal);
        for (std::size_t i = 0; i < n; ++i) {
            noise.data[start + i] = static_cast<Real>(sigma) * static_cast<Real>(normal[i]);
        }
    }
}

template void draw_noise(std::uint64_t, double, Span2<float>);
template void draw_noise(std::uint64_t, double, Span2<double>);

}  // namespace rcspike
