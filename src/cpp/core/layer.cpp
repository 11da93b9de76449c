#include "layer.h"

#include <algorithm>

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
constexpr std::size_t min_tasks = 4;

constexpr std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

std::size_t tiles_in_cache(std::size_t n_in) {
    return std::max<std::size_t>(cache_bytes / (2 * 64 * std::max<std::size_t>(n_in, 1)), 1);
}

/// Calls f(first tile, number) for runs of at most `at_once` tiles, as equal as possible.
template <class Function>
void for_each_run(Range tiles, std::size_t at_once, const Function& f) {
    for (std::size_t t = tiles.first, n; t < tiles.last; t += n) {
        n = divide_up(tiles.last - t, divide_up(tiles.last - t, at_once));
        f(t, n);
    }
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
        if (std::isinf(g)) reject(name, " is ", rail, ", too near to 0 for ", 8 * sizeof(Real), "-bit floating point");
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
void pack_always_on(Span1<const Real> drive0, Span1<const Real> conductance0, Layer<Real>& layer) {
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
    const std::size_t at_least_one = std::max<std::size_t>(n_tiles, 1);
    tiles_per_group = std::min(tiles_in_cache(n_in), at_least_one);
    groups = divide_up(at_least_one, tiles_per_group);
    const std::size_t wanted = std::max(batch / std::max(samples_per_task, n_in / 12) * groups, min_tasks);
    chunks = std::min(divide_up(wanted, groups), std::max<std::size_t>(batch, 1));
    samples_per_chunk = divide_up(batch, chunks);
}

template <class Real>
void EventBatch<Real>::resize(std::size_t batch, std::size_t max_intervals) {
    events_.resize(batch);
    stride_ = max_intervals + 1;
    steps_.resize(batch * stride_);
}

template <class Real>
void EventBatch<Real>::set(std::size_t sample, const SpikeTrain<Real>& spikes,
                           const kernels::Coupling<Real>& coupling) {
    kernels::Step<Real>* steps = steps_.data() + sample * stride_;
    Real start = 0;
    std::uint32_t end = 0;
    for (std::size_t k = 0; k <= spikes.n_intervals; ++k) {
        const Interval<Real>& next = spikes.intervals[k];
        steps[k] = kernels::make_step(coupling, start, next.start - start, end);
        start = next.start;
        end = next.end;
    }
    events_[sample] = {spikes.inputs, steps, spikes.n_intervals + 1};
}

template <class Real>
void EventBatch<Real>::set(const Schedule<Real>& schedule, const kernels::Coupling<Real>& coupling, Threads threads) {
    std::size_t max_intervals = 0;
    for (std::size_t s = 0; s < schedule.batch(); ++s) max_intervals = std::max(max_intervals, schedule[s].n_intervals);
    resize(schedule.batch(), max_intervals);
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
void check_resistive(const Layer<Real>& layer, const char* wanted) {
    if (layer.kind != kernels::Synapses::resistive) reject(wanted, " can be computed for resistive synapses only");
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

#define RCSPIKE_INSTANTIATE(Real)                                                                                 \
    template kernels::Coupling<Real> coupling_of(const Circuit&);                                                 \
    template Layer<Real> resistive_layer(const char*, Span2<const Real>, std::size_t, const Circuit&, Threads);   \
    template void pack_always_on(Span1<const Real>, Span1<const Real>, Layer<Real>&);                             \
    template struct Layer<Real>;                                                                                  \
    template class EventBatch<Real>;                                                                              \
    template void charge(const Layer<Real>&, const EventBatch<Real>&, Range, Range, Span2<Real>);                 \
    template void charge(const Layer<Real>&, const EventBatch<Real>&, Span2<Real>, Threads);                      \
    template void trace(const Layer<Real>&, const kernels::Events<Real>&, std::size_t, Span1<const Real>, Real*); \
    template void supply(const Layer<Real>&, const kernels::Events<Real>&, std::size_t,                           \
                         const kernels::RailRows<Real>&);                                                         \
    template void check_resistive(const Layer<Real>&, const char*);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
