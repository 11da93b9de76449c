// The loss that training minimises, over the spike times of the last layer (docs/model.md).
#pragma once

#include <cstdint>
#include <utility>

#include "rcspike/circuit.h"
#include "rcspike/span.h"

namespace rcspike {

/// Cross-entropy over softmax(-t_out / temperature) of the output spike times, plus
/// temporal_penalty sum (t_out - t_ref)^2, plus energy_penalty times the energy that the rails of all layers spend
/// (energy.h). The spike times are those before they are clipped, readout_times of fire.h.
///
/// In a single phase they are the spike times themselves. A silent output counts as one that spikes at t_silent, or at
/// the last spike of the others if that is later, and has no temporal penalty. silent_penalty times the sum of the
/// drives D of all inputs that spike is subtracted for each hidden neuron that is silent, and for the label's output;
/// the gradient of that output also counts 1 V_th / T of drive as moving its spike by 1 T.
struct Loss {
    double temperature = 0.07;      ///< tau, in T
    double temporal_penalty = 0.0;  ///< gamma
    double t_ref = 0.9;             ///< in T
    double energy_penalty = 0.0;    ///< for each C V_th^2 of a sample; an infinite rail counts as one of 1 V_th
    double silent_penalty = 0.0;    ///< single phase: for each V_th / T of drive that a silent neuron lacks
    double t_silent = 2.0;     ///< single phase: time that a silent output counts as, in T, unless others are later
    double max_slope = 100.0;  ///< single phase: bound of |dt/dv| at a threshold, in T / V_th
};

/// The fields by name, for callers that pass them by name.
inline constexpr std::pair<const char*, double Loss::*> loss_fields[] = {
    {"temperature", &Loss::temperature},
    {"temporal_penalty", &Loss::temporal_penalty},
    {"t_ref", &Loss::t_ref},
    {"energy_penalty", &Loss::energy_penalty},
    {"silent_penalty", &Loss::silent_penalty},
    {"t_silent", &Loss::t_silent},
    {"max_slope", &Loss::max_slope},
};

/// Throws std::invalid_argument if a parameter is out of its range.
void validate(const Loss& loss);

/// The first two terms for each sample, for neurons of two phases, and dL/dv of their sum (batch x n_out) from the
/// output voltages. Throws std::invalid_argument if a voltage is not finite, a label is not that of an output, or a
/// shape does not fit.
template <class Real>
void output_loss(Span2<const Real> v, Span1<const std::int64_t> labels, const Circuit& circuit, const Loss& loss,
                 Span1<double> losses, Span2<Real> grad_v);

}  // namespace rcspike
