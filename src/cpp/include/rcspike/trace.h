// Membrane voltages within the charging phase, exact at any time.
#pragma once

#include "rcspike/circuit.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// Membrane voltages at the times `at` (in [0, 1], any order), written as batch x (n_out * at.size), in V_th. Throws
/// std::invalid_argument if a shape does not fit, a weight is not finite or a time lies outside [0, 1].
template <class Real>
void trace(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit, Span1<const Real> at,
           Span2<Real> v, Threads threads = Threads::all());

}  // namespace rcspike
