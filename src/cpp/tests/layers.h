// Packed layers, for tests below the level of the public functions.
#pragma once

#include <cstddef>

#include "layer/layer.h"

namespace rcspike::test {

/// A layer of one kind of synapses, all of weight 0.
template <class Real>
detail::Layer<Real> layer_of_weights(std::size_t n_in, std::size_t n_out) {
    detail::Resistive<Real> synapses;
    synapses.weights.resize(n_in, n_out);
    synapses.weights.values.zero();
    return {std::move(synapses), detail::TwoPhase<Real>(Circuit{}, {})};
}

template <class Real>
detail::Layer<Real> affine_layer(std::size_t n_in, std::size_t n_out) {
    detail::Affine<Real> synapses;
    for (auto* tiles : {&synapses.drive, &synapses.conductance}) {
        tiles->resize(n_in, n_out);
        tiles->values.zero();
    }
    synapses.always_on = {{}, {}, n_out};
    return {std::move(synapses), detail::TwoPhase<Real>(Circuit{}, {})};
}

template <class Real>
detail::Layer<Real> pair_layer(std::size_t n_in, std::size_t n_out) {
    detail::Pairs<Real> synapses;
    for (auto* tiles : {&synapses.first, &synapses.second}) {
        tiles->resize(n_in, n_out);
        tiles->values.zero();
    }
    synapses.always_on = {{}, {}, n_out};
    return {std::move(synapses), detail::TwoPhase<Real>(Circuit{}, {})};
}

}  // namespace rcspike::test
