#include "layer.h"

#include <algorithm>
#include <atomic>

#include "check.h"
#include "workers.h"

namespace rcspike::detail {
namespace {

/// Synapses and gradients of a group of tiles should take at most this much of a core's second-level cache. A sample
/// passes by all tiles of its group before the next one comes: from tile to tile the processor then remembers how many
/// spikes tie, and mispredicts no more (MNIST's first layer, 7 tiles: 1.7 times as fast).
constexpr std::size_t cache_bytes = 768 * 1024;

/// A task for each so many samples, but enough that a few threads finish together. More chunks than groups leave for
/// that would only cost: each has a copy of the gradient to clear and to add.
constexpr std::size_t samples_per_task = 16;
constexpr std::size_t least_tasks = 4;

constexpr std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// The sum of one row of lanes, halves first: an order that no instruction set changes.
template <class Real>
Real sum_lanes(Real* lane) {
    for (std::size_t half = kernels::lanes<Real> / 2; half > 0; half /= 2) {
        for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
    }
    return lane[0];
}

std::size_t tiles_in_cache(std::size_t n_in) {
    return std::max<std::size_t>(cache_bytes / (2 * 64 * std::max<std::size_t>(n_in, 1)), 1);
}

/// Calls f(first tile, number) for runs of tiles as equal as the kernels' most at once allows.
template <class Function>
void for_each_run(Range tiles, std::size_t at_once, const Function& f) {
    for (std::size_t t = tiles.first, n; t < tiles.last; t += n) {
        n = divide_up(tiles.last - t, divide_up(tiles.last - t, at_once));
        f(t, n);
    }
}

template <class Real>
void check_resistive(const Layer<Real>& layer, const char* wanted) {
    if (layer.kind != kernels::Synapses::resistive) refuse(wanted, " can be computed for resistive synapses only");
}

/// Tile t of sample s, where the loss counts what the rails deliver.
template <class Real>
void supply_backward(const Layer<Real>& layer, const kernels::Events<Real>& train, std::size_t s, std::size_t t,
                     Span2<const Real> grad_v, const Supply<Real>& supply, const kernels::TileGradient<Real>& gradient,
                     Real* sweep) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const std::size_t width = layer.drive.width(t);
    alignas(64) Real upstream[3][lanes], charges[2][lanes];
    const Span2<const Real> from[] = {grad_v, supply.grad_plus, supply.grad_minus};
    for (std::size_t i = 0; i < 3; ++i) {
        std::fill_n(upstream[i], lanes, Real(0));
        if (from[i].data) std::copy_n(from[i].row(s) + t * lanes, width, upstream[i]);
    }
    kernels::table<Real>().supply_backward(train, layer.tile(t), {upstream[0], upstream[1], upstream[2]}, gradient,
                                           {charges[0], charges[1]}, sweep);
    if (!supply.plus.data) return;
    std::copy_n(charges[0], width, supply.plus.row(s) + t * lanes);
    std::copy_n(charges[1], width, supply.minus.row(s) + t * lanes);
}

}  // namespace

template <class Real>
kernels::Coupling<Real> coupling_of(const Circuit& circuit) {
    validate(circuit);
    // An infinite rail has conductance 0 and no diode to speak of: D = w, G = 0. The drop may be next to the rail, so
    // nothing is rounded before it is taken off.
    const auto drive = [&](double rail) {
        return static_cast<Real>(std::isinf(rail) ? 1 : (rail - circuit.diode_drop) / rail);
    };
    const auto conductance = [](const char* name, double rail) {
        const auto g = static_cast<Real>(1 / std::abs(rail));
        if (std::isinf(g)) refuse(name, " is ", rail, ", too near to 0 for ", 8 * sizeof(Real), "-bit floating point");
        return g;
    };
    return {drive(circuit.e_plus), drive(-circuit.e_minus), conductance("e_plus", circuit.e_plus),
            conductance("e_minus", circuit.e_minus)};
}

template <class Real>
Layer<Real> resistive_layer(const char* name, Span2<const Real> weights, std::size_t n_in, const Circuit& circuit,
                            Threads threads) {
    const kernels::Coupling<Real> coupling = coupling_of<Real>(circuit);
    check_shape(name, weights, n_in, weights.cols);
    check_range(name, weights, std::max<double>({coupling.b_plus, coupling.b_minus, 1.0}), threads);
    Layer<Real> layer;
    layer.drive.pack(weights, threads);
    layer.drive.for_each_part_of_row(threads, [&](std::size_t row, std::size_t t) {
        Real* w = layer.drive.tile(t) + row * kernels::lanes<Real>;
        for (std::size_t i = 0; i < kernels::lanes<Real>; ++i)
            w[i] += 0;  // -0 becomes 0: the kernels go by the sign bit
    });
    layer.coupling = coupling;
    return layer;
}

template <class Real>
void pack_on_from_start(Span1<const Real> drive0, Span1<const Real> conductance0, Layer<Real>& layer) {
    const auto pack = [&](const char* name, Span1<const Real> row, Tiles<Real>& tiles) {
        tiles.resize(1, layer.n_out());
        if (!row.data) return tiles.values.zero();
        check_size(name, row, layer.n_out());
        check_finite(name, row);
        check_range(name, row);
        tiles.pack({row.data, 1, row.size}, Threads{1});
    };
    pack("drive0", drive0, layer.drive0);
    pack("conductance0", conductance0, layer.conductance0);
    if (conductance0.data) check_not_negative("conductance0", conductance0);
}

template <class Real>
kernels::Tile<Real> Layer<Real>::tile(std::size_t i) const {
    const auto optional = [i](const Tiles<Real>& tiles) { return tiles.rows > 0 ? tiles.tile(i) : nullptr; };
    return {kind,
            drive.tile(i),
            optional(conductance),
            optional(drive0),
            optional(conductance0),
            weights ? weights->tile(i) : nullptr,
            drive.tile_size(),
            coupling};
}

Split::Split(std::size_t n_samples, std::size_t n_in, std::size_t tiles) : batch(n_samples), n_tiles(tiles) {
    const std::size_t most = std::max<std::size_t>(n_tiles, 1);
    tiles_per_group = std::min(tiles_in_cache(n_in), most);
    groups = divide_up(most, tiles_per_group);
    const std::size_t wanted = std::max(batch / std::max(samples_per_task, n_in / 12) * groups, least_tasks);
    chunks = std::min(divide_up(wanted, groups), std::max<std::size_t>(batch, 1));
    samples_per_chunk = divide_up(batch, chunks);
}

template <class Real>
void Parts<Real>::resize(std::size_t n_parts, std::size_t part_size) {
    count = n_parts;
    size = part_size;
    values.resize(count * size);
}

template <class Real>
void Parts<Real>::add_up(Span2<Real> matrix, Threads threads) const {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    Tiles<Real> layout;
    layout.rows = matrix.rows;
    layout.cols = matrix.cols;
    layout.for_each_part_of_row(threads, [&](std::size_t row, std::size_t t) {
        const Real* from = values.data() + t * layout.tile_size() + row * lanes;
        for (std::size_t i = 0; i < layout.width(t); ++i) {
            Real sum = from[i];
            for (std::size_t part = 1; part < count; ++part) sum += from[part * size + i];
            matrix.row(row)[t * lanes + i] = sum;
        }
    });
}

template <class Real>
void EventBatch<Real>::resize(std::size_t batch, std::size_t most_intervals) {
    events_.resize(batch);
    stride_ = most_intervals + 1;
    steps_.resize(batch * stride_);
}

template <class Real>
void EventBatch<Real>::set(std::size_t sample, const SpikeTrain<Real>& train, const kernels::Coupling<Real>& coupling) {
    kernels::Step<Real>* steps = steps_.data() + sample * stride_;
    Real start = 0;
    std::uint32_t end = 0;
    for (std::size_t k = 0; k <= train.n_intervals; ++k) {
        const Interval<Real>& next = train.intervals[k];
        steps[k] = kernels::make_step(coupling, start, next.start - start, end);
        start = next.start;
        end = next.end;
    }
    events_[sample] = {train.inputs, steps, train.n_intervals + 1};
}

template <class Real>
void EventBatch<Real>::set(const Schedule<Real>& schedule, const kernels::Coupling<Real>& coupling, Threads threads) {
    std::size_t most = 0;
    for (std::size_t s = 0; s < schedule.batch(); ++s) most = std::max(most, schedule[s].n_intervals);
    resize(schedule.batch(), most);
    for_each_task(divide_up(size(), samples_per_task), threads, [&](std::size_t task, std::size_t) {
        for (std::size_t s = task * samples_per_task; s < std::min(size(), (task + 1) * samples_per_task); ++s) {
            set(s, schedule[s], coupling);
        }
    });
}

template <class Real>
void charge(const Layer<Real>& layer, const EventBatch<Real>& events, Range samples, Range tiles, Span2<Real> v) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const kernels::Kernels<Real>& kernel = kernels::table<Real>();
    const std::size_t per_group = tiles_in_cache(layer.n_in());
    alignas(64) Real row[kernels::max_tiles * lanes];
    for (std::size_t first = tiles.first; first < tiles.last; first += per_group) {
        const Range group{first, std::min(first + per_group, tiles.last)};
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            for_each_run(group, kernel.tiles_at_once, [&](std::size_t t, std::size_t n) {
                kernel.charge(events[s], layer.tile(t), n, row);
                std::copy_n(row, std::min(n * lanes, v.cols - t * lanes), v.row(s) + t * lanes);
            });
        }
    }
}

template <class Real>
void charge(const Layer<Real>& layer, const EventBatch<Real>& events, Span2<Real> v, Threads threads) {
    const Split split(events.size(), layer.n_in(), layer.drive.count());
    for_each_task(split.tasks(), threads, [&](std::size_t task, std::size_t) {
        charge(layer, events, split.samples(task), split.tiles(task), v);
    });
}

template <class Real>
void trace(const Layer<Real>& layer, const kernels::Events<Real>& events, std::size_t t, Span1<const Real> at,
           Real* v) {
    check_resistive(layer, "voltages within the phase");
    kernels::table<Real>().trace(events, layer.tile(t), at.data, at.size, v);
}

template <class Real>
void supply(const Layer<Real>& layer, const kernels::Events<Real>& events, std::size_t t,
            const kernels::RailRows<Real>& charges) {
    check_resistive(layer, "charges of the rails");
    kernels::table<Real>().supply(events, layer.tile(t), charges);
}

template <class Real>
void backward(const Layer<Real>& layer, const EventBatch<Real>& events, Span2<const Real> grad_v,
              Span2<Real> grad_times, LayerGradient<Real>& gradient, Scratch<Real>& scratch, Threads threads,
              const std::function<void(Range samples)>& done, const Meanwhile& meanwhile, const Supply<Real>& supply) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const kernels::Kernels<Real>& kernel = kernels::table<Real>();
    const std::size_t batch = events.size(), n_in = layer.n_in();
    const Split split(batch, n_in, layer.drive.count());
    const bool wants_times = grad_times.data != nullptr;
    const bool counts_supply = supply.grad_plus.data != nullptr;
    if (counts_supply) check_resistive(layer, "gradients of the rails' charges");
    const bool can_merge = kernel.charge_backward_merged && layer.is_symmetric();

    const auto resize = [&](Parts<Real>& parts, const Tiles<Real>& like) {
        parts.resize(split.chunks, like.count() * like.tile_size());
    };
    resize(gradient.drive, layer.drive);
    if (layer.kind == kernels::Synapses::affine) {
        resize(gradient.conductance, layer.conductance);
        resize(gradient.drive0, layer.drive0);
        resize(gradient.conductance0, layer.conductance0);
    }

    std::size_t most_steps = 0, most_spikes = 0;
    for (std::size_t s = 0; s < batch; ++s) {
        most_steps = std::max(most_steps, events[s].n_steps);
        most_spikes = std::max(most_spikes, events[s].n_spikes());
    }
    const std::size_t n_workers = worker_count(threads);
    const std::size_t sweep_size =
        counts_supply ? kernels::supply_scratch<Real>(most_steps) : kernels::backward_scratch<Real>(most_steps);
    const std::size_t lanes_size = most_spikes * lanes;
    scratch.sweep.resize(n_workers * sweep_size);
    if (wants_times) {
        scratch.spike_lanes.resize(n_workers * lanes_size);
        scratch.times.resize((split.groups - 1) * batch * n_in);
    }
    const auto times_of = [&](std::size_t group, std::size_t s) {
        return group == 0 ? grad_times.row(s) : scratch.times.data() + ((group - 1) * batch + s) * n_in;
    };
    std::vector<std::atomic<std::size_t>> groups_left(split.chunks);
    for (auto& left : groups_left) left.store(split.groups, std::memory_order_relaxed);

    // What else there is comes in the middle: shares of a round are of one size, and so every thread's are still about
    // its own part of the layer.
    const std::size_t half = split.tasks() / 2;
    for_each_task(split.tasks() + meanwhile.n_tasks, threads, [&](std::size_t task, std::size_t worker) {
        if (task >= half && task < half + meanwhile.n_tasks) return meanwhile.run(task - half);
        if (task >= half) task -= meanwhile.n_tasks;
        const std::size_t group = split.group(task), chunk = split.chunk(task);
        const Range tiles = split.tiles(task), samples = split.samples(task);
        Real* sweep = scratch.sweep.data() + worker * sweep_size;
        Real* spike_lanes = wants_times ? scratch.spike_lanes.data() + worker * lanes_size : nullptr;

        const auto part_of_tile = [&](Parts<Real>& parts, std::size_t rows, std::size_t t) {
            return parts.size > 0 ? parts.values.data() + chunk * parts.size + t * rows * lanes : nullptr;
        };
        const auto zero = [&](Parts<Real>& parts, std::size_t rows) {
            if (parts.size == 0) return;
            std::fill_n(part_of_tile(parts, rows, tiles.first), (tiles.last - tiles.first) * rows * lanes, Real(0));
        };
        zero(gradient.drive, n_in);
        zero(gradient.conductance, n_in);
        zero(gradient.drive0, 1);
        zero(gradient.conductance0, 1);

        alignas(64) Real upstream[2 * lanes];
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            const kernels::Events<Real>& train = events[s];
            if (wants_times) std::fill_n(spike_lanes, train.n_spikes() * lanes, Real(0));
            const auto gradient_of = [&](std::size_t t) -> kernels::TileGradient<Real> {
                return {part_of_tile(gradient.drive, n_in, t), part_of_tile(gradient.conductance, n_in, t),
                        part_of_tile(gradient.drive0, 1, t), part_of_tile(gradient.conductance0, 1, t), spike_lanes};
            };
            for (std::size_t t = tiles.first, n = 1; t < tiles.last; t += n) {
                if (counts_supply) {
                    supply_backward(layer, train, s, t, grad_v, supply, gradient_of(t), sweep);
                    continue;
                }
                const std::size_t width = std::min(2 * lanes, grad_v.cols - t * lanes);
                std::copy_n(grad_v.row(s) + t * lanes, width, upstream);
                std::fill(upstream + width, upstream + 2 * lanes, Real(0));
                // Silent and saturated neurons have no gradient; a tile of them costs nothing, half a tile half.
                const auto used = [&](std::size_t first) {
                    int n_used = 0;
                    for (std::size_t i = first; i < first + lanes; ++i) n_used += upstream[i] != 0;
                    return static_cast<std::size_t>(n_used);
                };
                const std::size_t used_here = used(0);
                const bool merged = can_merge && t + 1 < tiles.last && used_here + used(lanes) <= lanes;
                n = merged ? 2 : 1;
                if (used_here == 0 && !merged) continue;
                (merged ? kernel.charge_backward_merged : kernel.charge_backward)(train, layer.tile(t), upstream,
                                                                                  gradient_of(t), sweep);
            }
            if (!wants_times) continue;
            Real* times = times_of(group, s);
            std::fill_n(times, n_in, Real(0));
            for (std::size_t i = 0; i < train.n_spikes(); ++i)
                times[train.inputs[i]] = sum_lanes(spike_lanes + i * lanes);
        }
        if (!wants_times || groups_left[chunk].fetch_sub(1, std::memory_order_acq_rel) > 1) return;
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            for (std::size_t g = 1; g < split.groups; ++g) {
                for (std::size_t j = 0; j < n_in; ++j) grad_times.row(s)[j] += times_of(g, s)[j];
            }
        }
        done(samples);
    });
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                 \
    template kernels::Coupling<Real> coupling_of(const Circuit&);                                                 \
    template Layer<Real> resistive_layer(const char*, Span2<const Real>, std::size_t, const Circuit&, Threads);   \
    template void pack_on_from_start(Span1<const Real>, Span1<const Real>, Layer<Real>&);                         \
    template struct Layer<Real>;                                                                                  \
    template struct Parts<Real>;                                                                                  \
    template class EventBatch<Real>;                                                                              \
    template void charge(const Layer<Real>&, const EventBatch<Real>&, Range, Range, Span2<Real>);                 \
    template void charge(const Layer<Real>&, const EventBatch<Real>&, Span2<Real>, Threads);                      \
    template void trace(const Layer<Real>&, const kernels::Events<Real>&, std::size_t, Span1<const Real>, Real*); \
    template void supply(const Layer<Real>&, const kernels::Events<Real>&, std::size_t,                           \
                         const kernels::RailRows<Real>&);                                                         \
    template void backward(const Layer<Real>&, const EventBatch<Real>&, Span2<const Real>, Span2<Real>,           \
                           LayerGradient<Real>&, Scratch<Real>&, Threads, const std::function<void(Range)>&,      \
                           const Meanwhile&, const Supply<Real>&);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
