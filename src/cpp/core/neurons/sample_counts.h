// What the loss of a sample says, and what a backward pass counts in a hidden layer.
#pragma once

#include <cstddef>

namespace rcspike::detail {

struct SampleLoss {
    double value;
    bool is_correct;  ///< the label's output would spike first
};

/// (sample, neuron) pairs that do not move when their inputs do.
struct Stuck {
    std::size_t silent = 0, saturated = 0;
};

}  // namespace rcspike::detail
