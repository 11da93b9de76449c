// The backward pass of one layer: from what its membranes end in to the gradients of its synapses and of its input
// spikes.
#pragma once

#include <cstddef>
#include <functional>

#include "layer/layer.h"
#include "memory/buffer.h"
#include "neurons/upstream.h"
#include "parallel/workers.h"
#include "synapses/gradients.h"

namespace rcspike::detail {

/// Memory of the backward pass, kept from one call to the next.
template <class Real>
struct Scratch {
    Buffer<Real> sweep;        // per worker: the intermediate results that a backward sweep keeps of its forward one
    Buffer<Real> spike_lanes;  // per worker: dL/dt of each spike before the sum over the outputs of a tile
    Buffer<Real> times;        // [group but the first][sample][n_in]: dL/dt before the sum over groups
};

/// The backward pass of one layer.
template <class Real>
struct BackwardPass {
    const Layer<Real>& layer;
    const EventBatch<Real>& events;
    Upstream<Real> upstream{};
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
