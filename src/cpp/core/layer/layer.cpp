#include "layer/layer.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/check.h"
#include "layer/positions.h"
#include "parallel/workers.h"

namespace rcspike::detail {
namespace {

/// Calls f(first tile, number) for runs of at most `at_once` tiles, as equal as possible.
template <class Function>
void for_each_run(Range tiles, std::size_t at_once, const Function& f) {
    for (std::size_t t = tiles.first, n; t < tiles.last; t += n) {
        n = divide_up(tiles.last - t, divide_up(tiles.last - t, at_once));
        f(t, n);
    }
}

/// Calls f(position, spikes_of(position), first tile, number of tiles), `count` positions from 0 on, in an order in
/// which the synapses of a group of tiles stay in the cache.
template <class SpikesOf, class Function>
void for_each_row(std::size_t n_rows, std::size_t at_once, std::size_t count, Range tiles, const SpikesOf& spikes_of,
                  const Function& f) {
    const std::size_t per_group = tiles_in_cache(n_rows);
    for (std::size_t first = tiles.first; first < tiles.last; first += per_group) {
        const Range group{first, std::min(first + per_group, tiles.last)};
        for (std::size_t i = 0; i < count; ++i) {
            const auto& spikes = spikes_of(i);
            for_each_run(group, at_once, [&](std::size_t t, std::size_t n) { f(i, spikes, t, n); });
        }
    }
}

template <class Synapses, class Real>
void charge_synapses(const Synapses& synapses, const TwoPhase<Real>&, const Positions<Real>& positions, Range tiles,
                     Span2<Real> v) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    alignas(64) Real row[kernels::max_tiles * lanes];
    const auto charge_all = [&](auto charge_tiles, const auto& spikes_of) {
        for_each_row(synapses.rows().rows, kernels::table<Real>().tiles_at_once, positions.count, tiles, spikes_of,
                     [&](std::size_t i, const auto& spikes, std::size_t t, std::size_t n) {
                         charge_tiles(spikes, synapses.tile(t), n, row);
                         std::copy_n(row, std::min(n * lanes, v.cols - t * lanes), v.row(i) + t * lanes);
                     });
    };
    if constexpr (std::is_same_v<Synapses, Resistive<Real>>) {
        if (positions.patches && kernels::is_symmetric(synapses.coupling)) {
            return charge_all(kernels::table<Real>().patches.charge,
                              [&](std::size_t i) { return positions.patches->spikes(i); });
        }
    }
    charge_all(synapses.kernel().charge, [&](std::size_t i) -> const auto& { return positions.events(i); });
}

template <class Synapses, class Real>
void charge_synapses(const Synapses& synapses, const SinglePhase<Real>& neurons, const Positions<Real>& positions,
                     Range tiles, Span2<Real> times) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const auto first_spike = synapses.crossing().first_spike;
    alignas(64) Real row[kernels::max_tiles * lanes], thresholds[kernels::max_tiles * lanes];
    for_each_row(
        synapses.rows().rows, kernels::crossings<Real>().tiles_at_once, positions.count, tiles,
        [&](std::size_t i) -> const auto& { return positions.events(i); },
        [&](std::size_t i, const kernels::Events<Real>& events, std::size_t t, std::size_t n) {
            const std::size_t n_neurons = std::min(n * lanes, times.cols - t * lanes);
            neurons.thresholds(t * lanes, n * lanes, thresholds);
            first_spike(events, synapses.tile(t), n, n_neurons, thresholds, row);
            std::copy_n(row, n_neurons, times.row(i) + t * lanes);
        });
}

/// Membranes of some tiles, at all positions of some lines from number `first` on, become those of the neurons that
/// they are connected to.
template <class Real>
void share_charge(const Places& places, std::size_t first, Span2<const Real> v, Range tiles, Span2<Real> to) {
    const std::size_t begin = tiles.first * kernels::lanes<Real>;
    const std::size_t end = std::min(tiles.last * kernels::lanes<Real>, v.cols);
    const std::size_t line = places.line, pool = places.pool;
    const Real fraction = Real(1) / static_cast<Real>(pool * pool);
    Real* mean = to.row(first / places.positions * places.neurons + places.neuron_of(first % places.positions));
    for (std::size_t corner = 0; corner < v.rows; corner += pool * line) {
        for (std::size_t x = 0; x < line; x += pool, mean += v.cols) {
            std::fill(mean + begin, mean + end, Real(0));
            for (std::size_t i = 0; i < pool * pool; ++i) {
                const Real* const own = v.row(corner + i / pool * line + x + i % pool);
                for (std::size_t c = begin; c < end; ++c) mean[c] += own[c];
            }
            for (std::size_t c = begin; c < end; ++c) mean[c] *= fraction;
        }
    }
}

}  // namespace

void check_circuits(const std::vector<Circuit>& circuits, std::size_t n_layers) {
    if (circuits.size() != n_layers) {
        reject("circuits must be given for all ", n_layers, " layers, got ", circuits.size());
    }
    for (std::size_t l = 0; l < n_layers; ++l) {
        const Circuit &first = circuits[0], &own = circuits[l];
        validate(own);
        if (own.e_plus != first.e_plus || own.e_minus != first.e_minus || own.diode_drop != first.diode_drop ||
            own.ramp != first.ramp || own.delay != first.delay) {
            reject("circuits[", l,
                   "] must have the rails, drop, ramp and delay of circuits[0]: layers of a network "
                   "differ in their injection only");
        }
    }
}

template <class Real>
Layer<Real> resistive_layer(const char* name, Span2<const Real> weights, std::size_t n_rows, const Circuit& circuit,
                            Threads threads, const Wiring& wiring, Phases phases) {
    return {pack_resistive(name, weights, n_rows, circuit, threads), neurons_of<Real>(phases, circuit, {}), wiring,
            Injection<Real>(circuit)};
}

template <class Real>
Neurons<Real> neurons_of(Phases phases, const Circuit& circuit, Span1<const Real> offset) {
    if (offset.data) check_finite("offset", offset);
    std::vector<Real> each(offset.data, offset.data + offset.size);
    if (phases == Phases::two) return TwoPhase<Real>{Ramp(circuit), std::move(each)};
    if (circuit.injection_plus != 0 || circuit.injection_minus != 0) {
        reject("injection must be 0 for neurons of a single phase, which spike before their switches open, got ",
               circuit.injection_plus, " and ", circuit.injection_minus);
    }
    for (Real& threshold : each) {
        if (!(threshold > -1)) reject("offset must be above -1, so that the threshold is above 0, got ", threshold);
        threshold += 1;
    }
    return SinglePhase<Real>{std::move(each), static_cast<Real>(circuit.delay)};
}

template <class Real>
const Resistive<Real>& resistive_of(const Layer<Real>& layer, const char* wanted) {
    const auto* resistive = std::get_if<Resistive<Real>>(&layer.synapses);
    if (!resistive) reject(wanted, " can be computed for resistive synapses only");
    return *resistive;
}

template <class Real>
void charge(const Layer<Real>& layer, const EventBatch<Real>& events, Range samples, Range tiles, Span2<Real> to) {
    const Span2<Real> places = layer.by_place(to);
    thread_local Buffer<Real> membranes;  // those of which several make one neuron
    const bool pools = layer.places().pool > 1;
    for_each_part(layer, events, samples, [&](const Positions<Real>& positions) {
        if (pools) membranes.resize(positions.count * places.cols);
        const Span2<Real> v{pools ? membranes.data() : places.row(positions.first), positions.count, places.cols};
        std::visit(
            [&](const auto& synapses, const auto& neurons) { charge_synapses(synapses, neurons, positions, tiles, v); },
            layer.synapses, layer.neurons);
        if (!layer.injection.is_absent()) {
            for (std::size_t i = 0; i < v.rows; ++i) {
                inject(layer.injection, layer.synapses, positions.events(i), tiles, v.row(i));
            }
        }
        if (pools) share_charge<Real>(layer.places(), positions.first, v, tiles, places);
    });
}

template <class Real>
void charge(const Layer<Real>& layer, const EventBatch<Real>& events, Span2<Real> to, Threads threads) {
    const Split split = layer.split(events.size());
    for_each_task(split.tasks(), threads, [&](std::size_t task, std::size_t) {
        charge(layer, events, split.samples(task), split.tiles(task), to);
    });
}

#define RCSPIKE_INSTANTIATE(Real)                                                                              \
    template Layer<Real> resistive_layer(const char*, Span2<const Real>, std::size_t, const Circuit&, Threads, \
                                         const Wiring&, Phases);                                               \
    template Neurons<Real> neurons_of(Phases, const Circuit&, Span1<const Real>);                              \
    template const Resistive<Real>& resistive_of(const Layer<Real>&, const char*);                             \
    template void charge(const Layer<Real>&, const EventBatch<Real>&, Range, Range, Span2<Real>);              \
    template void charge(const Layer<Real>&, const EventBatch<Real>&, Span2<Real>, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
