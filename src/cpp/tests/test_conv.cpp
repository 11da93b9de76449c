// Convolutions, against a dense layer over the rows that a window sees at each of its positions.
#include <cmath>

#include "check.h"
#include "conv.h"
#include "fixture.h"
#include "rcspike/layer.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

constexpr std::size_t batch = 5, n_columns = 21;
const Circuit circuit{1.5, -1.5, 0, 0};

}  // namespace

TEST_EACH_REAL(a_convolution_has_the_bits_of_a_layer_over_its_rows) {
    for (const Conv2d& conv : convolutions()) {
        for (const std::size_t levels : {4, 100000}) {
            const Matrix<Real> times = tied_times<Real>(batch, conv.in.size(), levels, 3);
            const Matrix<Real> weights = uniform<Real>(conv.n_rows(), n_columns, -0.5, 1, 4),
                               rows = rows_of(conv, times);
            const std::size_t n_out = conv.out(n_columns).size();
            const Layer<Real> layer(weights, circuit, conv), dense(weights, circuit);
            CHECK_EQUAL(layer.n_in(), conv.in.size());
            CHECK_EQUAL(layer.n_columns(), n_columns);
            CHECK_EQUAL(layer.n_out(), n_out);
            Matrix<Real> v(batch, n_out), expected(rows.rows, n_columns);
            layer.charge(Schedule<Real>(times), v);
            dense.charge(Schedule<Real>(rows), expected);
            CHECK(v.values == expected.values);
        }
    }
}

// dL/dt of an input is the sum over the positions that see it, in their order, and so has the bits of that sum.
TEST_EACH_REAL(gradients_are_those_of_the_rows_summed_over_the_positions) {
    for (const Conv2d& conv : convolutions()) {
        const Matrix<Real> times = tied_times<Real>(batch, conv.in.size(), 50, 5);
        const Matrix<Real> weights = uniform<Real>(conv.n_rows(), n_columns, -0.5, 1, 6), rows = rows_of(conv, times);
        const std::size_t n_positions = conv.out(1).size();
        const Matrix<Real> grad_v = uniform<Real>(batch, n_positions * n_columns, -1, 1, 7);
        Matrix<Real> grad_times(batch, conv.in.size()), grad_weights(conv.n_rows(), n_columns);
        const Layer<Real> layer(weights, circuit, conv), dense(weights, circuit);
        layer.charge_vjp(Schedule<Real>(times), grad_v, grad_times, grad_weights);

        Matrix<Real> of_rows(rows.rows, rows.cols), expected_weights(conv.n_rows(), n_columns);
        dense.charge_vjp(Schedule<Real>(rows), Matrix<Real>(rows.rows, n_columns, grad_v.values), of_rows,
                         expected_weights);
        Matrix<Real> expected(batch, conv.in.size());
        for (std::size_t i = 0; i < rows.rows; ++i) {
            for (std::size_t r = 0; r < rows.cols; ++r) {
                const long input = input_at(conv, i % n_positions, r);
                if (input >= 0) expected(i / n_positions, static_cast<std::size_t>(input)) += of_rows(i, r);
            }
        }
        CHECK(same_bits(grad_times, expected));
        // Sums over the same n terms, each of a size below 2, in two orders: n^2 eps / 2 either way at worst.
        const auto n = static_cast<Real>(rows.rows);
        for (std::size_t i = 0; i < grad_weights.values.size(); ++i) {
            CHECK(std::abs(grad_weights.values[i] - expected_weights.values[i]) <= 2 * n * n * eps<Real>);
        }
        Matrix<Real> alone(conv.n_rows(), n_columns);
        layer.weight_vjp(Schedule<Real>(times), grad_v, alone);
        CHECK(same_bits(alone, grad_weights));
        for (const int threads : {1, 2, 5}) {
            Matrix<Real> other_times(batch, conv.in.size()), other_weights(conv.n_rows(), n_columns);
            layer.charge_vjp(Schedule<Real>(times), grad_v, other_times, other_weights, Threads{threads});
            CHECK(same_bits(other_times, grad_times));
            CHECK(same_bits(other_weights, grad_weights));
        }
    }
}

TEST_EACH_REAL(the_switches_of_a_window_inject_charge) {
    const Conv2d conv = convolutions()[0];
    const Circuit injecting{1.5, -1.5, 0, 0, 0.01, -0.02};
    const Matrix<Real> times = tied_times<Real>(batch, conv.in.size(), 9, 8);
    const Matrix<Real> weights = uniform<Real>(conv.n_rows(), n_columns, -1, 1, 9), rows = rows_of(conv, times);
    Matrix<Real> v(batch, conv.out(n_columns).size()), expected(rows.rows, n_columns);
    Layer<Real>(weights, injecting, conv).charge(Schedule<Real>(times), v);
    Layer<Real>(weights, injecting).charge(Schedule<Real>(rows), expected);
    CHECK(v.values == expected.values);
}

TEST_EACH_REAL(convolutions_that_do_not_fit_are_errors) {
    const Matrix<Real> weights = uniform<Real>(18, 4, -1, 1, 10);
    const auto make = [&](const Conv2d& conv) { Layer<Real>(weights, circuit, conv); };
    make({{4, 4, 2}, 3, 3, 1, 1});
    CHECK_THROWS(make({{4, 4, 3}, 3, 3, 1, 1}), std::invalid_argument,
                 "weights of a convolution must have a row for each of the 27 inputs of a window, got 18");
    CHECK_THROWS(make({{4, 4, 2}, 3, 3, 0, 1}), std::invalid_argument, "got 0");
    CHECK_THROWS(make({{4, 4, 2}, 3, 3, 1, 3}), std::invalid_argument,
                 "padding must be smaller than the kernel of 3 x 3, got 3");
    CHECK_THROWS(make({{2, 4, 2}, 3, 3, 1, 0}), std::invalid_argument,
                 "a kernel of 3 x 3 does not fit into maps of 2 x 4");
}
