// A batch on its way through the layers of a network: voltages, spike times and schedules of each.
#pragma once

#include <vector>

#include "buffer.h"
#include "layer.h"
#include "ramp.h"

namespace rcspike::detail {

/// Memory is kept from one batch to the next.
template <class Real>
struct Activity {
    std::vector<Trains<Real>> trains;       // input of each layer
    std::vector<Buffer<Real>> v;            // batch x n_out of each layer
    std::vector<Buffer<Real>> times;        // spike times of each hidden layer, with noise
    std::vector<Schedule<Real>> schedules;  // of the same

    Span2<Real> voltages(const Layer<Real>& layer, std::size_t l) {
        return {v[l].data(), trains[0].size(), layer.n_out()};
    }
};

/// Runs trains[0] through the layers. Noise as in Network::forward. Throws std::runtime_error if a voltage is not
/// finite.
template <class Real>
void run(const std::vector<Layer<Real>>& layers, const Circuit& circuit, const std::vector<Span2<const Real>>& noise,
         Activity<Real>& activity, Threads threads);

template <class Real>
void check_noise(const std::vector<Layer<Real>>& layers, const std::vector<Span2<const Real>>& noise,
                 std::size_t batch);

}  // namespace rcspike::detail
