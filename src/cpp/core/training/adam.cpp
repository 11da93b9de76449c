#include "training/adam.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <utility>

#include "common/check.h"
#include "common/elementary.h"
#include "parallel/split.h"
#include "parallel/workers.h"

namespace rcspike {
namespace {

constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

/// Numbers of one task, and those of the copy of an array that is not aligned: multiples of lanes.
constexpr std::size_t slice = 8192, block = 256;

/// Some numbers of an array, in memory that a kernel takes: in place where that is aligned and has room for whole rows
/// of lanes, otherwise in a copy.
template <class Real>
class Aligned {
public:
    Aligned(Real* from, std::size_t n) : from_(from), n_(n), in_place_(is_aligned(from) && n == block) {
        if (!in_place_) std::fill(std::copy_n(from, n, copy_), copy_ + block, Real(0));
    }
    Real* data() { return in_place_ ? from_ : copy_; }
    void write_back() const {
        if (!in_place_) std::copy_n(copy_, n_, from_);
    }

private:
    static bool is_aligned(const Real* p) { return reinterpret_cast<std::uintptr_t>(p) % sizeof(Real[lanes]) == 0; }
    static constexpr std::size_t lanes = kernels::lanes<Real>;

    Real* from_;
    std::size_t n_;
    bool in_place_;
    alignas(64) Real copy_[block];
};

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
               Span1<Real> first_moments, Span1<Real> second_moments, double weight_decay, Threads threads) {
    using detail::reject;
    if (step < 1) reject("step must be at least 1, got ", step);
    for (const auto& [name, rate] : {std::pair("learning_rate", learning_rate), {"weight_decay", weight_decay}}) {
        if (!(rate >= 0) || std::isinf(rate)) reject(name, " must be finite and not negative, got ", rate);
    }
    for (const Span1<Real>& array : {values, first_moments, second_moments}) {
        if (array.size != gradient.size) reject("the gradient has ", gradient.size, " numbers, got ", array.size);
    }
    const kernels::Adam<Real> adam = detail::adam_constants<Real>(step, learning_rate, weight_decay);
    detail::for_each_task(detail::divide_up(gradient.size, slice), threads, [&](std::size_t task, std::size_t) {
        const std::size_t end = std::min(gradient.size, (task + 1) * slice);
        for (std::size_t first = task * slice; first < end; first += block) {
            const std::size_t n = std::min(block, end - first);
            Aligned<Real> g(const_cast<Real*>(gradient.data) + first, n), w(values.data + first, n);
            Aligned<Real> m1(first_moments.data + first, n), m2(second_moments.data + first, n);
            kernels::table<Real>().adam(adam, block, g.data(), 1, 0, nullptr, w.data(), m1.data(), m2.data());
            for (const Aligned<Real>* changed : {&w, &m1, &m2}) changed->write_back();
        }
    });
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                    \
    template kernels::Adam<Real> detail::adam_constants(std::uint64_t, double, double);                              \
    template void adam_step(Span1<const Real>, std::uint64_t, double, Span1<Real>, Span1<Real>, Span1<Real>, double, \
                            Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
