// What a backward pass of membranes begins with.
#pragma once

#include <atomic>
#include <cstddef>

#include "rcspike/span.h"

namespace rcspike::detail {

/// Charges that the rails deliver, where the loss counts them (energy.h): dL/dQ of either rail, and where to write Q
/// itself, or null; batch x n_out each.
template <class Real>
struct Supply {
    Span2<const Real> grad_plus, grad_minus;
    Span2<Real> plus, minus;
};

/// Derivatives of the loss against what the membranes of a layer end in, and what their backward pass needs to know of
/// it. Views without data stand for what is not given.
template <class Real>
struct Upstream {
    /// dL/dv(1), batch x n_out; optional if there is a supply. Of neurons that spike while they charge dL/dt, and of
    /// those that do not spike the derivative against the sum of all drives (docs/single-phase.md).
    Span2<const Real> grad{};
    /// Of resistive layers whose neurons have two phases.
    Supply<Real> supply{};
    /// Of neurons that spike while they charge: when they crossed their thresholds, batch x n_out, the bound of |dt/dv|
    /// there in T / V_th, and where to add the number of spikes at that bound, or null.
    Span2<const Real> crossings{};
    double max_slope = 0;
    std::atomic<std::size_t>* n_steep = nullptr;
};

}  // namespace rcspike::detail
