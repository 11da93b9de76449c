#include "layer/backward.h"

#include <algorithm>
#include <atomic>
#include <type_traits>
#include <variant>
#include <vector>

#include "common/check.h"
#include "layer/for_each_part.h"
#include "neurons/tiles.h"

namespace rcspike::detail {
namespace {

/// The sum of one row of lanes, halves first: an order that no instruction set changes.
template <class Real>
Real sum_lanes(const Real* lane) {
    typedef Real Quarter __attribute__((vector_size(16)));  // of the lanes, for any machine
    const Quarter* const part = reinterpret_cast<const Quarter*>(lane);
    const Quarter sum = (part[0] + part[2]) + (part[1] + part[3]);
    if constexpr (sizeof(Real) == 8)
        return sum[0] + sum[1];
    else
        return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/// What a backward pass does with the membranes of one layer, chosen once for its kinds of synapses and neurons.
template <class Real>
struct TilesPass {
    bool whole_image;     // see SpikesOfImage
    std::size_t scratch;  // numbers, for each worker
    /// Sets the gradient of a chunk of samples to 0, for a group of tiles.
    std::function<void(std::size_t chunk, Range tiles)> zero;
    /// Adds to it what position i contributes, whose neurons are in row `row`, and to the lanes of its spikes.
    std::function<void(const PositionEvents<Real>& positions, std::size_t i, std::size_t row, std::size_t chunk,
                       Range tiles, Real* spike_lanes, Real* sweep)>
        run;
};

/// One call of backward: how it is cut into tasks, their memory, and the sums of dL/dt over outputs, positions and
/// groups of tiles.
template <class Real>
class BackwardTasks {
public:
    BackwardTasks(const BackwardPass<Real>& pass, const TilesPass<Real>& tiles_pass, std::size_t max_spikes,
                  Scratch<Real>& scratch, Threads threads)
        : pass_(pass),
          tiles_pass_(tiles_pass),
          scratch_(scratch),
          split_(pass.layer.split(pass.events.size())),
          spike_lanes_size_(max_spikes * lanes),
          groups_left_(split_.chunks) {
        scratch.sweep.resize(worker_count(threads) * tiles_pass.scratch);
        if (wants_times()) {
            scratch.spike_lanes.resize(worker_count(threads) * spike_lanes_size_);
            scratch.times.resize((split_.groups - 1) * split_.batch * pass.layer.n_in());
        }
        for (auto& left : groups_left_) left.store(split_.groups, std::memory_order_relaxed);
    }

    std::size_t n_tasks() const { return split_.tasks(); }

    /// A chunk of samples through a group of tiles.
    void run(std::size_t task, std::size_t worker) {
        const std::size_t chunk = split_.chunk(task), n_positions = pass_.layer.grid().positions;
        const Range samples = split_.samples(task), tiles = split_.tiles(task);
        tiles_pass_.zero(chunk, tiles);
        Real* const sweep = scratch_.sweep.data() + worker * tiles_pass_.scratch;
        Real* const spike_lanes = wants_times() ? scratch_.spike_lanes.data() + worker * spike_lanes_size_ : nullptr;
        const bool whole_image = tiles_pass_.whole_image;
        for_each_part(pass_.layer, pass_.events, samples, [&](const PositionEvents<Real>& positions) {
            for (std::size_t i = 0; i < positions.count; ++i) {
                const std::size_t position = positions.first + i, s = position / n_positions;
                const bool is_first = position == s * n_positions, is_last = position + 1 == (s + 1) * n_positions;
                const bool by_image = whole_image || !positions.patches;
                const std::size_t n = by_image ? pass_.events[s].n_spikes() : positions.patches->spikes(i).n;
                if (wants_times() && (is_first || !whole_image)) std::fill_n(spike_lanes, n * lanes, Real(0));
                tiles_pass_.run(positions, i, pass_.layer.grid().neuron_row(position), chunk, tiles, spike_lanes,
                                sweep);
                if (!wants_times()) continue;
                Real* const times = times_of(split_.group(task), s);
                if (is_first) std::fill_n(times, pass_.layer.n_in(), Real(0));
                if (whole_image && !is_last) continue;
                const std::uint32_t* const inputs = pass_.events.inputs(s);
                if (by_image) {
                    for (std::size_t k = 0; k < n; ++k) times[inputs[k]] = sum_lanes(spike_lanes + k * lanes);
                } else {
                    const std::uint32_t* const spikes = positions.patches->spikes(i).spikes;
                    for (std::size_t k = 0; k < n; ++k) times[inputs[spikes[k]]] += sum_lanes(spike_lanes + k * lanes);
                }
            }
        });
        const bool last_group = wants_times() && groups_left_[chunk].fetch_sub(1, std::memory_order_acq_rel) == 1;
        if (last_group) add_groups(samples);
    }

private:
    static constexpr std::size_t lanes = kernels::lanes<Real>;

    bool wants_times() const { return pass_.grad_times.data != nullptr; }

    Real* times_of(std::size_t group, std::size_t s) const {
        if (group == 0) return pass_.grad_times.row(s);
        return scratch_.times.data() + ((group - 1) * split_.batch + s) * pass_.layer.n_in();
    }

    void add_groups(Range samples) const {
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            Real* const sum = pass_.grad_times.row(s);
            for (std::size_t g = 1; g < split_.groups; ++g) {
                for (std::size_t j = 0; j < pass_.layer.n_in(); ++j) sum[j] += times_of(g, s)[j];
            }
        }
        if (pass_.on_times) pass_.on_times(samples);
    }

    const BackwardPass<Real>& pass_;
    const TilesPass<Real>& tiles_pass_;
    Scratch<Real>& scratch_;
    const Split split_;
    const std::size_t spike_lanes_size_;                 // numbers, for each worker
    std::vector<std::atomic<std::size_t>> groups_left_;  // of each chunk, before its dL/dt is complete
};

template <class Real>
void run_tasks(const BackwardPass<Real>& pass, const TilesPass<Real>& tiles_pass, std::size_t max_spikes,
               Scratch<Real>& scratch, Threads threads) {
    BackwardTasks<Real> tasks(pass, tiles_pass, max_spikes, scratch, threads);
    for_each_task(tasks.n_tasks(), pass.extra_tasks, threads,
                  [&](std::size_t task, std::size_t worker) { tasks.run(task, worker); });
}

template <class Real, class Gradient>
void run(const BackwardPass<Real>& pass, Gradient& gradient, Scratch<Real>& scratch, Threads threads) {
    const Layer<Real>& layer = pass.layer;
    Upstream<Real> upstream = pass.upstream;
    if (upstream.supply.grad_plus.data) {
        resistive_of(layer, "gradients of the rails' charges");
        std::visit([](const auto& neurons) { neurons.check_supply("the gradient of the rails' charges"); },
                   layer.neurons);
        if (layer.grid().pool > 1) reject("the rails' charges of neurons that share charge are not known yet");
    }
    upstream.grad = layer.by_position(upstream.grad);
    upstream.crossings = layer.by_position(upstream.crossings);
    for (auto* part : {&upstream.supply.grad_plus, &upstream.supply.grad_minus}) *part = layer.by_position(*part);
    for (auto* part : {&upstream.supply.plus, &upstream.supply.minus}) *part = layer.by_position(*part);
    const bool is_patched = convolution_of(layer.wiring) != nullptr;
    std::visit(
        [&](const auto& synapses, const auto& neurons) {
            using Kind = std::decay_t<decltype(synapses)>;
            if constexpr (std::is_same_v<typename Kind::Gradient, Gradient>) {
                synapses.check_gradient();
                const Split split = layer.split(pass.events.size());
                gradient.resize(split.chunks, layer.n_rows(), layer.n_load_rows(), layer.n_tiles());
                std::size_t max_spikes = 0;
                for (std::size_t s = 0; s < split.batch; ++s)
                    max_spikes = std::max(max_spikes, pass.events[s].n_spikes());
                const auto with_tiles = [&](const auto& tiles_backward, auto takes) {
                    TilesPass<Real> tiles_pass{
                        takes.whole_image, tiles_backward.scratch(std::min(max_spikes, layer.n_rows()) + 1), {}, {}};
                    tiles_pass.zero = [&](std::size_t chunk, Range tiles) { gradient.zero(chunk, tiles); };
                    tiles_pass.run = [&](const PositionEvents<Real>& positions, std::size_t i, std::size_t row,
                                         std::size_t chunk, Range tiles, Real* spike_lanes, Real* sweep) {
                        const auto& spikes = takes.spikes(positions, i);
                        for (std::size_t t = tiles.first; t < tiles.last;) {
                            const auto of_tile = gradient.tile(chunk, t, spike_lanes);
                            t += tiles_backward(spikes, row, t, tiles.last, of_tile, sweep);
                        }
                    };
                    run_tasks(pass, tiles_pass, max_spikes, scratch, threads);
                };
                with_tiles_backward(neurons, synapses, upstream, layer.grid(), is_patched, with_tiles);
            } else {
                reject("these synapses have other gradients");
            }
        },
        layer.synapses, layer.neurons);
}

}  // namespace

template <class Real>
void backward(const BackwardPass<Real>& pass, WeightGradient<Real>& gradient, Scratch<Real>& scratch, Threads threads) {
    run(pass, gradient, scratch, threads);
}

template <class Real>
void backward(const BackwardPass<Real>& pass, AffineSynapseGradient<Real>& gradient, Scratch<Real>& scratch,
              Threads threads) {
    run(pass, gradient, scratch, threads);
}

#define RCSPIKE_INSTANTIATE(Real)                                                                      \
    template void backward(const BackwardPass<Real>&, WeightGradient<Real>&, Scratch<Real>&, Threads); \
    template void backward(const BackwardPass<Real>&, AffineSynapseGradient<Real>&, Scratch<Real>&, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
