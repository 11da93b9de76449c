// The positions of a layer, as many at a time as stay in the cache.
#pragma once

#include <algorithm>
#include <cstddef>

#include "events/position_events.h"
#include "layer/layer.h"

namespace rcspike::detail {

/// Calls f for all positions of some samples, in order. The events live until it returns.
template <class Real, class Function>
void for_each_part(const Layer<Real>& layer, const EventBatch<Real>& events, Range samples, const Function& f) {
    if (samples.first == samples.last) return;
    if (!convolution_of(layer.wiring)) {
        return f(PositionEvents<Real>{samples.first, samples.last - samples.first, &events[samples.first], nullptr});
    }
    thread_local Patches<Real> patches;  // kept from call to call, with its memory
    for (std::size_t s = samples.first; s < samples.last; ++s) {
        patches.start(layer.event_target(), events[s]);
        const std::size_t n_lines = patches.n_lines(), at_once = patches.lines_at_once();
        for (std::size_t line = 0; line < n_lines; line += at_once) {
            const Range lines{line, std::min(line + at_once, n_lines)};
            patches.make(lines);
            f(PositionEvents<Real>{s * layer.grid().positions + line * patches.line_size(),
                                   (lines.last - lines.first) * patches.line_size(), nullptr, &patches});
        }
    }
}

}  // namespace rcspike::detail
