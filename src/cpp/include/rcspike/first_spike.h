// Single-phase neurons, which spike when they reach their threshold while they charge, and their exact backward pass
// (docs/single-phase.md).
#pragma once

#include <cstddef>

#include "rcspike/charge.h"

namespace rcspike {

/// Spike times of a layer of single-phase neurons, batch x n_out, in T: the first time at which the membrane reaches 1,
/// infinity if it never does. The schedule must be made for single-phase neurons. Errors as in charge.
template <class Real>
void first_spike(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit, Span2<Real> times,
                 Threads threads = Threads::all());

/// The same for affine synapses.
template <class Real>
void first_spike(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses, Span2<Real> times,
                 Threads threads = Threads::all());

/// Vector-Jacobian product of first_spike: from dL/dt of the spikes, batch x n_out, to dL/dt of the input spikes, batch
/// x n_in, and dL/dw, n_in x n_out, summed over the batch. The gradient is 0 for neurons that do not spike, and for
/// inputs at or after a neuron's spike. Where the membrane nearly touches the threshold without crossing it, |dt/dv| =
/// 1 / (A - B) is limited to max_slope, in T / V_th; returns the number of spikes so limited. Throws
/// std::invalid_argument unless max_slope is above 0 and finite.
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
