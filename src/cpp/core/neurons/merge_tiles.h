// Which neighbouring tiles a backward pass takes as one.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"

namespace rcspike::detail {

/// Tiles that are taken together, and their neurons with a gradient.
struct Merged {
    std::size_t n_tiles, n_used;
};

/// The first tile, and as many of the next ones, `most` in all, as have at most `lanes` neurons with a gradient between
/// them; not those without any, which cost nothing alone. `is_used` tells of each neuron, from the first tile on,
/// whether it has one.
template <class Real, class IsUsed>
Merged merge_tiles(std::size_t most, const IsUsed& is_used) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const auto used = [&](std::size_t tile) {
        std::size_t n = 0;
        for (std::size_t i = tile * lanes; i < (tile + 1) * lanes; ++i) n += is_used(i);
        return n;
    };
    Merged merged{1, used(0)};
    for (std::size_t more; merged.n_used > 0 && merged.n_tiles < most; ++merged.n_tiles) {
        more = used(merged.n_tiles);
        if (more == 0 || merged.n_used + more > lanes) break;
        merged.n_used += more;
    }
    return merged;
}

}  // namespace rcspike::detail
