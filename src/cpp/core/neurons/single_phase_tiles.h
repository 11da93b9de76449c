// Membranes of single-phase neurons in the kernels, tile by tile: to the crossings of their thresholds, and back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "events/position_events.h"
#include "neurons/merge_tiles.h"
#include "neurons/single_phase.h"
#include "neurons/tile_runs.h"
#include "neurons/upstream.h"
#include "synapses/gradients.h"
#include "synapses/synapses.h"

namespace rcspike::detail {

/// Crossings of some tiles at some positions, a row for each position; NaN where a voltage overflows.
template <class Synapses, class Real>
void run_membranes(const Synapses& synapses, const SinglePhase<Real>& neurons, const PositionEvents<Real>& positions,
                   Range tiles, Span2<Real> crossings) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const auto first_spike = synapses.crossing().first_spike;
    alignas(64) Real row[kernels::max_tiles * lanes], thresholds[kernels::max_tiles * lanes];
    for_each_tile_run(
        synapses.rows().rows, kernels::crossings<Real>().tiles_at_once, positions.count, tiles,
        [&](std::size_t i) -> const auto& { return positions.events(i); },
        [&](std::size_t i, const kernels::Events<Real>& events, std::size_t t, std::size_t n) {
            const std::size_t n_neurons = std::min(n * lanes, crossings.cols - t * lanes);
            neurons.thresholds(t * lanes, n * lanes, thresholds);
            first_spike(events, synapses.tile(t), n, n_neurons, thresholds, row);
            std::copy_n(row, n_neurons, crossings.row(i) + t * lanes);
        });
}

/// The backward pass from the crossings.
template <class Synapses, class Real>
class CrossedTilesBackward {
public:
    CrossedTilesBackward(const Synapses& synapses, const SinglePhase<Real>& neurons, const Upstream<Real>& upstream)
        : synapses_(synapses),
          neurons_(neurons),
          upstream_(upstream),
          may_merge_(kernel_.backward_merged && kernels::is_symmetric(synapses.coupling)) {}

    static std::size_t scratch(std::size_t n_steps) { return kernels::backward_scratch<Real>(n_steps); }

    /// Adds the gradients of tile t, or of it and the next ones together, of one position, whose neurons are in row
    /// `row`; returns how many tiles.
    template <class Gradient>
    std::size_t operator()(const kernels::Events<Real>& events, std::size_t row, std::size_t t, std::size_t end,
                           const Gradient& gradient, Real* scratch) const {
        constexpr std::size_t lanes = kernels::lanes<Real>, most = kernels::max_merged_spiking * lanes;
        const std::size_t n_most = may_merge_ ? std::min(kernels::max_merged_spiking, end - t) : 1;
        const std::size_t first = t * lanes, width = std::min(n_most * lanes, upstream_.grad.cols - first);
        alignas(64) Real crossed[most] = {}, upstream[most] = {}, thresholds[most];
        std::copy_n(upstream_.crossings.row(row) + first, width, crossed);
        std::copy_n(upstream_.grad.row(row) + first, width, upstream);
        const Merged merged = merge_tiles<Real>(n_most, [&](std::size_t i) { return upstream[i] != 0; });
        if (merged.n_used == 0) return 1;
        const std::size_t n = merged.n_tiles;
        neurons_.thresholds(first, n * lanes, thresholds);
        alignas(64) Real times[most], grad[most], drive[most];
        int n_driven = 0;
        for (std::size_t i = 0; i < n * lanes; ++i) {  // without branches, so that it is a few vector operations
            const bool silent = crossed[i] > std::numeric_limits<Real>::max(), counts = upstream[i] != 0;
            times[i] = silent || !counts ? Real(0) : crossed[i];
            grad[i] = silent ? Real(0) : upstream[i];
            drive[i] = silent ? upstream[i] : Real(0);
            n_driven += counts && silent;
        }
        const kernels::SpikeUpstream<Real> spikes{times, grad, n_driven > 0 ? drive : nullptr, thresholds, min_slope_};
        const std::size_t n_steep =
            n == 1 ? kernel_.backward(events, synapses_.tile(t), spikes, gradient, scratch)
                   : kernel_.backward_merged(events, synapses_.tile(t), n, spikes, gradient, scratch);
        if (n_steep > 0 && upstream_.n_steep) *upstream_.n_steep += n_steep;
        return n;
    }

private:
    const Synapses& synapses_;
    const SinglePhase<Real>& neurons_;
    const Upstream<Real>& upstream_;
    const Real min_slope_ = static_cast<Real>(1 / upstream_.max_slope);
    const std::decay_t<decltype(Synapses::crossing())>& kernel_ = Synapses::crossing();
    const bool may_merge_;
};

/// As for two-phase neurons.
template <class Synapses, class Real, class Function>
void with_tiles_backward(const SinglePhase<Real>& neurons, const Synapses& synapses, const Upstream<Real>& upstream,
                         const PositionGrid&, bool, const Function& f) {
    f(CrossedTilesBackward<Synapses, Real>(synapses, neurons, upstream), EventsOfPosition{});
}

}  // namespace rcspike::detail
