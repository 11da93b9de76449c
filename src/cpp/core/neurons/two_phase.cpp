#include "neurons/two_phase.h"

#include <algorithm>

#include "common/check.h"
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

template struct TwoPhase<float>;
template struct TwoPhase<double>;

}  // namespace rcspike::detail
