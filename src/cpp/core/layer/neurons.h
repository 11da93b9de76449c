// The neurons of a layer: from the voltages at the end of the charging phase to spike times, and back.
#pragma once

#include <cstddef>
#include <vector>

#include "layer/ramp.h"

namespace rcspike::detail {

/// Neurons that charge for one phase and then fire by a ramp in the next one.
template <class Real>
struct TwoPhase {
    Ramp ramp;
    std::vector<Real> offset;  // of the thresholds, in V_th; empty if there is none

    /// Voltages v of one sample become those of neurons without offsets that fire at the same times.
    void subtract_offsets(Real* v) const {
        for (std::size_t i = 0; i < offset.size(); ++i) v[i] -= offset[i];
    }

    /// dL/dt of n spikes becomes dL/dv. `times` are the spike times with noise: a spike that noise has moved to the
    /// start of the phase no longer depends on its voltage.
    void backward(const Real* v, const Real* times, std::size_t n, Real* grad) const {
        ramp.vjp(v, grad, n, grad);
        for (std::size_t i = 0; i < n; ++i) grad[i] = times[i] > 0 ? grad[i] : Real(0);
    }
};

}  // namespace rcspike::detail
