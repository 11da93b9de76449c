// The loss's term for the energy that the rails spend (docs/energy.md).
#pragma once

#include <cstddef>

#include "layer/backward.h"
#include "memory/buffer.h"
#include "rcspike/circuit.h"

namespace rcspike::detail {

/// `penalty` times the energy of all layers in C V_th^2, averaged over a batch; an infinite rail counts as one of 1
/// V_th.
template <class Real>
class EnergyTerm {
public:
    EnergyTerm(double penalty, const Circuit& circuit);

    /// The supply for the backward pass of a layer; empty if the penalty is 0. Valid until the next call, since all
    /// layers use the same memory.
    Supply<Real> supply(std::size_t batch, std::size_t n_out);

    /// The term's part from a layer whose backward pass is done, summed over the batch.
    double value(const Supply<Real>& supply) const;

private:
    double penalty_, v_plus_, v_minus_;
    Buffer<Real> charges_;  // four times batch x n_out: dL/dQ+, dL/dQ-, Q+ and Q-
};

}  // namespace rcspike::detail
