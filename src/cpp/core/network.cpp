#include "rcspike/network.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

#include "activity.h"
#include "check.h"

namespace rcspike {
namespace {

/// What a thread needs to take a block of samples through the layers.
template <class Real>
struct Worker {
    detail::Activity<Real> activity;
    detail::Sorting<Real> sort;
    std::vector<std::uint32_t> inputs;
};

/// Inference; set_events(samples, worker) writes the worker's events[0].
template <class Real, class SetEvents>
void run(const std::vector<detail::Layer<Real>>& layers, const Circuit& circuit, std::size_t batch,
         const std::vector<Span2<const Real>>& noise, Span2<Real> v, Threads threads, const SetEvents& set_events) {
    detail::check_shape("v", v, batch, layers.back().n_out());
    detail::check_noise(layers, noise, batch);
    const detail::Ramp ramp(circuit);
    detail::Overflow overflow(layers.size());
    detail::for_each_block(batch, threads, [&](detail::Range samples, std::size_t) {
        // Kept from call to call: to ask the system for it each time costs two threads a fifth of their speed.
        thread_local Worker<Real> worker;
        const std::size_t n = samples.last - samples.first;
        worker.activity.resize(layers, n);
        set_events(samples, worker);
        overflow.add(detail::run(layers, ramp, noise, samples.first, {0, n}, worker.activity, worker.sort));
        std::copy_n(worker.activity.v.back().data(), n * v.cols, v.row(samples.first));
    });
    overflow.refuse();
}

[[noreturn]] void refuse_inputs(std::size_t batch, std::size_t n_in, std::size_t expected) {
    detail::refuse("times must have shape (batch, ", expected, "), got (", batch, ", ", n_in, ")");
}

}  // namespace

template <class Real>
Network<Real>::Network(const std::vector<Span2<const Real>>& weights, const Circuit& circuit) : circuit_(circuit) {
    validate(circuit);
    if (weights.empty()) detail::refuse("a network needs at least one layer");
    layers_.resize(weights.size());
    for (std::size_t l = 0; l < weights.size(); ++l) {
        const std::string name = "weights[" + std::to_string(l) + "]";
        const Span2<const Real> w = weights[l];
        if (w.rows == 0 || w.cols == 0) detail::refuse(name, " is empty, got shape (", w.rows, ", ", w.cols, ")");
        layers_[l] =
            detail::resistive_layer(name.c_str(), w, l == 0 ? w.rows : weights[l - 1].cols, circuit, Threads::all());
    }
}

template <class Real>
Network<Real>::Network(Network&&) noexcept = default;
template <class Real>
Network<Real>& Network<Real>::operator=(Network&&) noexcept = default;
template <class Real>
Network<Real>::~Network() = default;

template <class Real>
std::size_t Network<Real>::n_layers() const {
    return layers_.size();
}

template <class Real>
std::size_t Network<Real>::n_in(std::size_t layer) const {
    return layers_.at(layer).n_in();
}

template <class Real>
std::size_t Network<Real>::n_out(std::size_t layer) const {
    return layers_.at(layer).n_out();
}

template <class Real>
void Network<Real>::weights(std::size_t layer, Span2<Real> to) const {
    detail::check_shape("weights", to, n_in(layer), n_out(layer));
    layers_[layer].drive.unpack(to, Threads::all());
}

template <class Real>
void Network<Real>::forward(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                            Threads threads) const {
    if (schedule.n_in() != n_in()) refuse_inputs(schedule.batch(), schedule.n_in(), n_in());
    run<Real>(layers_, circuit_, schedule.batch(), noise, v, threads, [&](detail::Range samples, Worker<Real>& worker) {
        std::size_t most = 0;
        for (std::size_t s = samples.first; s < samples.last; ++s) most = std::max(most, schedule[s].n_intervals);
        worker.activity.events[0].resize(samples.last - samples.first, most);
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            worker.activity.events[0].set(s - samples.first, schedule[s], layers_[0].coupling);
        }
    });
}

template <class Real>
void Network<Real>::forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                            Threads threads) const {
    if (times.cols != n_in()) refuse_inputs(times.rows, times.cols, n_in());
    std::atomic<std::size_t> refused{times.rows};  // any one of the samples with a bad time
    const auto set_events = [&](detail::Range samples, Worker<Real>& worker) {
        worker.inputs.resize((samples.last - samples.first) * times.cols);
        worker.activity.events[0].resize(samples.last - samples.first, times.cols);
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            const std::size_t i = s - samples.first;
            const Span1<const Real> row{times.row(s), times.cols};
            if (detail::count_spikes(row) == detail::refused) refused = s;
            worker.activity.events[0].set(i, worker.sort(row, worker.inputs.data() + i * times.cols),
                                          layers_[0].coupling);
        }
    };
    try {
        run<Real>(layers_, circuit_, times.rows, noise, v, threads, set_events);
    } catch (const std::runtime_error&) {
        if (refused == times.rows) throw;
    }
    if (refused != times.rows) detail::refuse_times(times, refused);
}

template class Network<float>;
template class Network<double>;

}  // namespace rcspike
