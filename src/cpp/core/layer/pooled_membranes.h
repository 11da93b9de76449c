// Membranes that are connected at the end of charging share their charge: one neuron for each group (Conv2d::pool).
#pragma once

#include <algorithm>
#include <cstddef>

#include "events/position_events.h"
#include "kernels/kernels.h"
#include "parallel/split.h"
#include "rcspike/span.h"

namespace rcspike::detail {

/// Membranes of some tiles, at all positions of some lines from number `first` on, become those of the neurons that
/// they are connected to.
template <class Real>
void average_connected_membranes(const PositionGrid& grid, std::size_t first, Span2<const Real> v, Range tiles,
                                 Span2<Real> to) {
    const std::size_t begin = tiles.first * kernels::lanes<Real>;
    const std::size_t end = std::min(tiles.last * kernels::lanes<Real>, v.cols);
    const std::size_t line = grid.line, pool = grid.pool;
    const Real fraction = Real(1) / static_cast<Real>(pool * pool);
    Real* mean = to.row(grid.neuron_row(first));
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

}  // namespace rcspike::detail
