#include "neurons/single_phase.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"
#include "synapses/ohmic.h"

namespace rcspike::detail {

template <class Real>
SinglePhase<Real>::SinglePhase(const Circuit& circuit, Span1<const Real> offset)
    : threshold(offset.data, offset.data + offset.size), delay(static_cast<Real>(circuit.delay)) {
    if (circuit.injection_plus != 0 || circuit.injection_minus != 0) {
        reject("injection must be 0 for neurons of a single phase, which spike before their switches open, got ",
               circuit.injection_plus, " and ", circuit.injection_minus);
    }
    check_ohmic(circuit, "neurons of a single phase");
    for (Real& value : threshold) {
        if (!(value > -1)) reject("offset must be above -1, so that the threshold is above 0, got ", value);
        value += 1;
    }
}

template <class Real>
void SinglePhase<Real>::check_pool(std::size_t pool) const {
    if (pool == 1) return;
    reject("pool connects membranes at the end of charging, which neurons of a single phase do not have; join their ",
           "spikes (first) instead");
}

template <class Real>
void SinglePhase<Real>::check_injection(const char* name) const {
    reject(name, " must not be given for neurons of a single phase, which spike before their switches open");
}

template <class Real>
void SinglePhase<Real>::check_supply(const char* what) const {
    reject(what, " counts the energy of two phases; there must be none in a single one");
}

template <class Real>
void SinglePhase<Real>::check_loads() const {
    reject("rows that load the membrane are not modelled for neurons of a single phase: leave load out of the circuit");
}

template <class Real>
bool SinglePhase<Real>::spike(State state, const Real* noise, std::size_t n, Real* times) const {
    bool valid = true;
    for (std::size_t i = 0; i < n; ++i) {
        valid = valid && state.t[i] >= 0;  // not NaN
        const Real time = state.t[i] + delay;
        times[i] = noise ? std::max(time + noise[i], Real(0)) : time;
    }
    return valid;
}

template <class Real>
Stuck SinglePhase<Real>::backward(State state, const Real* times, std::size_t n, Real grad_silent_drive,
                                  Real* grad) const {
    Stuck stuck;
    for (std::size_t i = 0; i < n; ++i) {
        const bool silent = std::isinf(times[i]);
        grad[i] = silent ? grad_silent_drive : moves(times[i], state.t[i]) ? grad[i] : Real(0);
        stuck.silent += silent;
    }
    return stuck;
}

template <class Real>
void SinglePhase<Real>::backward_output(State state, const Real* times, const Real*, std::size_t n, Real* grad) const {
    for (std::size_t i = 0; i < n; ++i) {
        if (std::isinf(times[i]) || !moves(times[i], state.t[i])) grad[i] = 0;
    }
}

template struct SinglePhase<float>;
template struct SinglePhase<double>;

}  // namespace rcspike::detail
