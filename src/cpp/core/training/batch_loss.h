// What the loss is given.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rcspike/span.h"

namespace rcspike::detail {

/// Labels of a batch, which must be classes counted from 0.
void check_labels(Span1<const std::int64_t> labels, std::size_t batch, std::size_t n_classes);

}  // namespace rcspike::detail
