// How a batch is cut into tasks.
#pragma once

#include <algorithm>
#include <cstddef>

namespace rcspike::detail {

/// A run of samples, or of tiles.
struct Range {
    std::size_t first, last;
};

/// Groups of tiles whose synapses stay in the cache while a chunk of samples passes by. The cut depends on the problem
/// only, never on the threads, and with it the order in which the chunks' gradients are added.
struct Split {
    /// Every sample passes by n_positions times.
    Split(std::size_t batch, std::size_t n_rows, std::size_t n_tiles, std::size_t n_positions = 1);

    std::size_t batch, n_tiles;
    std::size_t tiles_per_group, groups;
    std::size_t samples_per_chunk, chunks;

    std::size_t tasks() const { return groups * chunks; }
    Range tiles(std::size_t task) const { return part(task / chunks, tiles_per_group, n_tiles); }
    Range samples(std::size_t task) const { return part(task % chunks, samples_per_chunk, batch); }
    std::size_t group(std::size_t task) const { return task / chunks; }
    std::size_t chunk(std::size_t task) const { return task % chunks; }

private:
    static Range part(std::size_t i, std::size_t size, std::size_t count) {
        return {std::min(i * size, count), std::min((i + 1) * size, count)};
    }
};

/// Tiles whose synapses and gradients fit into the cache, at least one.
std::size_t tiles_in_cache(std::size_t n_rows);

constexpr std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// Samples per task: few enough that several threads finish together.
inline constexpr std::size_t samples_per_task = 16;

}  // namespace rcspike::detail
