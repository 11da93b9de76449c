// Firing phase: from membrane voltages to output spike times (docs/model.md).
#pragma once

#include "rcspike/circuit.h"
#include "rcspike/span.h"

namespace rcspike {

/// Output spike times in T: clip(1 - v, 0, 1) on the ideal ramp, 1 - ln(1 - b v) / ln(1 - b) on one with coefficient b;
/// infinite where v <= 0, 0 where v >= 1. Throws std::invalid_argument if a voltage is NaN or the shapes differ.
template <class Real>
void fire(Span2<const Real> v, const Circuit& circuit, Span2<Real> times);

/// Vector-Jacobian product of fire: zero outside 0 < v < 1, where the spike time does not move.
template <class Real>
void fire_vjp(Span2<const Real> v, const Circuit& circuit, Span2<const Real> grad_times, Span2<Real> grad_v);

}  // namespace rcspike
