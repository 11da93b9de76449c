// Packed layers, for tests below the level of the public functions.
#pragma once

#include <cstddef>

#include "layer.h"

namespace rcspike::test {

/// Synapses of one kind and of weight 0.
template <class Real>
detail::Layer<Real> layer_of(kernels::Synapses kind, std::size_t n_in, std::size_t n_out) {
    detail::Layer<Real> layer;
    layer.kind = kind;
    layer.drive.resize(n_in, n_out);
    layer.drive.values.zero();
    if (kind == kernels::Synapses::resistive) return layer;
    layer.conductance.resize(n_in, n_out);
    layer.conductance.values.zero();
    detail::pack_always_on({}, {}, layer);
    return layer;
}

}  // namespace rcspike::test
