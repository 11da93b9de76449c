// How the last layer is read: all outputs in the order of their spikes, also those that do not spike (docs/model.md).
#pragma once

#include <algorithm>
#include <cstddef>

#include "common/elementary.h"
#include "neurons/fire.h"

namespace rcspike::detail {

class Readout {
public:
    explicit Readout(const Ramp& ramp) : b_(ramp.b()), log_end_(ramp.log_end()), delay_(ramp.delay()) {}

    /// Where on the ramp from rest (0) to threshold (1) a voltage lies, minus the delay of the spike: 1 - t_out before
    /// the spike time is clipped. The curve continues along its tangents below rest and above the threshold.
    double position(double v) const {
        if (b_ == 0) return v - delay_;
        const double inside = std::clamp(v, 0.0, 1.0);
        return log1p(-b_ * inside) / log_end_ + slope(1 - b_ * inside) * (v - inside) - delay_;
    }

    /// The voltage at a position.
    double voltage(double position) const {
        position += delay_;
        if (b_ == 0) return position;
        const double inside = std::clamp(position, 0.0, 1.0), e = expm1(inside * log_end_);
        return -e / b_ + (position - inside) / slope(1 + e);
    }

    /// Derivative of the position with respect to the voltage, at a position.
    double slope_at(double position) const {
        return b_ == 0 ? 1 : slope(1 + expm1(std::clamp(position + delay_, 0.0, 1.0) * log_end_));
    }

    /// Voltages whose spikes come later than those of n voltages by a shift each, in T.
    template <class Real>
    void delay(const Real* shift, std::size_t n, Real* v) const {
        for (std::size_t i = 0; i < n; ++i) {
            v[i] = b_ == 0 ? v[i] - shift[i] : static_cast<Real>(voltage(position(v[i]) - shift[i]));
        }
    }

private:
    /// Derivative of the position where the ramp's current is `current` times that at rest.
    double slope(double current) const { return -b_ / (current * log_end_); }

    double b_, log_end_, delay_;
};

}  // namespace rcspike::detail
