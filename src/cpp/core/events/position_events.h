// The events where a layer's columns are evaluated: once per sample, or once per patch of a convolution.
#pragma once

#include <cstddef>

#include "events/patches.h"
#include "kernels/kernels.h"

namespace rcspike::detail {

/// Some positions, numbered through all samples of a batch, and the events of each.
template <class Real>
struct PositionEvents {
    std::size_t first, count;
    const kernels::Events<Real>* of_samples;
    Patches<Real>* patches;  // of a convolution, or null

    /// Until the next call.
    const kernels::Events<Real>& events(std::size_t i) const { return patches ? patches->events(i) : of_samples[i]; }
};

/// Kernels take the events of each position, or its spikes as those of the whole image: then dL/dt of a spike is summed
/// over the outputs once, and not once for each patch that sees it.
struct EventsOfPosition {
    static constexpr bool whole_image = false;
    template <class Real>
    static const kernels::Events<Real>& spikes(const PositionEvents<Real>& positions, std::size_t i) {
        return positions.events(i);
    }
};
struct SpikesOfImage {
    static constexpr bool whole_image = true;
    template <class Real>
    static kernels::PatchSpikes<Real> spikes(const PositionEvents<Real>& positions, std::size_t i) {
        return positions.patches->spikes(i);
    }
};

}  // namespace rcspike::detail
