#include "training/adam.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>

#include "common/check.h"
#include "common/elementary.h"
#include "memory/flush.h"

namespace rcspike {
namespace {

constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

/// Numbers that are copied to aligned memory at a time, a multiple of lanes.
constexpr std::size_t block = 256;

}  // namespace

template <class Real>
kernels::Adam<Real> detail::adam_constants(std::uint64_t step, double learning_rate, double weight_decay) {
    kernels::Adam<Real> adam;
    adam.learning_rate = static_cast<Real>(learning_rate);
    adam.beta1 = static_cast<Real>(beta1);
    adam.beta2 = static_cast<Real>(beta2);
    adam.epsilon = static_cast<Real>(epsilon);
    adam.correction1 = static_cast<Real>(1 / (1 - power(beta1, step)));
    adam.correction2 = static_cast<Real>(1 / (1 - power(beta2, step)));
    adam.keep = static_cast<Real>(1 - learning_rate * weight_decay);
    adam.w_max = std::numeric_limits<Real>::infinity();
    return adam;
}

template <class Real>
void adam_step(Span1<const Real> gradient, std::uint64_t step, double learning_rate, Span1<Real> values,
               Span1<Real> first_moments, Span1<Real> second_moments) {
    using detail::reject;
    if (step < 1) reject("step must be at least 1, got ", step);
    if (!(learning_rate >= 0) || std::isinf(learning_rate)) {
        reject("learning_rate must be finite and not negative, got ", learning_rate);
    }
    for (const Span1<Real>& array : {values, first_moments, second_moments}) {
        if (array.size != gradient.size) reject("the gradient has ", gradient.size, " numbers, got ", array.size);
    }
    const kernels::Adam<Real> adam = detail::adam_constants<Real>(step, learning_rate, 0);
    const detail::FlushToZero flush;
    for (std::size_t first = 0; first < gradient.size; first += block) {
        alignas(64) Real g[block] = {}, w[block] = {}, m1[block] = {}, m2[block] = {};
        const std::size_t n = std::min(block, gradient.size - first);
        std::copy_n(gradient.data + first, n, g);
        std::copy_n(values.data + first, n, w);
        std::copy_n(first_moments.data + first, n, m1);
        std::copy_n(second_moments.data + first, n, m2);
        kernels::table<Real>().adam(adam, block, g, 1, 0, nullptr, w, m1, m2);
        std::copy_n(w, n, values.data + first);
        std::copy_n(m1, n, first_moments.data + first);
        std::copy_n(m2, n, second_moments.data + first);
    }
}

#define RCSPIKE_INSTANTIATE(Real)                                                       \
    template kernels::Adam<Real> detail::adam_constants(std::uint64_t, double, double); \
    template void adam_step(Span1<const Real>, std::uint64_t, double, Span1<Real>, Span1<Real>, Span1<Real>);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
