// The neurons of a layer, a type for each kind: when they spike, and the backward pass through it.
#pragma once

#include <cstddef>
#include <variant>
#include <vector>

#include "layer/ramp.h"
#include "rcspike/phases.h"

namespace rcspike::detail {

/// Neurons that charge for one phase and then fire by a ramp in the next one.
template <class Real>
struct TwoPhase {
    static constexpr Phases phases = Phases::two;
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

/// Neurons that spike when they reach their thresholds, while they charge.
template <class Real>
struct SinglePhase {
    static constexpr Phases phases = Phases::single;
    std::vector<Real> threshold;  // of each neuron, in V_th; empty if all are 1
    Real delay = 0;               // from the crossing to the spike, in T

    /// Thresholds of n neurons from number `first` on, into rows of lanes that are full.
    void thresholds(std::size_t first, std::size_t n, Real* to) const {
        for (std::size_t i = 0; i < n; ++i) to[i] = first + i < threshold.size() ? threshold[first + i] : Real(1);
    }
};

template <class Real>
using Neurons = std::variant<TwoPhase<Real>, SinglePhase<Real>>;

template <class Real>
Phases phases_of(const Neurons<Real>& neurons) {
    return std::visit([](const auto& kind) { return kind.phases; }, neurons);
}

}  // namespace rcspike::detail
