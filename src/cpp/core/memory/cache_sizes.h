// What of a core's caches a computation may fill.
#pragma once

#include <cstddef>

namespace rcspike::detail {

/// Synapses and gradients of a group of tiles should take at most this part of a core's second-level cache.
inline constexpr std::size_t group_bytes_in_cache = 768 * 1024;

/// Rows of a tile that is larger than this are fetched ahead.
inline constexpr std::size_t fetch_ahead_above = 128 * 1024;

}  // namespace rcspike::detail
