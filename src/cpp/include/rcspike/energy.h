// Charge that the supplies deliver while a layer charges, exact, and its backward pass (docs/energy.md).
#pragma once

#include "rcspike/circuit.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// Charge that each rail delivers to the membranes, batch x n_out, in C V_th: Q+ = int sum (D - G v) dt >= 0 over the
/// synapses of weights w >= 0, and Q- <= 0 over the others, so that v(1) = Q+ + Q-. The supplies spend E+ Q+ + E- Q-,
/// in C V_th^2; for current sources (infinite rails), use the supply voltages of the sources instead of E+ and E-.
/// Where rows load the membrane, the rails also deliver what bodies and junctions take until all switches have opened.
/// Throws std::invalid_argument if a shape does not fit, a weight is not finite or the circuit
/// is not physical.
template <class Real>
void supply_charge(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                   Span2<Real> q_plus, Span2<Real> q_minus, Threads threads = Threads::all());

/// The same for single-phase neurons: each membrane charges until its entry of `until`, batch x n_out, in T, which may
/// be infinite only if no current flows at the end. The schedule must be made for single-phase neurons.
template <class Real>
void supply_charge_until(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                         Span2<const Real> until, Span2<Real> q_plus, Span2<Real> q_minus,
                         Threads threads = Threads::all());

/// Vector-Jacobian product of supply_charge: from dL/dQ+ and dL/dQ-, batch x n_out, to dL/dt, batch x n_in (zero for
/// inputs that never spike) and dL/dw, n_in x n_out, summed over the batch.
template <class Real>
void supply_charge_vjp(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                       Span2<const Real> grad_q_plus, Span2<const Real> grad_q_minus, Span2<Real> grad_times,
                       Span2<Real> grad_weights, Threads threads = Threads::all());

}  // namespace rcspike
