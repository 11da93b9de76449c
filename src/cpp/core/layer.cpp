#include "layer.h"

#include <algorithm>

#include "check.h"
#include "workers.h"

namespace rcspike::detail {
namespace {

/// Synapses and gradients of a group of tiles should take at most this much of a core's second-level cache.
constexpr std::size_t cache_bytes = 384 * 1024;

/// Enough tasks that a few threads finish together; each further chunk costs one more copy of the gradient.
constexpr std::size_t wanted_tasks = 16;
constexpr std::size_t least_samples = 8;

constexpr std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// The sum of one row of lanes, halves first: an order that no instruction set changes.
template <class Real>
Real sum_lanes(Real* lane) {
    for (std::size_t half = kernels::lanes<Real> / 2; half > 0; half /= 2) {
        for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
    }
    return lane[0];
}

std::size_t group_end(std::size_t first, std::size_t per_group, std::size_t count) {
    return std::min(first + per_group, count);
}

}  // namespace

template <class Real>
Layer<Real> resistive_layer(const char* name, Span2<const Real> weights, std::size_t n_in, const Circuit& circuit) {
    validate(circuit);
    check_shape(name, weights, n_in, weights.cols);
    check_finite(name, weights);
    // An infinite rail has conductance 0 and no diode to speak of: D = w, G = 0.
    const double plus = 1 / circuit.e_plus;
    const double minus = 1 / -circuit.e_minus;
    check_range(name, weights, std::max({plus, minus, 1.0}));
    Layer<Real> layer;
    layer.drive.pack(weights);
    for (Real& w : layer.drive.values) w += 0;  // -0 becomes 0: the kernels go by the sign bit
    layer.coupling = {static_cast<Real>(1 - circuit.diode_drop * plus),
                      static_cast<Real>(1 - circuit.diode_drop * minus), static_cast<Real>(plus),
                      static_cast<Real>(minus)};
    return layer;
}

template <class Real>
kernels::Tile<Real> Layer<Real>::tile(std::size_t i) const {
    const auto optional = [i](const Tiles<Real>& tiles) { return tiles.rows > 0 ? tiles.tile(i) : nullptr; };
    return {drive.tile(i),          optional(conductance), optional(drive0),
            optional(conductance0), drive.tile_size(),     coupling};
}

template <class Real>
Split<Real>::Split(std::size_t batch, std::size_t n_in, std::size_t n_out) {
    const std::size_t tiles = std::max<std::size_t>(divide_up(n_out, kernels::lanes<Real>), 1);
    tiles_per_group = std::clamp<std::size_t>(cache_bytes / (2 * 64 * std::max<std::size_t>(n_in, 1)), 1, tiles);
    groups = divide_up(tiles, tiles_per_group);
    const std::size_t most_chunks = std::max<std::size_t>(divide_up(batch, least_samples), 1);
    samples_per_chunk =
        std::max<std::size_t>(divide_up(batch, std::min(divide_up(wanted_tasks, groups), most_chunks)), 1);
    chunks = std::max<std::size_t>(divide_up(batch, samples_per_chunk), 1);
}

template <class Real>
void Parts<Real>::resize(std::size_t n_parts, std::size_t part_size) {
    count = n_parts;
    size = part_size;
    values.resize(count * size);
}

template <class Real>
void Parts<Real>::add_up(Tiles<Real>& total, Threads threads) const {
    constexpr std::size_t slice = 4096;
    for_each_task(divide_up(size, slice), threads, [&](std::size_t task, std::size_t) {
        for (std::size_t i = task * slice; i < std::min(size, (task + 1) * slice); ++i) {
            Real sum = values.data()[i];
            for (std::size_t part = 1; part < count; ++part) sum += values.data()[part * size + i];
            total.values.data()[i] = sum;
        }
    });
}

template <class Real>
Trains<Real> trains(const Schedule<Real>& schedule) {
    Trains<Real> all(schedule.batch());
    for (std::size_t s = 0; s < all.size(); ++s) all[s] = schedule[s];
    return all;
}

template <class Real>
void forward(const Layer<Real>& layer, const Trains<Real>& trains, Span2<Real> v, Threads threads) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const kernels::Kernels<Real>& kernel = kernels::table<Real>();
    const Split<Real> split(trains.size(), layer.n_in(), layer.n_out());
    for_each_task(split.tasks(), threads, [&](std::size_t task, std::size_t) {
        const std::size_t first = task / split.chunks * split.tiles_per_group;
        const std::size_t first_sample = task % split.chunks * split.samples_per_chunk;
        const std::size_t last_sample = std::min(first_sample + split.samples_per_chunk, trains.size());
        const std::size_t last = group_end(first, split.tiles_per_group, layer.drive.count());
        alignas(64) Real row[kernels::most_tiles * lanes];
        for (std::size_t s = first_sample; s < last_sample; ++s) {
            for (std::size_t t = first, n; t < last; t += n) {
                n = divide_up(last - t, divide_up(last - t, kernel.tiles_at_once));
                kernel.charge(trains[s], layer.tile(t), n, row);
                std::copy_n(row, std::min(n * lanes, v.cols - t * lanes), v.row(s) + t * lanes);
            }
        }
    });
}

template <class Real>
void backward(const Layer<Real>& layer, const Trains<Real>& trains, Span2<const Real> grad_v, Span2<Real> grad_times,
              LayerGradient<Real>& gradient, Scratch<Real>& scratch, Threads threads) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const kernels::Kernels<Real>& kernel = kernels::table<Real>();
    const std::size_t batch = trains.size(), n_in = layer.n_in(), tiles = layer.drive.count();
    const Split<Real> split(batch, n_in, layer.n_out());
    const bool wants_times = grad_times.data != nullptr;

    const auto resize = [&](Parts<Real>& parts, const Tiles<Real>& like) {
        parts.resize(split.chunks, like.count() * like.tile_size());
    };
    resize(gradient.drive, layer.drive);
    resize(gradient.conductance, layer.conductance);
    resize(gradient.drive0, layer.drive0);
    resize(gradient.conductance0, layer.conductance0);

    std::size_t most_intervals = 0, most_spikes = 0;
    for (const SpikeTrain<Real>& train : trains) {
        most_intervals = std::max(most_intervals, train.n_intervals);
        most_spikes = std::max(most_spikes, train.n_spikes());
    }
    const std::size_t sweep_size = kernels::backward_scratch<Real>(kernel.tiles_at_once, most_intervals);
    const std::size_t lanes_size = most_spikes * lanes;
    scratch.sweep.resize(static_cast<std::size_t>(threads.count) * sweep_size);
    if (wants_times) {
        scratch.spike_lanes.resize(static_cast<std::size_t>(threads.count) * lanes_size);
        scratch.times.resize(split.groups * batch * n_in);
    }

    for_each_task(split.tasks(), threads, [&](std::size_t task, std::size_t worker) {
        const std::size_t group = task / split.chunks, chunk = task % split.chunks;
        const std::size_t first = group * split.tiles_per_group;
        const std::size_t last = group_end(first, split.tiles_per_group, tiles);
        const std::size_t first_sample = chunk * split.samples_per_chunk;
        const std::size_t last_sample = std::min(first_sample + split.samples_per_chunk, batch);
        Real* sweep = scratch.sweep.data() + worker * sweep_size;
        Real* spike_lanes = wants_times ? scratch.spike_lanes.data() + worker * lanes_size : nullptr;

        const auto part_of_tile = [&](Parts<Real>& parts, std::size_t rows, std::size_t t) {
            return parts.size > 0 ? parts.values.data() + chunk * parts.size + t * rows * lanes : nullptr;
        };
        const auto zero = [&](Parts<Real>& parts, std::size_t rows) {
            if (parts.size > 0) std::fill_n(part_of_tile(parts, rows, first), (last - first) * rows * lanes, Real(0));
        };
        zero(gradient.drive, n_in);
        zero(gradient.conductance, n_in);
        zero(gradient.drive0, 1);
        zero(gradient.conductance0, 1);

        alignas(64) Real upstream[kernels::most_tiles * lanes];
        for (std::size_t s = first_sample; s < last_sample; ++s) {
            const SpikeTrain<Real>& train = trains[s];
            if (wants_times) std::fill_n(spike_lanes, train.n_spikes() * lanes, Real(0));
            for (std::size_t t = first, n; t < last; t += n) {
                n = divide_up(last - t, divide_up(last - t, kernel.tiles_at_once));
                const std::size_t width = std::min(n * lanes, grad_v.cols - t * lanes);
                std::copy_n(grad_v.row(s) + t * lanes, width, upstream);
                std::fill(upstream + width, upstream + n * lanes, Real(0));
                // Silent and saturated neurons have no gradient; tiles of them cost nothing.
                if (std::all_of(upstream, upstream + width, [](Real g) { return g == 0; })) continue;
                kernel.charge_backward(
                    train, layer.tile(t), n, upstream,
                    {part_of_tile(gradient.drive, n_in, t), part_of_tile(gradient.conductance, n_in, t),
                     part_of_tile(gradient.drive0, 1, t), part_of_tile(gradient.conductance0, 1, t), spike_lanes},
                    sweep);
            }
            if (!wants_times) continue;
            Real* times = scratch.times.data() + (group * batch + s) * n_in;
            std::fill_n(times, n_in, Real(0));
            for (std::size_t i = 0; i < train.n_spikes(); ++i)
                times[train.inputs[i]] = sum_lanes(spike_lanes + i * lanes);
        }
    });

    if (!wants_times) return;
    for_each_task(divide_up(batch, least_samples), threads, [&](std::size_t task, std::size_t) {
        for (std::size_t s = task * least_samples; s < std::min(batch, (task + 1) * least_samples); ++s) {
            Real* row = grad_times.row(s);
            std::copy_n(scratch.times.data() + s * n_in, n_in, row);
            for (std::size_t group = 1; group < split.groups; ++group) {
                const Real* part = scratch.times.data() + (group * batch + s) * n_in;
                for (std::size_t j = 0; j < n_in; ++j) row[j] += part[j];
            }
        }
    });
}

#define RCSPIKE_INSTANTIATE(Real)                                                                      \
    template Layer<Real> resistive_layer(const char*, Span2<const Real>, std::size_t, const Circuit&); \
    template struct Layer<Real>;                                                                       \
    template struct Split<Real>;                                                                       \
    template struct Parts<Real>;                                                                       \
    template Trains<Real> trains(const Schedule<Real>&);                                               \
    template void forward(const Layer<Real>&, const Trains<Real>&, Span2<Real>, Threads);              \
    template void backward(const Layer<Real>&, const Trains<Real>&, Span2<const Real>, Span2<Real>,    \
                           LayerGradient<Real>&, Scratch<Real>&, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
