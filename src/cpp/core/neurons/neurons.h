// The neurons of a layer, a type for each kind (docs/adding-a-layer.md): what a run of their membranes ends in, their
// spikes, the backward pass through them, and the loss of outputs.
#pragma once

#include <variant>

#include "neurons/single_phase.h"
#include "neurons/two_phase.h"

namespace rcspike::detail {

template <class Real>
using Neurons = std::variant<TwoPhase<Real>, SinglePhase<Real>>;

/// Neurons of a circuit, with offsets of their thresholds in V_th or none. Throws std::invalid_argument if a number is
/// not finite, or the kind cannot have it.
template <class Real>
Neurons<Real> neurons_of(Phases phases, const Circuit& circuit, Span1<const Real> offset);

template <class Real>
Phases phases_of(const Neurons<Real>& neurons) {
    return std::visit([](const auto& kind) { return kind.phases; }, neurons);
}

}  // namespace rcspike::detail
