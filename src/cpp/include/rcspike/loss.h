// The loss that training minimises, over the spike times of the last layer (docs/model.md).
#pragma once

#include <cstdint>
#include <utility>

#include "rcspike/circuit.h"
#include "rcspike/span.h"

namespace rcspike {

/// Cross-entropy over softmax(-t_out / temperature) of the output spike times, plus temporal_penalty sum (t_out -
/// t_ref)^2, plus energy_penalty times the energy that the rails of all layers spend (energy.h). The spike times are
/// taken before clipping (readout_times in fire.h).
///
/// Single-phase neurons: the actual spike times are used. A silent output counts as if it spiked at t_silent, or at the
/// last spike of the other outputs if that is later, and has no temporal penalty. For each silent hidden neuron, and
/// for the label's output if silent, the gradient is that of a loss which is lower by silent_penalty times the sum of
/// the drives D of all inputs that spike; the value that is reported does not contain it. For that output, the gradient
/// also assumes that 1 V_th / T of drive moves its spike by 1 T.
struct Loss {
    double temperature = 0.07;      ///< tau, in T
    double temporal_penalty = 0.0;  ///< gamma
    double t_ref = 0.9;             ///< in T
    double energy_penalty = 0.0;    ///< per C V_th^2 spent on a sample; an infinite rail counts as 1 V_th
    double silent_penalty = 0.0;    ///< single-phase: per V_th / T of drive that a silent neuron lacks
    double t_silent = 2.0;     ///< single-phase: assumed spike time of a silent output, in T, unless others are later
    double max_slope = 100.0;  ///< single-phase: bound of |dt/dv| at a threshold, in T / V_th
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

/// For two-phase neurons: the first two terms of the loss for each sample, and dL/dv of their sum (batch x n_out), from
/// the output voltages. Throws std::invalid_argument if a voltage is not finite, a label is not below n_out, or a shape
/// does not fit.
template <class Real>
void output_loss(Span2<const Real> v, Span1<const std::int64_t> labels, const Circuit& circuit, const Loss& loss,
                 Span1<double> losses, Span2<Real> grad_v);

}  // namespace rcspike
