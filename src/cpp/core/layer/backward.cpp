#include "layer/backward.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <type_traits>
#include <variant>
#include <vector>

#include "common/check.h"
#include "layer/positions.h"

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

/// One call of backward, for one kind of synapses: memory that its tasks share, and the tasks themselves.
template <class Synapses, class Real>
class Job {
    using Gradient = typename Synapses::Gradient;

public:
    Job(const BackwardPass<Real>& pass, const Synapses& synapses, Gradient& gradient, Scratch<Real>& scratch,
        Threads threads)
        : pass_(pass),
          synapses_(synapses),
          gradient_(gradient),
          scratch_(scratch),
          split_(pass.layer.split(pass.events.size())),
          grad_v_(pass.layer.by_place(pass.grad_v)),
          groups_left_(split_.chunks) {
        gradient.resize(split_.chunks, synapses.rows());
        std::size_t max_steps = 0, max_spikes = 0;
        for (std::size_t s = 0; s < split_.batch; ++s) {
            max_steps = std::max(max_steps, pass.events[s].n_steps);
            max_spikes = std::max(max_spikes, pass.events[s].n_spikes());
        }
        const std::size_t max_rows = std::min(max_spikes, pass.layer.n_rows());  // of an image, more than of a patch
        max_steps = takes_patches_ ? max_rows : std::min(max_steps, max_rows + 1);
        sweep_size_ =
            counts_supply() ? kernels::supply_scratch<Real>(max_steps) : kernels::backward_scratch<Real>(max_steps);
        spike_lanes_size_ = (takes_patches_ ? max_spikes : max_rows) * lanes;
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
        const std::size_t chunk = split_.chunk(task);
        const Range samples = split_.samples(task);
        gradient_.zero(chunk, split_.tiles(task));
        Real* const sweep = scratch_.sweep.data() + worker * sweep_size_;
        Real* const spike_lanes = wants_times() ? scratch_.spike_lanes.data() + worker * spike_lanes_size_ : nullptr;
        for_each_part(pass_.layer, pass_.events, samples, [&](const Positions<Real>& positions) {
            if constexpr (is_resistive) {
                if (takes_patches_) return run_patches(positions, task, spike_lanes, sweep);
            }
            for (std::size_t i = 0; i < positions.count; ++i) {
                const Events& events = positions.events(i);
                if (wants_times()) std::fill_n(spike_lanes, events.n_spikes() * lanes, Real(0));
                run_tiles(events, place_of(positions.first + i), task, spike_lanes, sweep);
                if (wants_times()) collect_times(events, positions, i, split_.group(task), spike_lanes);
            }
        });
        const bool last_group = wants_times() && groups_left_[chunk].fetch_sub(1, std::memory_order_acq_rel) == 1;
        if (last_group) add_groups(samples);
    }

private:
    using Events = kernels::Events<Real>;
    static constexpr std::size_t lanes = kernels::lanes<Real>;
    static constexpr bool is_resistive = std::is_same_v<Synapses, Resistive<Real>>;

    bool wants_times() const { return pass_.grad_times.data != nullptr; }
    bool spikes_alone() const { return pass_.layer.phases() == Phases::single; }
    bool counts_supply() const { return pass_.supply.grad_plus.data != nullptr; }

    /// Where the neurons of a position are, both numbered through all samples.
    std::size_t place_of(std::size_t position) const {
        const Places& places = pass_.layer.places();
        if (places.pool == 1) return position;
        return position / places.positions * places.neurons + places.neuron_of(position % places.positions);
    }

    /// Positions of one image, whose spikes have one row of lanes each for all positions: dL/dt of a spike is then
    /// summed over the outputs once, and not once for each patch that sees it.
    void run_patches(const Positions<Real>& positions, std::size_t task, Real* spike_lanes, Real* sweep) {
        const std::size_t n_positions = pass_.layer.places().positions, s = positions.first / n_positions;
        const std::size_t first = positions.first % n_positions, n_spikes = pass_.events[s].n_spikes();
        if (wants_times() && first == 0) std::fill_n(spike_lanes, n_spikes * lanes, Real(0));
        const Range tiles = split_.tiles(task);
        for (std::size_t i = 0; i < positions.count; ++i) {
            const kernels::PatchSpikes<Real> spikes = positions.patches->spikes(i);
            const std::size_t row = place_of(positions.first + i);
            for (std::size_t t = tiles.first; t < tiles.last;) {
                const auto gradient = gradient_.tile(split_.chunk(task), t, spike_lanes);
                t += charge_backward(kernels::table<Real>().patches, spikes, row, t, tiles.last, gradient, sweep);
            }
        }
        if (!wants_times() || first + positions.count < n_positions) return;
        Real* const times = times_of(split_.group(task), s);
        std::fill_n(times, pass_.layer.n_in(), Real(0));
        const std::uint32_t* const inputs = pass_.events.inputs(s);
        for (std::size_t k = 0; k < n_spikes; ++k) times[inputs[k]] = sum_lanes(spike_lanes + k * lanes);
    }

    /// Tiles of a position whose neurons are in row `row`.
    void run_tiles(const Events& events, std::size_t row, std::size_t task, Real* spike_lanes, Real* sweep) {
        const Range tiles = split_.tiles(task);
        for (std::size_t t = tiles.first, n; t < tiles.last; t += n) {
            const auto gradient = gradient_.tile(split_.chunk(task), t, spike_lanes);
            if constexpr (is_resistive) {
                if (counts_supply()) {
                    supply_backward(events, row, t, gradient, sweep);
                    n = 1;
                    continue;
                }
            }
            if (spikes_alone()) {
                spike_backward(events, row, t, gradient, sweep);
                n = 1;
                continue;
            }
            n = charge_backward(synapses_.kernel(), events, row, t, tiles.last, gradient, sweep);
        }
    }

    /// Tile t of a position, or it and the next ones together; returns how many.
    template <class Kernel, class Spikes, class TileGradient>
    std::size_t charge_backward(const Kernel& kernel, const Spikes& spikes, std::size_t row, std::size_t t,
                                std::size_t end, const TileGradient& gradient, Real* sweep) const {
        constexpr std::size_t most = kernels::max_merged * lanes;
        alignas(64) Real upstream[most];
        const std::size_t width = std::min(most, grad_v_.cols - t * lanes);
        std::copy_n(grad_v_.row(row) + t * lanes, width, upstream);
        std::fill(upstream + width, upstream + most, Real(0));
        if (shares_charge_) {
            for (std::size_t i = 0; i < width; ++i) upstream[i] *= fraction_;
        }
        // Silent and saturated neurons have no gradient: a tile of such neurons costs nothing, and tiles with at most
        // `lanes` others between them cost little more than one.
        const auto used = [&](std::size_t tile) {
            int n_used = 0;
            for (std::size_t i = tile * lanes; i < (tile + 1) * lanes; ++i) n_used += upstream[i] != 0;
            return static_cast<std::size_t>(n_used);
        };
        std::size_t n_used = used(0), n = 1;
        if (n_used == 0) return 1;
        const std::size_t n_most = may_merge_ && kernel.backward_merged ? std::min(kernels::max_merged, end - t) : 1;
        for (std::size_t more; n < n_most && (more = used(n)) > 0 && n_used + more <= lanes; ++n) n_used += more;
        if (n == 1) {
            kernel.backward(spikes, synapses_.tile(t), upstream, gradient, sweep);
        } else {
            kernel.backward_merged(spikes, synapses_.tile(t), n, upstream, gradient, sweep);
        }
        return n;
    }

    /// Tile t of a position, of neurons that spike while they charge.
    template <class TileGradient>
    void spike_backward(const Events& events, std::size_t row, std::size_t t, const TileGradient& gradient,
                        Real* sweep) const {
        const SpikePass<Real>& spikes = pass_.spikes;
        const std::size_t first = t * lanes, width = pass_.layer.width(t);
        alignas(64) Real spiked[lanes] = {}, upstream[lanes] = {}, thresholds[lanes];
        std::copy_n(pass_.layer.by_place(spikes.times).row(row) + first, width, spiked);
        std::copy_n(grad_v_.row(row) + first, width, upstream);
        std::get<SinglePhase<Real>>(pass_.layer.neurons).thresholds(first, lanes, thresholds);
        alignas(64) Real times[lanes], grad[lanes], drive[lanes];
        int n_moving = 0, n_driven = 0;
        for (std::size_t i = 0; i < lanes; ++i) {  // without branches, so that it is a few vector operations
            const bool silent = spiked[i] > std::numeric_limits<Real>::max(), counts = upstream[i] != 0;
            times[i] = silent || !counts ? Real(0) : spiked[i];
            grad[i] = silent ? Real(0) : upstream[i];
            drive[i] = silent ? upstream[i] : Real(0);
            n_moving += counts && !silent;
            n_driven += counts && silent;
        }
        const bool any = n_moving > 0, any_silent = n_driven > 0;
        if (!any && !any_silent) return;
        const auto min_slope = static_cast<Real>(1 / spikes.max_slope);
        const std::size_t n_steep =
            crossing_(events, synapses_.tile(t), {times, grad, any_silent ? drive : nullptr, thresholds, min_slope},
                      gradient, sweep);
        if (n_steep > 0 && spikes.n_steep) *spikes.n_steep += n_steep;
    }

    /// Tile t of a position, where the loss counts the charges of the rails.
    void supply_backward(const Events& events, std::size_t row, std::size_t t,
                         const kernels::WeightGradient<Real>& gradient, Real* sweep) const {
        const Supply<Real>& supply = pass_.supply;
        const std::size_t width = pass_.layer.width(t);
        alignas(64) Real upstream[3][lanes], charges[2][lanes];
        const Span2<const Real> from[] = {pass_.grad_v, supply.grad_plus, supply.grad_minus};
        for (std::size_t i = 0; i < 3; ++i) {
            std::fill_n(upstream[i], lanes, Real(0));
            if (!from[i].data) continue;
            std::copy_n(pass_.layer.by_place(from[i]).row(row) + t * lanes, width, upstream[i]);
        }
        kernels::table<Real>().supply_backward(events, synapses_.tile(t), {upstream[0], upstream[1], upstream[2]},
                                               gradient, {charges[0], charges[1]}, sweep);
        if (supply.plus.data) {
            std::copy_n(charges[0], width, pass_.layer.by_place(supply.plus).row(row) + t * lanes);
            std::copy_n(charges[1], width, pass_.layer.by_place(supply.minus).row(row) + t * lanes);
        }
    }

    Real* times_of(std::size_t group, std::size_t s) const {
        if (group == 0) return pass_.grad_times.row(s);
        return scratch_.times.data() + ((group - 1) * split_.batch + s) * pass_.layer.n_in();
    }

    /// dL/dt of a sample, as a position and a group of tiles contribute to it. The positions of a sample come in order.
    void collect_times(const Events& events, const Positions<Real>& positions, std::size_t i, std::size_t group,
                       const Real* spike_lanes) const {
        const std::size_t n_positions = pass_.layer.places().positions, row = positions.first + i;
        const std::size_t s = row / n_positions, n_spikes = events.n_spikes();
        Real* const times = times_of(group, s);
        if (row == s * n_positions) std::fill_n(times, pass_.layer.n_in(), Real(0));
        const std::uint32_t* const inputs = pass_.events.inputs(s);
        if (!positions.patches) {
            for (std::size_t k = 0; k < n_spikes; ++k) times[inputs[k]] = sum_lanes(spike_lanes + k * lanes);
            return;
        }
        const std::uint32_t* const of_patch = positions.patches->spikes(i).spikes;
        for (std::size_t k = 0; k < n_spikes; ++k) times[inputs[of_patch[k]]] += sum_lanes(spike_lanes + k * lanes);
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
    const Synapses& synapses_;
    Gradient& gradient_;
    Scratch<Real>& scratch_;
    const Split split_;
    const Span2<const Real> grad_v_;  // of each place
    const bool shares_charge_ = pass_.layer.places().pool > 1;
    const Real fraction_ = Real(1) / static_cast<Real>(pass_.layer.places().pool * pass_.layer.places().pool);
    const bool may_merge_ = kernels::is_symmetric(synapses_.coupling);
    /// Whether there are kernels for the patches of a convolution as such.
    const bool takes_patches_ = is_resistive && may_merge_ && std::holds_alternative<Conv2d>(pass_.layer.wiring) &&
                                !spikes_alone() && !counts_supply();
    decltype(synapses_.crossing().backward) crossing_ = synapses_.crossing().backward;
    std::size_t sweep_size_ = 0, spike_lanes_size_ = 0;  // numbers of scratch memory for each worker
    std::vector<std::atomic<std::size_t>> groups_left_;  // of each chunk, before its dL/dt is complete
};

template <class Real, class Gradient>
void run(const BackwardPass<Real>& pass, Gradient& gradient, Scratch<Real>& scratch, Threads threads) {
    if (pass.supply.grad_plus.data) {
        resistive_of(pass.layer, "gradients of the rails' charges");
        if (pass.layer.phases() == Phases::single) reject("gradients of the rails' charges need neurons of two phases");
        if (pass.layer.places().pool > 1) reject("the rails' charges of neurons that share charge are not known yet");
    }
    std::visit(
        [&](const auto& synapses) {
            using Kind = std::decay_t<decltype(synapses)>;
            if constexpr (std::is_same_v<typename Kind::Gradient, Gradient>) {
                if constexpr (std::is_same_v<Kind, Pairs<Real>>) {
                    if (!synapses.weights) reject("gradients of weights need the weights that pairs were drawn for");
                }
                Job<Kind, Real> job(pass, synapses, gradient, scratch, threads);
                for_each_task(job.n_tasks(), pass.extra_tasks, threads,
                              [&](std::size_t task, std::size_t worker) { job.run(task, worker); });
            } else {
                reject("these synapses have other gradients");
            }
        },
        pass.layer.synapses);
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
