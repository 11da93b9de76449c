// The firing ramp of one neuron: spike time and its slope as functions of the voltage (docs/model.md).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "common/elementary.h"
#include "rcspike/circuit.h"

namespace rcspike::detail {

class Ramp {
public:
    /// A b whose product with v could be too small to be normal is as good as 0.
    explicit Ramp(const Circuit& circuit)
        : b_(std::abs(circuit.ramp) < 1e-290 ? 0 : circuit.ramp),
          log_end_(b_ == 0 ? 0 : log1p(-b_)),
          delay_(circuit.delay) {}

    /// Spike times of n voltages. One that the delay moves beyond the phase is lost.
    template <class Real>
    void times(const Real* v, std::size_t n, Real* t) const {
        reach(v, n, t);
        if (delay_ == 0) return;
        for (std::size_t i = 0; i < n; ++i) {
            const Real late = t[i] + static_cast<Real>(delay_);
            t[i] = late > 1 ? std::numeric_limits<Real>::infinity() : late;
        }
    }

    /// dL/dv of n voltages from dL/dt, zero where the spike time does not move; may be written over dL/dt.
    template <class Real>
    void vjp(const Real* v, const Real* grad_times, std::size_t n, Real* grad_v) const {
        for (std::size_t i = 0; i < n; ++i) {
            const Real slope = b_ == 0 ? Real(-1) : static_cast<Real>(b_ / ((1 - b_ * v[i]) * log_end_));
            grad_v[i] = grad_times[i] * (((v[i] > 0) & (v[i] < 1)) ? slope : Real(0));
        }
        if (delay_ == 0) return;
        for (std::size_t i = 0; i < n; ++i) {
            Real t;
            times(v + i, 1, &t);
            if (t > 1) grad_v[i] = 0;
        }
    }

    /// Coefficient b, and ln(1 - b); both 0 on the ideal ramp.
    double b() const { return b_; }
    double log_end() const { return log_end_; }
    double delay() const { return delay_; }

private:
    /// When the ramp takes n voltages to the threshold. The ideal ramp has no branch: processors cannot predict which
    /// neurons are silent, and a branch on it took up to a twentieth of a training step.
    template <class Real>
    void reach(const Real* v, std::size_t n, Real* t) const {
        if (b_ == 0) {
            for (std::size_t i = 0; i < n; ++i) {
                const Real late = v[i] > 1 ? Real(0) : 1 - v[i];
                t[i] = v[i] <= 0 ? std::numeric_limits<Real>::infinity() : late;
            }
            return;
        }
        for (std::size_t i = 0; i < n; ++i) {
            // Next to the threshold the quotient may be rounded beyond 1.
            const double late = v[i] > 0 && v[i] < 1 ? std::max(1 - log1p(-b_ * v[i]) / log_end_, 0.0) : 0;
            t[i] = v[i] <= 0 ? std::numeric_limits<Real>::infinity() : static_cast<Real>(late);
        }
    }

    double b_;
    double log_end_;
    double delay_;
};

}  // namespace rcspike::detail
