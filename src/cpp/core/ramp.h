// The firing ramp of one neuron: spike time and its slope as functions of the voltage (design note, section 1).
#pragma once

#include <limits>

#include "elementary.h"
#include "rcspike/circuit.h"

namespace rcspike::detail {

class Ramp {
public:
    explicit Ramp(const Circuit& circuit) : b_(circuit.ramp), log_end_(b_ == 0 ? 0 : log1p(-b_)) {}

    template <class Real>
    Real time(Real v) const {
        if (v <= 0) return std::numeric_limits<Real>::infinity();
        if (v >= 1) return 0;
        if (b_ == 0) return 1 - v;
        return static_cast<Real>(1 - log1p(-b_ * v) / log_end_);
    }

    /// d time / d v, zero where the spike time does not move.
    template <class Real>
    Real slope(Real v) const {
        if (!(v > 0 && v < 1)) return 0;
        if (b_ == 0) return -1;
        return static_cast<Real>(b_ / ((1 - b_ * v) * log_end_));
    }

private:
    double b_;
    double log_end_;
};

}  // namespace rcspike::detail
