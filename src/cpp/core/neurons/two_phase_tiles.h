// Membranes of two-phase neurons in the kernels, tile by tile: to v(1), and back from dL/dv(1).
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "events/position_events.h"
#include "neurons/merge_tiles.h"
#include "neurons/tile_runs.h"
#include "neurons/two_phase.h"
#include "neurons/upstream.h"
#include "synapses/gradients.h"
#include "synapses/synapses.h"

namespace rcspike::detail {

/// v(1) of some tiles at some positions, a row for each position.
template <class Synapses, class Real>
void run_membranes(const Synapses& synapses, const TwoPhase<Real>&, const PositionEvents<Real>& positions, Range tiles,
                   Span2<Real> v) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    alignas(64) Real row[kernels::max_tiles * lanes];
    const auto charge_all = [&](auto charge_tiles, const auto& spikes_of) {
        for_each_tile_run(synapses.rows().rows, kernels::table<Real>().tiles_at_once, positions.count, tiles, spikes_of,
                          [&](std::size_t i, const auto& spikes, std::size_t t, std::size_t n) {
                              charge_tiles(spikes, synapses.tile(t), n, row);
                              std::copy_n(row, std::min(n * lanes, v.cols - t * lanes), v.row(i) + t * lanes);
                          });
    };
    if constexpr (std::is_same_v<Synapses, Resistive<Real>>) {
        if (positions.patches && synapses.by_patches()) {
            return charge_all(kernels::table<Real>().patches.charge,
                              [&](std::size_t i) { return positions.patches->spikes(i); });
        }
    }
    charge_all(synapses.kernel().charge, [&](std::size_t i) -> const auto& { return positions.events(i); });
}

/// The backward pass of charging. `Kernel` is an entry of the table of kernels.
template <class Synapses, class Kernel, class Real>
class ChargedTilesBackward {
public:
    /// From dL/dv of neurons whose v is the mean of `pool` x `pool` membranes each.
    ChargedTilesBackward(const Synapses& synapses, const Kernel& kernel, Span2<const Real> grad_v, std::size_t pool)
        : synapses_(synapses), kernel_(kernel), grad_v_(grad_v), pool_(pool) {}

    std::size_t scratch(std::size_t n_steps) const {
        return synapses_.loads_membranes() ? kernels::loaded_scratch<Real>(n_steps)
                                           : kernels::backward_scratch<Real>(n_steps);
    }

    /// Adds the gradients of tile t, or of it and the next ones together, of one position, whose neurons are in row
    /// `row`; returns how many tiles.
    template <class Spikes, class Gradient>
    std::size_t operator()(const Spikes& spikes, std::size_t row, std::size_t t, std::size_t end,
                           const Gradient& gradient, Real* scratch) const {
        alignas(64) Real upstream[most];
        const std::size_t width = std::min(most, grad_v_.cols - t * lanes);
        std::copy_n(grad_v_.row(row) + t * lanes, width, upstream);
        std::fill(upstream + width, upstream + most, Real(0));
        if (pool_ > 1) {
            for (std::size_t i = 0; i < width; ++i) upstream[i] *= fraction_;
        }
        // Silent and saturated neurons have no gradient: a tile of such neurons costs nothing, and tiles with at most
        // `lanes` others between them cost little more than one.
        const Merged merged = merge_tiles<Real>(may_merge_ ? std::min(kernels::max_merged, end - t) : 1,
                                                [&](std::size_t i) { return upstream[i] != 0; });
        if (merged.n_used == 0) return 1;
        const std::size_t n = merged.n_tiles;
        if (n == 1) {
            kernel_.backward(spikes, synapses_.tile(t), upstream, gradient, scratch);
        } else {
            kernel_.backward_merged(spikes, synapses_.tile(t), n, upstream, gradient, scratch);
        }
        return n;
    }

private:
    static constexpr std::size_t lanes = kernels::lanes<Real>, most = kernels::max_merged * lanes;

    const Synapses& synapses_;
    const Kernel& kernel_;
    const Span2<const Real> grad_v_;
    const std::size_t pool_;
    const Real fraction_ = Real(1) / static_cast<Real>(pool_ * pool_);
    const bool may_merge_ = kernel_.backward_merged && kernels::is_symmetric(synapses_.coupling);
};

/// The same where the loss counts the charges that the rails deliver to resistive synapses.
template <class Real>
class SuppliedTilesBackward {
public:
    /// From dL/dv(1), which may be absent, and the supply (charges of neurons in the same rows).
    SuppliedTilesBackward(const Resistive<Real>& synapses, Span2<const Real> grad_v, const Supply<Real>& supply)
        : synapses_(synapses), grad_v_(grad_v), supply_(supply) {}

    static std::size_t scratch(std::size_t n_steps) { return kernels::supply_scratch<Real>(n_steps); }

    std::size_t operator()(const kernels::Events<Real>& events, std::size_t row, std::size_t t, std::size_t,
                           const kernels::WeightGradient<Real>& gradient, Real* scratch) const {
        constexpr std::size_t lanes = kernels::lanes<Real>;
        const std::size_t width = synapses_.weights.width(t);
        alignas(64) Real upstream[3][lanes], charges[2][lanes];
        const Span2<const Real> from[] = {grad_v_, supply_.grad_plus, supply_.grad_minus};
        for (std::size_t i = 0; i < 3; ++i) {
            std::fill_n(upstream[i], lanes, Real(0));
            if (from[i].data) std::copy_n(from[i].row(row) + t * lanes, width, upstream[i]);
        }
        kernels::table<Real>().supply_backward(events, synapses_.tile(t), {upstream[0], upstream[1], upstream[2]},
                                               gradient, {charges[0], charges[1]}, scratch);
        if (supply_.plus.data) {
            std::copy_n(charges[0], width, supply_.plus.row(row) + t * lanes);
            std::copy_n(charges[1], width, supply_.minus.row(row) + t * lanes);
        }
        return 1;
    }

private:
    const Resistive<Real>& synapses_;
    const Span2<const Real> grad_v_;
    const Supply<Real>& supply_;
};

/// Calls f(tiles, EventsOfPosition or SpikesOfImage) with the backward pass of tiles that an upstream, a row for each
/// position's neurons, needs.
template <class Synapses, class Real, class Function>
void with_tiles_backward(const TwoPhase<Real>&, const Synapses& synapses, const Upstream<Real>& upstream,
                         const PositionGrid& grid, bool is_patched, const Function& f) {
    if constexpr (std::is_same_v<Synapses, Resistive<Real>>) {
        if (upstream.supply.grad_plus.data) {
            return f(SuppliedTilesBackward<Real>(synapses, upstream.grad, upstream.supply), EventsOfPosition{});
        }
        const auto& patches = kernels::table<Real>().patches;
        if (is_patched && synapses.by_patches()) {
            using Tiles = ChargedTilesBackward<Synapses, std::decay_t<decltype(patches)>, Real>;
            return f(Tiles(synapses, patches, upstream.grad, grid.pool), SpikesOfImage{});
        }
    }
    const auto& kernel = synapses.kernel();
    using Tiles = ChargedTilesBackward<Synapses, std::decay_t<decltype(kernel)>, Real>;
    f(Tiles(synapses, kernel, upstream.grad, grid.pool), EventsOfPosition{});
}

}  // namespace rcspike::detail
