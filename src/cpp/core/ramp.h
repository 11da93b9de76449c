// The firing ramp of one neuron: spike time and its slope as functions of the voltage (docs/model.md).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "elementary.h"
#include "rcspike/circuit.h"

namespace rcspike::detail {

class Ramp {
public:
    /// A b whose product with v could be too small to be normal is as good as 0.
    explicit Ramp(const Circuit& circuit)
        : b_(std::abs(circuit.ramp) < 1e-290 ? 0 : circuit.ramp), log_end_(b_ == 0 ? 0 : log1p(-b_)) {}

    /// Spike times of n voltages. The ideal ramp has no branch: which neurons are silent is anybody's guess, and a
    /// branch on it cost as much as a twentieth of a training step.
    template <class Real>
    void times(const Real* v, std::size_t n, Real* t) const {
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

    /// dL/dv of n voltages from dL/dt, zero where the spike time does not move; may be written over dL/dt.
    template <class Real>
    void vjp(const Real* v, const Real* grad_times, std::size_t n, Real* grad_v) const {
        for (std::size_t i = 0; i < n; ++i) {
            const Real slope = b_ == 0 ? Real(-1) : static_cast<Real>(b_ / ((1 - b_ * v[i]) * log_end_));
            grad_v[i] = grad_times[i] * (((v[i] > 0) & (v[i] < 1)) ? slope : Real(0));
        }
    }

    /// Voltages whose spikes come later than those of n voltages by a shift each, in T.
    template <class Real>
    void delay(const Real* shift, std::size_t n, Real* v) const {
        for (std::size_t i = 0; i < n; ++i) {
            v[i] = b_ == 0 ? v[i] - shift[i] : static_cast<Real>(voltage(position(v[i]) - shift[i]));
        }
    }

    /// Where on the ramp from rest (0) to threshold (1) a voltage lies: 1 - t_out before the spike time is clipped. The
    /// readout orders all outputs, so the curve continues along its tangents below rest and above the threshold.
    double position(double v) const {
        if (b_ == 0) return v;
        const double inside = std::clamp(v, 0.0, 1.0);
        return log1p(-b_ * inside) / log_end_ + slope(1 - b_ * inside) * (v - inside);
    }

    /// The voltage at a position.
    double voltage(double position) const {
        if (b_ == 0) return position;
        const double inside = std::clamp(position, 0.0, 1.0), e = expm1(inside * log_end_);
        return -e / b_ + (position - inside) / slope(1 + e);
    }

    /// Derivative of the position with respect to the voltage, at a position.
    double slope_at(double position) const {
        return b_ == 0 ? 1 : slope(1 + expm1(std::clamp(position, 0.0, 1.0) * log_end_));
    }

private:
    /// Derivative of the position where the ramp's current is `current` times that at rest.
    double slope(double current) const { return -b_ / (current * log_end_); }

    double b_;
    double log_end_;
};

}  // namespace rcspike::detail
