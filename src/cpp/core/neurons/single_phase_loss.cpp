#include <algorithm>
#include <cmath>

#include "common/elementary.h"
#include "neurons/single_phase.h"

namespace rcspike::detail {

template <class Real>
SampleLoss SinglePhase<Real>::loss(const Loss& loss, State state, const Real* times, const Real*, std::size_t n,
                                   std::size_t label, double scale, Real* grad) const {
    const auto first = static_cast<std::size_t>(std::min_element(times, times + n) - times);
    double silent = loss.t_silent;
    for (std::size_t i = 0; i < n; ++i) {
        if (!std::isinf(times[i])) silent = std::max<double>(silent, times[i]);
    }
    const auto time = [&](std::size_t i) { return std::isinf(times[i]) ? silent : static_cast<double>(times[i]); };
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += exp_of_negative((time(first) - time(i)) / loss.temperature);
    double value = log(sum) + (time(label) - time(first)) / loss.temperature;
    for (std::size_t i = 0; i < n; ++i) {
        const double p = exp_of_negative((time(first) - time(i)) / loss.temperature) / sum;
        if (std::isinf(times[i])) {
            // A drive of 1 V_th / T counts as moving the label's spike by 1 T, until it comes.
            const double earlier = (1 - p) / loss.temperature + loss.silent_penalty;
            grad[i] = i == label ? static_cast<Real>(-scale * earlier) : Real(0);
            continue;
        }
        const double late = times[i] - loss.t_ref;
        value += loss.temporal_penalty * late * late;
        const double slope = ((i == label) - p) / loss.temperature + 2 * loss.temporal_penalty * late;
        grad[i] = moves(times[i], state.t[i]) ? static_cast<Real>(scale * slope) : Real(0);
    }
    return {value, first == label && !std::isinf(times[label])};
}

template SampleLoss SinglePhase<float>::loss(const Loss&, State, const float*, const float*, std::size_t, std::size_t,
                                             double, float*) const;
template SampleLoss SinglePhase<double>::loss(const Loss&, State, const double*, const double*, std::size_t,
                                              std::size_t, double, double*) const;

}  // namespace rcspike::detail
