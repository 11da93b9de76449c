// One Adam step on arbitrary arrays; training uses the same optimiser.
#pragma once

#include <cstdint>

#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// One step of Adam (Kingma and Ba 2015) with beta1 = 0.9, beta2 = 0.999 and epsilon = 1e-8. Changes the values and the
/// first and second moments of their gradient, which are 0 before the first step. Steps are counted from 1. Before the
/// step, every value is multiplied by 1 - learning_rate weight_decay (Loshchilov and Hutter 2019). Throws
/// std::invalid_argument if a size does not fit, the step is 0, or a rate is negative or not finite.
template <class Real>
void adam_step(Span1<const Real> gradient, std::uint64_t step, double learning_rate, Span1<Real> values,
               Span1<Real> first_moments, Span1<Real> second_moments, double weight_decay = 0,
               Threads threads = Threads{1});

}  // namespace rcspike
