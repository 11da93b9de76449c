// Firing phase: from membrane voltages to output spike times (docs/model.md).
#pragma once

#include "rcspike/circuit.h"
#include "rcspike/span.h"

namespace rcspike {

/// Output spike times in T: clip(1 - v, 0, 1) on the ideal ramp, 1 - ln(1 - b v) / ln(1 - b) on a ramp with coefficient
/// b; infinite where v <= 0, 0 where v >= 1. Throws std::invalid_argument if a voltage is NaN or the shapes differ.
template <class Real>
void fire(Span2<const Real> v, const Circuit& circuit, Span2<Real> times);

/// Vector-Jacobian product of fire: zero outside 0 < v < 1, where the spike time does not move.
template <class Real>
void fire_vjp(Span2<const Real> v, const Circuit& circuit, Span2<const Real> grad_times, Span2<Real> grad_v);

/// Spike times before clipping, as the last layer is read: 1 - v on the ideal ramp. On a nonlinear ramp the curve of
/// fire continues along its tangents below rest and above the threshold.
template <class Real>
void readout_times(Span2<const Real> v, const Circuit& circuit, Span2<Real> times);

/// The inverse of readout_times: voltages from unclipped spike times.
template <class Real>
void readout_voltages(Span2<const Real> times, const Circuit& circuit, Span2<Real> v);

}  // namespace rcspike
