// A batch on its way through the layers of a network: voltages, spike times and events of each.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "buffer.h"
#include "layer.h"
#include "ramp.h"
#include "sorter.h"
#include "workers.h"

namespace rcspike::detail {

/// Memory is kept from one batch to the next.
template <class Real>
struct Activity {
    std::vector<EventBatch<Real>> events;       // input of each layer
    std::vector<Buffer<Real>> v;                // batch x n_out of each layer
    std::vector<Buffer<Real>> times;            // spike times of each hidden layer, with noise
    std::vector<Buffer<std::uint32_t>> inputs;  // to which the events of the hidden layers refer

    /// The events of the first layer are sized by who sets them.
    void resize(const std::vector<Layer<Real>>& layers, std::size_t batch);
    Span2<Real> voltages(const Layer<Real>& layer, std::size_t l) {
        return {v[l].data(), v[l].size() / layer.n_out(), layer.n_out()};
    }
};

/// Memory that a thread needs to turn spike times into events.
template <class Real>
struct Sorting {
    Sorter<Real> sorter;
    std::vector<Interval<Real>> intervals;

    SpikeTrain<Real> operator()(Span1<const Real> times, std::size_t capacity, std::uint32_t* inputs) {
        intervals.resize(capacity + 1);
        return sorter(times, capacity, inputs, intervals.data());
    }
};

/// Runs some samples, whose events[0] are set, through all the layers. Noise as in Network::forward; its row `offset`
/// belongs to the activity's first sample. Returns the first layer with a voltage that is not finite, or their number.
template <class Real>
std::size_t run(const std::vector<Layer<Real>>& layers, const Ramp& ramp, const std::vector<Span2<const Real>>& noise,
                std::size_t offset, Range samples, Activity<Real>& activity, Sorting<Real>& sort);

/// The same from v[0] on, the voltages of the first layer.
template <class Real>
std::size_t run_on(const std::vector<Layer<Real>>& layers, const Ramp& ramp,
                   const std::vector<Span2<const Real>>& noise, std::size_t offset, Range samples,
                   Activity<Real>& activity, Sorting<Real>& sort);

/// Calls f(samples, worker) for blocks of a batch: enough samples to use the synapses that they have brought into the
/// cache, few enough that several threads have work.
template <class Function>
void for_each_block(std::size_t batch, Threads threads, const Function& f) {
    const std::size_t size = std::clamp<std::size_t>(batch / 8, 1, 16);
    for_each_task((batch + size - 1) / size, threads, [&](std::size_t task, std::size_t worker) {
        f(Range{task * size, std::min(batch, (task + 1) * size)}, worker);
    });
}

/// Whether voltages overflowed in a batch whose blocks ran on several threads.
class Overflow {
public:
    explicit Overflow(std::size_t n_layers) : first_(n_layers), n_layers_(n_layers) {}
    /// `layer` as run returns it.
    void add(std::size_t layer);
    /// Throws std::runtime_error if a voltage was not finite.
    void check() const;

private:
    std::atomic<std::size_t> first_;
    std::size_t n_layers_;
};

template <class Real>
void check_noise(const std::vector<Layer<Real>>& layers, const std::vector<Span2<const Real>>& noise,
                 std::size_t batch);

}  // namespace rcspike::detail
