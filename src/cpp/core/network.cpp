#include "rcspike/network.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

#include "activity.h"
#include "check.h"

namespace rcspike {
namespace {

/// Samples on their way through the layers, and what the events of the first layer refer to.
template <class Real>
struct Block {
    detail::Activity<Real> activity;
    std::vector<std::uint32_t> inputs;
    std::size_t most_spikes = 0;
    detail::Sorting<Real> sort;
};

/// First layers of more bytes than this are charged group of tiles by group of tiles, each for many samples: sample by
/// sample the weights would come from memory each time (20,000 x 2,000: four times as slow).
constexpr std::size_t large = std::size_t{4} << 20;
constexpr std::size_t samples_at_once = 256;

/// Inference. source.resize(samples, block, threads) makes room for events, source.set(sample, i, block, sort) writes
/// those of a sample as the block's number i.
template <class Real, class Source>
void run(const std::vector<detail::Layer<Real>>& layers, const Circuit& circuit, std::size_t batch,
         const std::vector<Span2<const Real>>& noise, Span2<Real> v, Threads threads, const Source& source) {
    using detail::Range;
    detail::check_shape("v", v, batch, layers.back().n_out());
    detail::check_noise(layers, noise, batch);
    const detail::Ramp ramp(circuit);
    detail::Overflow overflow(layers.size());
    const auto write = [&](const Block<Real>& block, Range samples, std::size_t first) {
        const Real* from = block.activity.v.back().data() + samples.first * v.cols;
        std::copy_n(from, (samples.last - samples.first) * v.cols, v.row(first + samples.first));
    };
    if (layers[0].drive.values.size() * sizeof(Real) <= large) {
        detail::for_each_block(batch, threads, [&](Range samples, std::size_t) {
            // Kept from call to call: to ask the system for it each time costs two threads a fifth of their speed.
            thread_local Block<Real> block;
            const Range all{0, samples.last - samples.first};
            block.activity.resize(layers, all.last);
            source.resize(samples, block, Threads{1});
            for (std::size_t i = 0; i < all.last; ++i) source.set(samples.first + i, i, block, block.sort);
            overflow.add(detail::run(layers, ramp, noise, samples.first, all, block.activity, block.sort));
            write(block, all, samples.first);
        });
        return overflow.refuse();
    }
    Block<Real> block;
    std::vector<detail::Sorting<Real>> sorting(static_cast<std::size_t>(threads.count));
    for (std::size_t first = 0; first < batch; first += samples_at_once) {
        const std::size_t n = std::min(samples_at_once, batch - first);
        block.activity.resize(layers, n);
        source.resize({first, first + n}, block, threads);
        detail::for_each_block(n, threads, [&](Range samples, std::size_t worker) {
            for (std::size_t i = samples.first; i < samples.last; ++i) source.set(first + i, i, block, sorting[worker]);
        });
        detail::charge(layers[0], block.activity.events[0], block.activity.voltages(layers[0], 0), threads);
        detail::for_each_block(n, threads, [&](Range samples, std::size_t worker) {
            overflow.add(detail::run_on(layers, ramp, noise, first, samples, block.activity, sorting[worker]));
            write(block, samples, first);
        });
    }
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
    struct Source {
        const Schedule<Real>& schedule;
        const kernels::Coupling<Real>& coupling;

        void resize(detail::Range samples, Block<Real>& block, [[maybe_unused]] Threads threads) const {
            std::size_t most = 0;
            for (std::size_t s = samples.first; s < samples.last; ++s) most = std::max(most, schedule[s].n_intervals);
            block.activity.events[0].resize(samples.last - samples.first, most);
        }
        void set(std::size_t sample, std::size_t i, Block<Real>& block, detail::Sorting<Real>&) const {
            block.activity.events[0].set(i, schedule[sample], coupling);
        }
    };
    run<Real>(layers_, circuit_, schedule.batch(), noise, v, threads, Source{schedule, layers_[0].coupling});
}

template <class Real>
void Network<Real>::forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                            Threads threads) const {
    if (times.cols != n_in()) refuse_inputs(times.rows, times.cols, n_in());
    std::atomic<std::size_t> refused{times.rows};  // any one of the samples with a bad time
    struct Source {
        Span2<const Real> times;
        const kernels::Coupling<Real>& coupling;
        std::atomic<std::size_t>& refused;

        void resize(detail::Range samples, Block<Real>& block, [[maybe_unused]] Threads threads) const {
            std::vector<std::size_t> counts(samples.last - samples.first);
            detail::for_each_block(counts.size(), threads, [&](detail::Range part, std::size_t) {
                for (std::size_t i = part.first; i < part.last; ++i) {
                    counts[i] = detail::count_spikes<Real>({times.row(samples.first + i), times.cols});
                    if (counts[i] == detail::refused) refused = samples.first + i;
                }
            });
            const std::size_t most = std::min(*std::max_element(counts.begin(), counts.end()), times.cols);
            block.inputs.resize((samples.last - samples.first) * most);
            block.activity.events[0].resize(samples.last - samples.first, most);
            block.most_spikes = most;
        }
        void set(std::size_t sample, std::size_t i, Block<Real>& block, detail::Sorting<Real>& sort) const {
            const Span1<const Real> row{times.row(sample), times.cols};
            block.activity.events[0].set(i, sort(row, block.inputs.data() + i * block.most_spikes), coupling);
        }
    };
    try {
        run<Real>(layers_, circuit_, times.rows, noise, v, threads, Source{times, layers_[0].coupling, refused});
    } catch (const std::runtime_error&) {
        if (refused == times.rows) throw;
    }
    if (refused != times.rows) detail::refuse_times(times, refused);
}

template class Network<float>;
template class Network<double>;

}  // namespace rcspike
