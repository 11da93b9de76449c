// When the neurons of a layer listen to their inputs.
#pragma once

#include <cmath>

#include "rcspike/phases.h"

namespace rcspike::detail {

struct Window {
    double latest;         // input spike that counts, in T
    double end;            // of charging, in T; infinity if it lasts until the neuron spikes
    const char* no_spike;  // times of inputs that do not spike, in words

    /// Length of the step that begins at `start`, with the last spike. The kernels count one without an end in units.
    template <class Real>
    Real last_step(Real start) const {
        return std::isinf(end) ? Real(1) : static_cast<Real>(end) - start;
    }
};

/// That of a kind of neurons.
const Window& window_of(Phases phases);

}  // namespace rcspike::detail
