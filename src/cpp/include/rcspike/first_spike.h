// Neurons that spike when they reach their thresholds, while they charge, and the exact backward pass
// (docs/single-phase.md).
#pragma once

#include <cstddef>

#include "rcspike/charge.h"

namespace rcspike {

/// Spike times of a layer of neurons of a single phase, batch x n_out, in T: the first time at which the membrane is at
/// 1, infinity if it never is. The schedule is one of a single phase. Errors as in charge.
template <class Real>
void first_spike(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit, Span2<Real> times,
                 Threads threads = Threads::all());

/// The same for affine synapses.
template <class Real>
void first_spike(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses, Span2<Real> times,
                 Threads threads = Threads::all());

/// Vector-Jacobian product of first_spike: from dL/dt of the spikes, batch x n_out, to dL/dt of the input spikes, batch
/// x n_in, and dL/dw, n_in x n_out, summed over the batch. Neurons that do not spike have the gradient 0, and so have
/// inputs at or after a spike. Next to a tangent, |dt/dv| = 1 / (A - B) is bounded by max_slope, in T / V_th; returns
/// the number of spikes at that bound. Throws std::invalid_argument unless it is above 0 and finite.
template <class Real>
std::size_t first_spike_vjp(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                            Span2<const Real> grad_spikes, double max_slope, Span2<Real> grad_times,
                            Span2<Real> grad_weights, Threads threads = Threads::all());

/// The same for affine synapses.
template <class Real>
std::size_t first_spike_vjp(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses,
                            Span2<const Real> grad_spikes, double max_slope, Span2<Real> grad_times,
                            const AffineGradient<Real>& gradient, Threads threads = Threads::all());

}  // namespace rcspike
