// Which inputs of a layer drive which rows of its synapses.
#pragma once

#include <cstddef>
#include <variant>

namespace rcspike {

/// Each input has a row of its own.
struct Dense {};

/// Neighbouring inputs, `window` at a time, share a row, whose synapses conduct from the first of their spikes on: an
/// OR of their spike lines. Only that spike has a gradient; of equal ones, that of the first input.
struct FirstSpike {
    std::size_t window = 1;  ///< divides the number of inputs
};

using Wiring = std::variant<Dense, FirstSpike>;

}  // namespace rcspike
