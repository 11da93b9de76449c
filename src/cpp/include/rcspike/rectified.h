// Charging through rectifying diodes: a device conducts only while the membrane has not passed its rail.
#pragma once

#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// Pairs of devices, each with its own rail: the circuit's rail reduced by the drop of the device's diode. After its
/// input has spiked, a device on the positive side adds the current g max(rail - v, 0), and a device on the negative
/// side removes g max(v - rail, 0). All matrices are n_in x n_out.
template <class Real>
struct RectifiedSynapses {
    Span2<const Real> g_plus;        ///< at least 0, in 1 / T
    Span2<const Real> rail_plus;     ///< E+ - V_D of each device, in V_th
    Span2<const Real> g_minus;       ///< at least 0, in 1 / T
    Span2<const Real> rail_minus;    ///< E- + V_D of each device, in V_th
    Span1<const Real> drive0;        ///< D0, n_out, in V_th / T: always on, without a diode; optional
    Span1<const Real> conductance0;  ///< G0 >= 0, n_out, in 1 / T; optional
};

/// Membrane voltages v(1), batch x n_out, in V_th. Exact: solves for the times between two spikes at which the voltage
/// passes a rail. Throws std::invalid_argument if a shape does not fit, a number is not finite or a conductance is
/// negative.
template <class Real>
void charge(const Schedule<Real>& schedule, const RectifiedSynapses<Real>& synapses, Span2<Real> v,
            Threads threads = Threads::all());

}  // namespace rcspike
