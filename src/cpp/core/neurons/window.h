// When the neurons of a layer listen to their inputs.
#pragma once

#include <cmath>
#include <limits>

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

constexpr Window window_of(Phases phases) {
    switch (phases) {
        case Phases::two:
            return {1, 1, "inf or above 1"};
        case Phases::single:
            break;
    }
    return {horizon, std::numeric_limits<double>::infinity(), "inf"};
}

}  // namespace rcspike::detail
