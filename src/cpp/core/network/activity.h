// A batch in the layers of a network, and its forward pass through them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <variant>
#include <vector>

#include "events/sort_and_merge.h"
#include "layer/layer.h"
#include "memory/buffer.h"
#include "parallel/workers.h"

namespace rcspike::detail {

/// One layer while a batch passes through it: everything that other parts of the engine need to know of it.
template <class Real>
struct LayerRun {
    EventBatch<Real> events;  // its input spikes
    Buffer<Real> state;       // batch x n_out: what the membranes end in, as the State of their neurons says
    Buffer<Real> times;       // batch x n_out: spike times with noise; of outputs only if they spike while they charge
    Buffer<std::uint32_t> inputs;  // to which the events refer, unless they are those of a schedule
    std::size_t n_inputs = 0;      // of each sample, in that memory
    std::size_t n_out = 0;

    Span2<Real> states() { return {state.data(), state.size() / n_out, n_out}; }
    /// The results of a last layer from one sample on.
    const Real* output(const Neurons<Real>& neurons, std::size_t sample) {
        Real *const of_membranes = state.data() + sample * n_out, *const of_spikes = times.data() + sample * n_out;
        return std::visit([&](const auto& kind) { return kind.output({of_membranes}, of_spikes); }, neurons);
    }
};

/// Memory for all layers, kept from one batch to the next. The events of the first layer are sized by who sets them.
template <class Real>
void resize(const std::vector<Layer<Real>>& layers, std::size_t batch, std::vector<LayerRun<Real>>& runs);

/// Memory that a thread needs to turn spike times into events.
template <class Real>
struct Sorting {
    Sorter<Real> sorter;
    std::vector<Interval<Real>> intervals;

    Spikes<Real> operator()(Span1<const Real> times, const Window& window, std::size_t capacity,
                            std::uint32_t* inputs) {
        intervals.resize(capacity + 1);
        return sorter(times, window, capacity, inputs, intervals.data());
    }
};

/// The forward pass: some samples, whose events of the first layer are set, through all layers. `charged` says that the
/// first layer has its state already. Noise as in Network::forward; its row `offset` belongs to the first sample of
/// the runs. Returns the first layer with a voltage that is not finite, or their number.
template <class Real>
std::size_t run(const std::vector<Layer<Real>>& layers, const std::vector<Span2<const Real>>& noise, std::size_t offset,
                Range samples, bool charged, std::vector<LayerRun<Real>>& runs, Sorting<Real>& sort);

/// Calls f(samples, worker) for blocks of a batch: enough samples to use the synapses that they have brought into the
/// cache, few enough that several threads have work.
template <class Function>
void for_each_block(std::size_t batch, Threads threads, const Function& f) {
    const std::size_t size = std::clamp<std::size_t>(batch / 8, 1, 16);
    for_each_task((batch + size - 1) / size, threads, [&](std::size_t task, std::size_t worker) {
        f(Range{task * size, std::min(batch, (task + 1) * size)}, worker);
    });
}

template <class Real>
void check_noise(const std::vector<Layer<Real>>& layers, const std::vector<Span2<const Real>>& noise, std::size_t batch,
                 Threads threads);

}  // namespace rcspike::detail
