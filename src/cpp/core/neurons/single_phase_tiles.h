// Membranes of single-phase neurons in the kernels, tile by tile: to the crossings of their thresholds, and back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "events/position_events.h"
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
        : synapses_(synapses), neurons_(neurons), upstream_(upstream) {}

    static std::size_t scratch(std::size_t n_steps) { return kernels::backward_scratch<Real>(n_steps); }

    /// Adds the gradients of tile t of one position, whose neurons are in row `row`.
    template <class Gradient>
    std::size_t operator()(const kernels::Events<Real>& events, std::size_t row, std::size_t t, std::size_t,
                           const Gradient& gradient, Real* scratch) const {
        constexpr std::size_t lanes = kernels::lanes<Real>;
        const std::size_t first = t * lanes, width = std::min(lanes, upstream_.grad.cols - first);
        alignas(64) Real crossed[lanes] = {}, upstream[lanes] = {}, thresholds[lanes];
        std::copy_n(upstream_.crossings.row(row) + first, width, crossed);
        std::copy_n(upstream_.grad.row(row) + first, width, upstream);
        neurons_.thresholds(first, lanes, thresholds);
        alignas(64) Real times[lanes], grad[lanes], drive[lanes];
        int n_moving = 0, n_driven = 0;
        for (std::size_t i = 0; i < lanes; ++i) {  // without branches, so that it is a few vector operations
            const bool silent = crossed[i] > std::numeric_limits<Real>::max(), counts = upstream[i] != 0;
            times[i] = silent || !counts ? Real(0) : crossed[i];
            grad[i] = silent ? Real(0) : upstream[i];
            drive[i] = silent ? upstream[i] : Real(0);
            n_moving += counts && !silent;
            n_driven += counts && silent;
        }
        if (n_moving == 0 && n_driven == 0) return 1;
        const kernels::SpikeUpstream<Real> spikes{times, grad, n_driven > 0 ? drive : nullptr, thresholds, min_slope_};
        const std::size_t n_steep = backward_(events, synapses_.tile(t), spikes, gradient, scratch);
        if (n_steep > 0 && upstream_.n_steep) *upstream_.n_steep += n_steep;
        return 1;
    }

private:
    const Synapses& synapses_;
    const SinglePhase<Real>& neurons_;
    const Upstream<Real>& upstream_;
    const Real min_slope_ = static_cast<Real>(1 / upstream_.max_slope);
    decltype(Synapses::crossing().backward) backward_ = Synapses::crossing().backward;
};

/// As for two-phase neurons.
template <class Synapses, class Real, class Function>
void with_tiles_backward(const SinglePhase<Real>& neurons, const Synapses& synapses, const Upstream<Real>& upstream,
                         const PositionGrid&, bool, const Function& f) {
    f(CrossedTilesBackward<Synapses, Real>(synapses, neurons, upstream), EventsOfPosition{});
}

}  // namespace rcspike::detail
