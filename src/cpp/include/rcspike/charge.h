// Charging phase of one layer and its exact backward pass (docs/model.md).
#pragma once

#include "rcspike/circuit.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// Affine synapses: input j charges neuron i with the current D_ji - G_ji v once its spike has come.
template <class Real>
struct AffineSynapses {
    Span2<const Real> drive;         ///< D, n_in x n_out, in V_th / T
    Span2<const Real> conductance;   ///< G >= 0, n_in x n_out, in 1 / T
    Span1<const Real> drive0;        ///< D0, n_out: always on; optional
    Span1<const Real> conductance0;  ///< G0 >= 0, n_out: always on; optional
    /// How each input's devices load the membrane (docs/row-loads.md), five rows for each input, 5 n_in x n_out, in
    /// units of C: the change of capacitance as they close; the factor of v and the drive of the kick that this gives;
    /// and those of what they add to v as they open at the end. Optional.
    Span2<const Real> loads{};
};

/// Gradients of AffineSynapses; drive0 and conductance0 are written if given, and loads must be where those are.
template <class Real>
struct AffineGradient {
    Span2<Real> drive;
    Span2<Real> conductance;
    Span1<Real> drive0;
    Span1<Real> conductance0;
    Span2<Real> loads{};
};

/// Membrane voltages v(1), batch x n_out, in V_th, for resistive synapses of signed weights (n_in x n_out, in V_th /
/// T). Throws std::invalid_argument if a shape does not fit, a weight is not finite or the circuit is not physical.
template <class Real>
void charge(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit, Span2<Real> v,
            Threads threads = Threads::all());

/// The same for affine synapses. Throws also if a conductance is negative, or closing rows leave no capacitance.
template <class Real>
void charge(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses, Span2<Real> v,
            Threads threads = Threads::all());

/// Adds to v(1) the charge that switches inject as they open at the end of charging. `injection` is the voltage step
/// that each input's switches cause at each neuron, n_in x n_out, in V_th; only inputs that spiked count. charge
/// already includes the injection of the circuit.
template <class Real>
void inject(const Schedule<Real>& schedule, Span2<const Real> injection, Span2<Real> v,
            Threads threads = Threads::all());

/// Vector-Jacobian product of charge: from dL/dv(1), batch x n_out, to dL/dt, batch x n_in (zero for inputs that never
/// spike) and dL/dw, n_in x n_out, summed over the batch.
template <class Real>
void charge_vjp(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                Span2<const Real> grad_v, Span2<Real> grad_times, Span2<Real> grad_weights,
                Threads threads = Threads::all());

/// The same for affine synapses.
template <class Real>
void charge_vjp(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses, Span2<const Real> grad_v,
                Span2<Real> grad_times, const AffineGradient<Real>& gradient, Threads threads = Threads::all());

}  // namespace rcspike
