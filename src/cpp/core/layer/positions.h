// The positions at which the columns of a layer are: one of each sample, or each patch of a convolution.
#pragma once

#include <algorithm>
#include <cstddef>
#include <variant>

#include "events/patches.h"
#include "layer/layer.h"

namespace rcspike::detail {

/// Some positions, numbered through all samples of a batch, and the events of each.
template <class Real>
struct Positions {
    std::size_t first, count;
    const kernels::Events<Real>* of_samples;
    Patches<Real>* patches;  // of a convolution, or null

    /// Until the next call.
    const kernels::Events<Real>& events(std::size_t i) const { return patches ? patches->events(i) : of_samples[i]; }
};

/// Calls f for all positions of some samples, in order. The events live until it returns.
template <class Real, class Function>
void for_each_part(const Layer<Real>& layer, const EventBatch<Real>& events, Range samples, const Function& f) {
    if (samples.first == samples.last) return;
    if (!std::holds_alternative<Conv2d>(layer.wiring)) {
        return f(Positions<Real>{samples.first, samples.last - samples.first, &events[samples.first], nullptr});
    }
    thread_local Patches<Real> patches;  // kept from call to call, with its memory
    for (std::size_t s = samples.first; s < samples.last; ++s) {
        patches.start(layer.front(), events[s]);
        const std::size_t n_lines = patches.n_lines(), at_once = patches.lines_at_once();
        for (std::size_t line = 0; line < n_lines; line += at_once) {
            const Range lines{line, std::min(line + at_once, n_lines)};
            patches.make(lines);
            f(Positions<Real>{s * layer.places().positions + line * patches.line_size(),
                              (lines.last - lines.first) * patches.line_size(), nullptr, &patches});
        }
    }
}

}  // namespace rcspike::detail
