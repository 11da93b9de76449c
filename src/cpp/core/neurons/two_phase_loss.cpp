#include <algorithm>
#include <cmath>

#include "common/elementary.h"
#include "neurons/readout.h"
#include "neurons/two_phase.h"

namespace rcspike::detail {

template <class Real>
SampleLoss TwoPhase<Real>::loss(const Loss& loss, State state, const Real*, const Real* noise, std::size_t n,
                                std::size_t label, double scale, Real* grad) const {
    // Positions on the ramp, 1 - t_out, taken relative to that of the first spike, so that exp stays in range.
    const Readout readout(ramp);
    const Real* const v = state.v;
    const auto first = static_cast<std::size_t>(std::max_element(v, v + n) - v);
    const double first_position = readout.position(v[first]);
    const auto exponent = [&](double position) { return (position - first_position) / loss.temperature; };
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += exp_of_negative(exponent(readout.position(v[i])));
    double value = log(sum) + (first_position - readout.position(v[label])) / loss.temperature;
    for (std::size_t i = 0; i < n; ++i) {
        const double position = readout.position(v[i]);
        const double p = exp_of_negative(exponent(position)) / sum;
        const double late = (1 - position) - loss.t_ref;
        value += loss.temporal_penalty * late * late;
        const double slope = (p - (i == label)) / loss.temperature - 2 * loss.temporal_penalty * late;
        grad[i] = static_cast<Real>(scale * slope * readout.slope_at(noise ? position + noise[i] : position));
    }
    return {value, first == label};
}

template SampleLoss TwoPhase<float>::loss(const Loss&, State, const float*, const float*, std::size_t, std::size_t,
                                          double, float*) const;
template SampleLoss TwoPhase<double>::loss(const Loss&, State, const double*, const double*, std::size_t, std::size_t,
                                           double, double*) const;

}  // namespace rcspike::detail
