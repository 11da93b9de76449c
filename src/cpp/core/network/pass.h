// A batch through all layers and back: the one forward pass whose gradient can be taken, and its backward pass.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "layer/backward.h"
#include "network/activity.h"
#include "parallel/workers.h"

namespace rcspike::detail {

/// What the backward pass of a network gets in addition to the gradient of the last layer, and what it calls.
/// Everything is optional.
template <class Real>
struct BackwardOptions {
    /// Where to write dL/dt of the inputs, batch x n_in.
    Span2<Real> grad_times{};
    /// Derivative of the loss against the drives of a hidden neuron that does not spike, where it would spike while it
    /// charges, and the bound of Upstream.
    double grad_silent_drive = 0, max_slope = 0;
    /// The charges of the rails that the loss counts in a layer, asked for before its backward pass.
    std::function<Supply<Real>(std::size_t layer)> supply{};
    /// Called when that backward pass is done.
    std::function<void(const Supply<Real>& supply)> supplied{};
    /// Tasks for a layer whose gradient is complete. They run during the backward pass of the layer before it.
    std::function<ExtraTasks(std::size_t layer)> on_gradient{};
};

/// What a backward pass finds in each layer: (sample, neuron) pairs of hidden layers that are silent or saturated, and
/// spikes whose slope was bounded.
struct Counts {
    std::vector<std::size_t> silent, saturated, steep;
};

/// Memory of both passes, kept from one batch to the next.
template <class Real>
struct Pass {
    std::vector<LayerRun<Real>> runs;
    std::vector<Buffer<Real>> grad;  // batch x n_out of each layer: against its state
    std::vector<WeightGradient<Real>> gradients;
    std::vector<Sorting<Real>> sorting;  // one for each thread
    Scratch<Real> scratch;

    /// All samples of a range of a source (source.h); noise as in Network::forward. Calls on_samples(range) on any
    /// thread for samples that are through, counted from the first one. Throws std::runtime_error if a voltage is not
    /// finite, and what the source throws.
    template <class Source>
    void forward(const std::vector<Layer<Real>>& layers, Range samples, const Source& source,
                 const std::vector<Span2<const Real>>& noise, Threads threads,
                 const std::function<void(Range samples)>& on_samples);

    /// From `grad` of the last layer to `gradients` of all of them.
    Counts backward(const std::vector<Layer<Real>>& layers, const BackwardOptions<Real>& options, Threads threads);
};

}  // namespace rcspike::detail
