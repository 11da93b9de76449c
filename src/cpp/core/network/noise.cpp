#include "rcspike/noise.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"
#include "kernels/kernels.h"
#include "parallel/split.h"
#include "parallel/workers.h"

namespace rcspike {

template <class Real>
void draw_noise(std::uint64_t seed, double sigma, Span2<Real> noise, Threads threads) {
    if (!(sigma >= 0) || std::isinf(sigma)) detail::reject("sigma must be finite and not negative, got ", sigma);
    const std::uint32_t key[2] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
    constexpr std::size_t block = kernels::normals_in_block, at_once = 32 * block, per_task = 32 * at_once;
    detail::for_each_task(detail::divide_up(noise.size(), per_task), threads, [&](std::size_t task, std::size_t) {
        alignas(64) float normal[at_once];
        const std::size_t end = std::min(noise.size(), (task + 1) * per_task);
        for (std::size_t start = task * per_task; start < end; start += at_once) {
            const std::size_t n = std::min(end - start, at_once);
            kernels::table<float>().normal_numbers(key, start / block, detail::divide_up(n, block), normal);
            for (std::size_t i = 0; i < n; ++i) {
                noise.data[start + i] = static_cast<Real>(sigma) * static_cast<Real>(normal[i]);
            }
        }
    });
}

template void draw_noise(std::uint64_t, double, Span2<float>, Threads);
template void draw_noise(std::uint64_t, double, Span2<double>, Threads);

}  // namespace rcspike
