#include "training/optimiser.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"
#include "training/adam.h"

namespace rcspike::detail {
namespace {

/// Weights of one task, a multiple of lanes.
constexpr std::size_t slice = 8192;

constexpr std::uint64_t max_steps = std::uint64_t{1} << 53;  // counted exactly by a double

/// The weights of a task that are 0: synapses without a device.
template <class Real>
class Missing {
public:
    Missing(const Real* weights, std::size_t n) : n_(n) {
        for (std::size_t i = 0; i < n; ++i) is_missing_[i] = weights[i] == 0;
    }
    /// Leaves these weights 0, and no other one nearer to it than w_min.
    void keep(Real* weights, Real w_min) const {
        for (std::size_t i = 0; i < n_; ++i) {
            const Real size = std::max(std::abs(weights[i]), w_min);  // in this order NaN stays NaN
            weights[i] = is_missing_[i] ? Real(0) : std::copysign(size, weights[i]);
        }
    }

private:
    std::size_t n_;
    bool is_missing_[slice];
};

}  // namespace

template <class Real>
Optimiser<Real>::Optimiser(const std::vector<Layer<Real>>& layers, double weight_decay) : weight_decay_(weight_decay) {
    if (!(weight_decay >= 0) || std::isinf(weight_decay)) {
        reject("weight_decay must be finite and not negative, got ", weight_decay);
    }
    for (const Layer<Real>& layer : layers) {
        for (auto* moments : {&moment1_, &moment2_}) {
            moments->emplace_back();
            moments->back().resize(layer.n_rows(), layer.n_columns());
            moments->back().values.zero();
        }
    }
}

template <class Real>
void Optimiser<Real>::begin_step(double learning_rate) {
    step_ = adam_constants<Real>(++steps_, learning_rate, weight_decay_);
}

template <class Real>
ExtraTasks Optimiser<Real>::update(std::size_t layer, const PartialGradient<Real>& gradient, const Real* slopes,
                                   WeightRange range, Tiles<Real>& weights) {
    kernels::Adam<Real> step = step_;
    step.w_max = static_cast<Real>(range.max);
    const Real w_min = static_cast<Real>(range.min);
    Real* const w = weights.values.data();
    Real* const m1 = moment1_[layer].values.data();
    Real* const m2 = moment2_[layer].values.data();
    return {(gradient.size + slice - 1) / slice, [=, &gradient](std::size_t task) {
                const std::size_t first = task * slice, n = std::min(slice, gradient.size - first);
                const Missing<Real> missing(w + first, w_min > 0 ? n : 0);
                kernels::table<Real>().adam(step, n, gradient.values.data() + first, gradient.count, gradient.size,
                                            slopes ? slopes + first : nullptr, w + first, m1 + first, m2 + first);
                missing.keep(w + first, w_min);
            }};
}

template <class Real>
const Tiles<Real>& Optimiser<Real>::moment(std::size_t layer, int order) const {
    if (order != 0 && order != 1) reject("order must be 0 or 1, got ", order);
    return (order == 0 ? moment1_ : moment2_).at(layer);
}

template <class Real>
void Optimiser<Real>::restore(std::uint64_t steps, const std::vector<Span2<const Real>>& first,
                              const std::vector<Span2<const Real>>& second) {
    if (steps > max_steps) reject("steps must be at most ", max_steps, ", got ", steps);
    for (const auto* moments : {&first, &second}) {
        if (moments->size() != moment1_.size())
            reject("moments must be given for all ", moment1_.size(), " layers, got ", moments->size());
        for (std::size_t l = 0; l < moments->size(); ++l) {
            check_shape("moment", (*moments)[l], moment1_[l].rows, moment1_[l].cols);
            check_finite("moment", (*moments)[l]);
            if (moments == &second) check_not_negative("second moment", second[l]);
        }
    }
    for (std::size_t l = 0; l < first.size(); ++l) {
        moment1_[l].pack(first[l], Threads::all());
        moment2_[l].pack(second[l], Threads::all());
    }
    steps_ = steps;
}

template class Optimiser<float>;
template class Optimiser<double>;

}  // namespace rcspike::detail
