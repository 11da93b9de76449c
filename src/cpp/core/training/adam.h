// The constants of a step of Adam, for the kernel that makes it.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"
#include "rcspike/adam.h"

namespace rcspike::detail {

/// Constants of a step, counted from 1, without a limit on the weights.
template <class Real>
kernels::Adam<Real> adam_constants(std::uint64_t step, double learning_rate, double weight_decay);

}  // namespace rcspike::detail
