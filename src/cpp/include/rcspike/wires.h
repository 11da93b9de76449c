// Exact charging through wires with resistance: the devices of a column share wires that are fed at one end.
#pragma once

#include <vector>

#include "rcspike/charge.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// Devices along one wire of each column. If nothing else loads the wire, device j of neuron i adds the current D_ji -
/// G_ji v. It sits j + 1 segments from the end at which the wire is fed or meets the membrane.
template <class Real>
struct WireDevices {
    Span2<const Real> drive;        ///< D, n_in x n_out, in V_th / T: conductance times the voltage behind the device
    Span2<const Real> conductance;  ///< G >= 0, n_in x n_out, in 1 / T
};

/// Columns of devices that charge the membrane through wires. With two wires, each is the supply of one rail and
/// carries that rail's devices. With one wire, the wire belongs to the membrane and has both devices of a pair at each
/// node. A wire and its mirror image carry the same currents.
template <class Real>
struct WiredSynapses {
    std::vector<WireDevices<Real>> wires;  ///< one or two
    Span1<const Real> resistance;          ///< r >= 0 of one wire segment, n_out, in T
    Real off = 0;                          ///< conductance of an open switch divided by that of its device, in [0, 1]
    Span1<const Real> drive0;              ///< D0, n_out, in V_th / T: at the membrane, always on; optional
    Span1<const Real> conductance0;        ///< G0 >= 0, n_out, in 1 / T; optional
};

/// Membrane voltages v(1), batch x n_out, in V_th. Exact: between two spikes each wire acts as one conductance. The
/// cost of a spike grows with the logarithm of the number of devices. Throws std::invalid_argument if a shape does not
/// fit, a number is not finite, or a conductance or resistance is negative or too large for the type.
template <class Real>
void charge(const Schedule<Real>& schedule, const WiredSynapses<Real>& synapses, Span2<Real> v,
            Threads threads = Threads::all());

}  // namespace rcspike
