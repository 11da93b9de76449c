#include "layer/backward.h"

#include <algorithm>
#include <atomic>
#include <type_traits>
#include <variant>
#include <vector>

#include "common/check.h"
#include "layer/for_each_part.h"
#include "neurons/single_phase_tiles.h"
#include "neurons/two_phase_tiles.h"

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

/// One call of backward: how it is cut into tasks, their memory, and the sums of dL/dt over outputs, positions and
/// groups of tiles. `TilesBackward` is the pass through the membranes of a tile, `TakesSpikes` EventsOfPosition or
/// SpikesOfImage.
template <class TilesBackward, class TakesSpikes, class Gradient, class Real>
class BackwardTasks {
public:
    BackwardTasks(const BackwardPass<Real>& pass, const TilesBackward& tiles_backward, Gradient& gradient,
                  Scratch<Real>& scratch, Threads threads)
        : pass_(pass),
          tiles_backward_(tiles_backward),
          gradient_(gradient),
          scratch_(scratch),
          split_(pass.layer.split(pass.events.size())),
          groups_left_(split_.chunks) {
        gradient.resize(split_.chunks, pass.layer.n_rows(), pass.layer.n_tiles());
        std::size_t max_spikes = 0;
        for (std::size_t s = 0; s < split_.batch; ++s) max_spikes = std::max(max_spikes, pass.events[s].n_spikes());
        const std::size_t max_rows = std::min(max_spikes, pass.layer.n_rows());  // of an image, more than of a patch
        sweep_size_ = TilesBackward::scratch(max_rows + 1);
        spike_lanes_size_ = (TakesSpikes::whole_image ? max_spikes : max_rows) * lanes;
        scratch.sweep.resize(worker_count(threads) * sweep_size_);
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
        gradient_.zero(chunk, tiles);
        Real* const sweep = scratch_.sweep.data() + worker * sweep_size_;
        Real* const spike_lanes = wants_times() ? scratch_.spike_lanes.data() + worker * spike_lanes_size_ : nullptr;
        for_each_part(pass_.layer, pass_.events, samples, [&](const PositionEvents<Real>& positions) {
            for (std::size_t i = 0; i < positions.count; ++i) {
                const std::size_t position = positions.first + i, s = position / n_positions;
                const bool is_first = position == s * n_positions, is_last = position + 1 == (s + 1) * n_positions;
                const auto& spikes = TakesSpikes::spikes(positions, i);
                if (wants_times() && (is_first || !TakesSpikes::whole_image)) {
                    const std::size_t n = TakesSpikes::whole_image ? pass_.events[s].n_spikes() : count(spikes);
                    std::fill_n(spike_lanes, n * lanes, Real(0));
                }
                const std::size_t row = pass_.layer.grid().neuron_row(position);
                for (std::size_t t = tiles.first; t < tiles.last;) {
                    const auto gradient = gradient_.tile(chunk, t, spike_lanes);
                    t += tiles_backward_(spikes, row, t, tiles.last, gradient, sweep);
                }
                if (!wants_times()) continue;
                Real* const times = times_of(split_.group(task), s);
                if (is_first) std::fill_n(times, pass_.layer.n_in(), Real(0));
                if (TakesSpikes::whole_image && !is_last) continue;
                add_lanes(positions, i, s, spike_lanes, times);
            }
        });
        const bool last_group = wants_times() && groups_left_[chunk].fetch_sub(1, std::memory_order_acq_rel) == 1;
        if (last_group) add_groups(samples);
    }

private:
    static constexpr std::size_t lanes = kernels::lanes<Real>;

    bool wants_times() const { return pass_.grad_times.data != nullptr; }

    static std::size_t count(const kernels::Events<Real>& events) { return events.n_spikes(); }
    static std::size_t count(const kernels::PatchSpikes<Real>& spikes) { return spikes.n; }

    Real* times_of(std::size_t group, std::size_t s) const {
        if (group == 0) return pass_.grad_times.row(s);
        return scratch_.times.data() + ((group - 1) * split_.batch + s) * pass_.layer.n_in();
    }

    /// dL/dt of sample s, as a position and a group of tiles contribute to it. The positions of a sample come in order.
    void add_lanes(const PositionEvents<Real>& positions, std::size_t i, std::size_t s, const Real* spike_lanes,
                   Real* times) const {
        const std::uint32_t* const inputs = pass_.events.inputs(s);
        if (TakesSpikes::whole_image || !positions.patches) {
            const std::size_t n = pass_.events[s].n_spikes();
            for (std::size_t k = 0; k < n; ++k) times[inputs[k]] = sum_lanes(spike_lanes + k * lanes);
            return;
        }
        const kernels::PatchSpikes<Real> patch = positions.patches->spikes(i);
        for (std::size_t k = 0; k < patch.n; ++k) times[inputs[patch.spikes[k]]] += sum_lanes(spike_lanes + k * lanes);
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
    const TilesBackward& tiles_backward_;
    Gradient& gradient_;
    Scratch<Real>& scratch_;
    const Split split_;
    std::size_t sweep_size_ = 0, spike_lanes_size_ = 0;  // numbers of scratch memory for each worker
    std::vector<std::atomic<std::size_t>> groups_left_;  // of each chunk, before its dL/dt is complete
};

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
    upstream.grad = layer.by_place(upstream.grad);
    upstream.crossings = layer.by_place(upstream.crossings);
    for (auto* part : {&upstream.supply.grad_plus, &upstream.supply.grad_minus}) *part = layer.by_place(*part);
    for (auto* part : {&upstream.supply.plus, &upstream.supply.minus}) *part = layer.by_place(*part);
    const bool is_patched = convolution_of(layer.wiring) != nullptr;
    std::visit(
        [&](const auto& synapses, const auto& neurons) {
            using Kind = std::decay_t<decltype(synapses)>;
            if constexpr (std::is_same_v<typename Kind::Gradient, Gradient>) {
                synapses.check_gradient();
                with_tiles_backward(
                    neurons, synapses, upstream, layer.grid(), is_patched, [&](const auto& tiles, auto takes_spikes) {
                        BackwardTasks<std::decay_t<decltype(tiles)>, decltype(takes_spikes), Gradient, Real> tasks(
                            pass, tiles, gradient, scratch, threads);
                        for_each_task(tasks.n_tasks(), pass.extra_tasks, threads,
                                      [&](std::size_t task, std::size_t worker) { tasks.run(task, worker); });
                    });
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
