// The backward pass of one layer: from dL/dv(1) to the gradients of its synapses and of its input spikes.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>

#include "layer/gradients.h"
#include "layer/layer.h"
#include "memory/buffer.h"
#include "parallel/workers.h"

namespace rcspike::detail {

/// Memory of the backward pass, kept from one call to the next.
template <class Real>
struct Scratch {
    Buffer<Real> sweep;        // per worker: the intermediate results that a backward sweep keeps of its forward one
    Buffer<Real> spike_lanes;  // per worker: dL/dt of each spike before the sum over the outputs of a tile
    Buffer<Real> times;        // [group but the first][sample][n_in]: dL/dt before the sum over groups
};

/// Charges that the rails deliver, where the loss counts them (energy.h): dL/dQ of either rail, and where to write Q
/// itself, or null; batch x n_out each.
template <class Real>
struct Supply {
    Span2<const Real> grad_plus, grad_minus;
    Span2<Real> plus, minus;
};

/// Spikes of a layer of a single phase, and how their gradient is taken (docs/single-phase.md).
template <class Real>
struct SpikePass {
    Span2<const Real> times{};                    ///< without noise, batch x n_out
    double max_slope = 0;                         ///< bound of |dt/dv| at the threshold, in T / V_th
    std::atomic<std::size_t>* n_steep = nullptr;  ///< to which the spikes at that bound are added; optional
};

/// The backward pass of one layer. Views without data stand for inputs that are not given and results that are not
/// wanted.
template <class Real>
struct BackwardPass {
    const Layer<Real>& layer;
    const EventBatch<Real>& events;
    Span2<const Real> grad_v{};                     ///< dL/dv(1), batch x n_out; optional if there is a supply. In a
                                                    ///< single phase dL/dt of neurons that spike, and of those that do
                                                    ///< not the derivative against the sum of all drives
    SpikePass<Real> spikes{};                       ///< of neurons of a single phase
    Supply<Real> supply{};                          ///< of resistive layers, if the loss counts it
    Span2<Real> grad_times{};                       ///< where to write dL/dt, batch x n_in; optional
    std::function<void(Range samples)> on_times{};  ///< called, on any thread, for samples whose dL/dt is complete
    ExtraTasks extra_tasks{};                       ///< run concurrently with the pass
};

/// Writes the gradient of the layer's synapses, and dL/dt and Q where they are wanted. Throws std::invalid_argument if
/// the layer's synapses have no such gradient.
template <class Real>
void backward(const BackwardPass<Real>& pass, WeightGradient<Real>& gradient, Scratch<Real>& scratch, Threads threads);
template <class Real>
void backward(const BackwardPass<Real>& pass, AffineSynapseGradient<Real>& gradient, Scratch<Real>& scratch,
              Threads threads);

}  // namespace rcspike::detail
