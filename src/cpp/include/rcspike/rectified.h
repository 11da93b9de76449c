// Charging through diodes that rectify: a device conducts only while the membrane has not passed its rail.
#pragma once

#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// Pairs of devices, each with a rail of its own: that of the circuit minus the drop of its diode. Once the spike of
/// its input has come, a device on the positive side brings g max(rail - v, 0), one on the negative side takes
/// g max(v - rail, 0). All matrices are n_in x n_out.
template <class Real>
struct RectifiedSynapses {
    Span2<const Real> g_plus;        ///< at least 0, in 1 / T
    Span2<const Real> rail_plus;     ///< E+ - V_D of each device, in V_th
    Span2<const Real> g_minus;       ///< at least 0, in 1 / T
    Span2<const Real> rail_minus;    ///< E- + V_D of each device, in V_th
    Span1<const Real> drive0;        ///< D0, n_out, in V_th / T: always on, without a diode; optional
    Span1<const Real> conductance0;  ///< G0 >= 0, n_out, in 1 / T; optional
};

/// Membrane voltages v(1), batch x n_out, in V_th. Exact: between two spikes, the times at which the voltage passes a
/// rail are solved for. Throws std::invalid_argument if a shape does not fit, a number is not finite or a conductance
/// is negative.
template <class Real>
void charge(const Schedule<Real>& schedule, const RectifiedSynapses<Real>& synapses, Span2<Real> v,
            Threads threads = Threads::all());

}  // namespace rcspike
