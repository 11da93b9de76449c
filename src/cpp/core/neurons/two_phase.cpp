#include "neurons/two_phase.h"

#include <algorithm>

#include "common/check.h"
#include "common/elementary.h"
#include "neurons/readout.h"

namespace rcspike::detail {

template <class Real>
bool TwoPhase<Real>::spike(State state, const Real* noise, std::size_t n, Real* times) const {
    for (std::size_t i = 0; i < offset.size(); ++i) state.v[i] -= offset[i];
    if (!all_finite(state.v, n)) return false;
    ramp.times(state.v, n, times);
    for (std::size_t i = 0; noise && i < n; ++i) times[i] = std::max(times[i] + noise[i], Real(0));
    return true;
}

template <class Real>
bool TwoPhase<Real>::read(State state, const Real* noise, std::size_t n, Real*) const {
    for (std::size_t i = 0; i < offset.size(); ++i) state.v[i] -= offset[i];
    if (noise) Readout(ramp).delay(noise, n, state.v);
    return all_finite(state.v, n);
}

template <class Real>
Stuck TwoPhase<Real>::backward(State state, const Real* times, std::size_t n, Real, Real* grad) const {
    ramp.vjp(state.v, grad, n, grad);
    for (std::size_t i = 0; i < n; ++i) grad[i] = times[i] > 0 ? grad[i] : Real(0);
    Stuck stuck;
    for (std::size_t i = 0; i < n; ++i) {
        stuck.silent += state.v[i] <= 0;
        stuck.saturated += state.v[i] >= 1;
    }
    return stuck;
}

template <class Real>
void TwoPhase<Real>::backward_output(State state, const Real*, const Real* noise, std::size_t n, Real* grad) const {
    if (!noise || ramp.b() == 0) return;
    const Readout readout(ramp);
    for (std::size_t i = 0; i < n; ++i) {
        const double position = readout.position(state.v[i]);
        grad[i] = static_cast<Real>(grad[i] * (readout.slope_at(position + noise[i]) / readout.slope_at(position)));
    }
}

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

template struct TwoPhase<float>;
template struct TwoPhase<double>;

}  // namespace rcspike::detail
