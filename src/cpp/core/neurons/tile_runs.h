// In which order the membranes at some positions run through the kernels.
#pragma once

#include <algorithm>
#include <cstddef>

#include "parallel/split.h"

namespace rcspike::detail {

/// Calls f(position, spikes_of(position), first tile, number of tiles) for `count` positions from 0 on and runs of at
/// most `at_once` tiles, as equal as possible, in an order in which the synapses of a group of tiles stay in the cache.
template <class SpikesOf, class Function>
void for_each_tile_run(std::size_t n_rows, std::size_t at_once, std::size_t count, Range tiles,
                       const SpikesOf& spikes_of, const Function& f) {
    const std::size_t per_group = tiles_in_cache(n_rows);
    for (std::size_t first = tiles.first; first < tiles.last; first += per_group) {
        const std::size_t end = std::min(first + per_group, tiles.last);
        for (std::size_t i = 0; i < count; ++i) {
            const auto& spikes = spikes_of(i);
            for (std::size_t t = first, n; t < end; t += n) {
                n = divide_up(end - t, divide_up(end - t, at_once));
                f(i, spikes, t, n);
            }
        }
    }
}

}  // namespace rcspike::detail
