// The parts of `bits` that compute convolutions.
#pragma once

#include <vector>

#include "bits_layers.h"
#include "rcspike/layer.h"
#include "rcspike/wiring.h"

namespace rcspike::test {

/// Sizes that fill no vector; edges and strides of all kinds; the last one has more patches than stay in a cache.
inline const std::vector<Conv2d>& convolutions() {
    static const std::vector<Conv2d> all{
        {{6, 5, 2}, 3, 3, 1, 1}, {{7, 4, 3}, 2, 3, 2, 0},    {{5, 9, 1}, 1, 2, 3, 0},
        {{8, 8, 2}, 5, 4, 2, 3}, {{20, 20, 16}, 3, 3, 1, 1},
    };
    return all;
}

/// The same with neurons that share charge, and with joined inputs.
inline const std::vector<Conv2d>& pooled_convolutions() {
    static const std::vector<Conv2d> all{
        {{6, 4, 2}, 3, 3, 1, 1, 1, 2},   {{8, 5, 1}, 3, 2, 1, 0, 1, 2},    {{6, 6, 2}, 2, 2, 1, 1, 2, 1},
        {{12, 12, 2}, 3, 3, 1, 1, 2, 3}, {{20, 20, 16}, 3, 3, 1, 1, 1, 2},
    };
    return all;
}

inline std::vector<Conv2d> all_convolutions() {
    std::vector<Conv2d> all = convolutions();
    all.insert(all.end(), pooled_convolutions().begin(), pooled_convolutions().end() - 1);
    return all;
}

template <class Real>
void convolution(Digest& digest) {
    for (const Conv2d& conv : all_convolutions()) {
        const Schedule<Real> schedule(tied_times<Real>(3, conv.in.size(), 64, 1));
        const Matrix<Real> weights = uniform<Real>(conv.n_rows(), 37, -0.4, 0.6, 2);
        const std::size_t n_out = conv.out(37).size();
        for (const Circuit& circuit : circuits()) {
            const Layer<Real> layer(weights, circuit, conv);
            Matrix<Real> v(3, n_out);
            layer.charge(schedule, v);
            digest.add(v);
        }
    }
}

template <class Real>
void convolution_gradient(Digest& digest) {
    for (const Conv2d& conv : all_convolutions()) {
        const Schedule<Real> schedule(tied_times<Real>(3, conv.in.size(), 64, 1));
        const Matrix<Real> weights = uniform<Real>(conv.n_rows(), 37, -0.4, 0.6, 2);
        const Matrix<Real> grad_v = sparse<Real>(3, conv.out(37).size(), 3);
        for (const Circuit& circuit : circuits()) {
            const Layer<Real> layer(weights, circuit, conv);
            Matrix<Real> grad_times(3, conv.in.size()), grad_weights(conv.n_rows(), 37);
            layer.charge_vjp(schedule, grad_v, grad_times, grad_weights);
            digest.add(grad_times);
            digest.add(grad_weights);
        }
    }
}

}  // namespace rcspike::test
