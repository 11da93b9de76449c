// Convolutions, against a dense layer over the rows that a window sees at each of its positions.
#include <cmath>

#include "check.h"
#include "conv.h"
#include "fixture.h"
#include "rcspike/fire.h"
#include "rcspike/layer.h"
#include "rcspike/network.h"
#include "rcspike/network_pass.h"
#include "rcspike/trainer.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

constexpr std::size_t batch = 3, n_columns = 21;
const Circuit circuit{1.5, -1.5, 0, 0}, asymmetric{1.5, -1.8, 0, 0};

/// Convolutions and circuits: on symmetric rails they have kernels of their own.
template <class Function>
void for_each_case(const Function& f) {
    for (const Conv2d& conv : convolutions()) {
        for (const Circuit& on : {circuit, asymmetric}) f(conv, on);
    }
}

}  // namespace

TEST_EACH_REAL(a_convolution_has_the_bits_of_a_layer_over_its_rows) {
    for_each_case([](const Conv2d& conv, const Circuit& circuit) {
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
    });
}

// dL/dt of an input is the sum over the positions that see it and their columns.
TEST_EACH_REAL(gradients_are_those_of_the_rows_summed_over_the_positions) {
    for_each_case([](const Conv2d& conv, const Circuit& circuit) {
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
        // Sums over the same n terms, each of a size below 2, in two orders: n^2 eps / 2 either way at worst.
        const auto n = static_cast<Real>(rows.rows);
        for (std::size_t i = 0; i < grad_weights.values.size(); ++i) {
            CHECK(std::abs(grad_weights.values[i] - expected_weights.values[i]) <= 2 * n * n * eps<Real>);
        }
        Matrix<double> expected(batch, conv.in.size());
        for (std::size_t i = 0; i < rows.rows; ++i) {
            for (std::size_t r = 0; r < rows.cols; ++r) {
                const long input = input_at(conv, i % n_positions, r);
                if (input >= 0) expected(i / n_positions, static_cast<std::size_t>(input)) += double(of_rows(i, r));
            }
        }
        // Such terms again, one for each position that sees the input and each column.
        const auto n_terms = static_cast<double>(conv.kernel_height * conv.kernel_width * n_columns);
        for (std::size_t i = 0; i < expected.values.size(); ++i) {
            const double error = std::abs(double(grad_times.values[i]) - expected.values[i]);
            CHECK(error <= 2 * n_terms * n_terms * double(eps<Real>));
        }
        Matrix<Real> alone(conv.n_rows(), n_columns), v(batch, layer.n_out());
        NetworkPass<Real> pass(Network<Real>({weights.view()}, circuit, {conv}));
        pass.forward(times, {}, v);
        pass.backward(grad_v, {}, {alone.view()});
        CHECK(same_bits(alone, grad_weights));
        for (const int threads : {1, 2, 5}) {
            Matrix<Real> other_times(batch, conv.in.size()), other_weights(conv.n_rows(), n_columns);
            layer.charge_vjp(Schedule<Real>(times), grad_v, other_times, other_weights, Threads{threads});
            CHECK(same_bits(other_times, grad_times));
            CHECK(same_bits(other_weights, grad_weights));
        }
    });
}

// Of equal spikes the first input comes first, and windows of maps have another order: joined inputs have no ties here.
TEST_EACH_REAL(neurons_share_the_charge_of_their_positions) {
    std::vector<Conv2d> all = pooled_convolutions();
    all.insert(all.end(), cut_convolutions().begin(), cut_convolutions().end());
    for (const Conv2d& conv : all) {
        const Matrix<Real> times = tied_times<Real>(batch, conv.in.size(), conv.first > 1 ? 1 << 22 : 50, 11);
        const Matrix<Real> weights = uniform<Real>(conv.n_rows(), n_columns, -0.5, 1, 12);
        const FirstOfMaps<Real> first(conv.in, conv.first, times);
        Conv2d plain = conv;
        plain.in = conv.seen();
        plain.first = plain.pool = 1;
        const Maps positions = plain.positions(), out = conv.out(n_columns);
        const Layer<Real> pooled(weights, circuit, conv), single(weights, circuit, plain);
        CHECK_EQUAL(pooled.n_out(), out.size());
        Matrix<Real> v(batch, out.size()), each(batch, positions.size() * n_columns);
        pooled.charge(Schedule<Real>(times), v);
        single.charge(Schedule<Real>(first.times), each);

        // Each neuron's gradient goes to all of its positions in equal parts.
        const Matrix<Real> grad_v = uniform<Real>(batch, out.size(), -1, 1, 13);
        Matrix<Real> grad_each(each.rows, each.cols);
        const auto neurons = static_cast<Real>(conv.pool * conv.pool);
        for (std::size_t s = 0; s < batch; ++s) {
            for (std::size_t i = 0; i < out.size(); ++i) {
                const std::size_t c = i % n_columns, y = i / n_columns / out.width, x = i / n_columns % out.width;
                double sum = 0, size = 0;
                for (std::size_t k = 0; k < conv.pool * conv.pool; ++k) {
                    const std::size_t at =
                        (y * conv.pool + k / conv.pool) * positions.width + x * conv.pool + k % conv.pool;
                    sum += double(each(s, at * n_columns + c));
                    size += std::abs(double(each(s, at * n_columns + c)));
                    grad_each(s, at * n_columns + c) = grad_v(s, i) * (1 / neurons);
                }
                // As many roundings of eps / 2 as there are terms, and two more.
                const double slack = (double(neurons) + 2) * double(eps<Real>) * size / double(neurons);
                CHECK(std::abs(double(v(s, i)) - sum / double(neurons)) <= slack);
            }
        }
        Matrix<Real> grad_times(batch, conv.in.size()), of_windows(batch, plain.in.size()),
            expected(batch, conv.in.size());
        Matrix<Real> grad_weights(conv.n_rows(), n_columns), expected_weights(conv.n_rows(), n_columns);
        pooled.charge_vjp(Schedule<Real>(times), grad_v, grad_times, grad_weights);
        single.charge_vjp(Schedule<Real>(first.times), grad_each, of_windows, expected_weights);
        for (std::size_t i = 0; i < of_windows.values.size(); ++i) {
            expected(i / of_windows.cols, first.input[i]) = of_windows.values[i];
        }
        CHECK(same_bits(grad_times, expected));
        CHECK(same_bits(grad_weights, expected_weights));
    }
}

namespace {

/// 8 x 8 x 1 - conv5 - pool - conv6 - first - 7 - 3.
const std::vector<Wiring> deep{Conv2d{{8, 8, 1}, 3, 3, 1, 1, 1, 2}, Conv2d{{4, 4, 5}, 3, 3, 1, 1},
                               FirstSpike2d{{4, 4, 6}, 2}, Dense{}};

template <class Real>
std::vector<Matrix<Real>> deep_weights() {
    return {uniform<Real>(9, 5, -0.5, 1, 14), uniform<Real>(45, 6, -0.2, 0.3, 15), uniform<Real>(24, 7, -0.3, 0.5, 16),
            uniform<Real>(7, 3, -1, 1, 17)};
}

template <class Real>
std::vector<Span2<const Real>> views(const std::vector<Matrix<Real>>& matrices) {
    return {matrices.begin(), matrices.end()};
}

}  // namespace

TEST_EACH_REAL(networks_of_convolutions_compute_layer_by_layer) {
    const auto weights = deep_weights<Real>();
    const Network<Real> network(views(weights), circuit, deep);
    const std::size_t sizes[] = {64, 80, 96, 7, 3}, columns[] = {5, 6, 7, 3};
    const Matrix<Real> images = tied_times<Real>(batch, 64, 30, 18);
    Matrix<Real> times = images, v(batch, 64), from_schedule(batch, 3);
    for (std::size_t l = 0; l < 4; ++l) {
        CHECK_EQUAL(network.n_in(l), sizes[l]);
        CHECK_EQUAL(network.n_out(l), sizes[l + 1]);
        CHECK_EQUAL(network.n_columns(l), columns[l]);
        v = Matrix<Real>(batch, sizes[l + 1]);
        Layer<Real>(weights[l], circuit, deep[l]).charge(Schedule<Real>(times), v);
        times = v;
        fire<Real>(v, circuit, times);
    }
    for (const int threads : {1, 3}) {
        Matrix<Real> of_network(batch, 3);
        network.forward(images, {}, of_network, Threads{threads});
        CHECK(same_bits(of_network, v));
    }
    network.forward(Schedule<Real>(images), {}, from_schedule);
    CHECK(same_bits(from_schedule, v));
}

// One step of Adam from moments of 0 moves every weight by learning_rate against the sign of its gradient.
TEST(training_steps_against_the_gradient_of_convolutions) {
    auto weights = deep_weights<double>();
    const Schedule<double> schedule(uniform<double>(batch, 64, 0, 1, 19));
    const std::vector<std::int64_t> samples{0, 1, 2, 3, 4}, labels{0, 1, 2, 1, 0};
    const auto step = [&](Trainer<double>& trainer, double rate) {
        return trainer.step(schedule, {samples.data(), batch}, {labels.data(), batch}, {}, rate).loss;
    };
    const auto fresh = [&] { return Trainer<double>(Network<double>(views(weights), circuit, deep), Loss{}); };
    Trainer<double> trainer = fresh(), moved = fresh();
    const double before = step(trainer, 1e-3);
    for (int i = 0; i < 40; ++i) step(trainer, 1e-3);
    CHECK(step(trainer, 0) < 0.9 * before);
    step(moved, 1e-3);
    std::size_t n_checked = 0;
    for (std::size_t l = 0; l < 4; ++l) {
        Matrix<double> after(weights[l].rows, weights[l].cols);
        moved.network().weights(l, after);
        for (std::size_t i = 0; i < weights[l].values.size(); i += 5) {
            const double here = weights[l].values[i];
            double at[2];
            for (int side = 0; side < 2; ++side) {
                weights[l].values[i] = here + (side == 0 ? -1e-6 : 1e-6);
                Trainer<double> probe = fresh();
                at[side] = step(probe, 0);
            }
            weights[l].values[i] = here;
            const double slope = (at[1] - at[0]) / 2e-6;
            if (std::abs(slope) < 1e-5) continue;
            ++n_checked;
            CHECK(slope * (after.values[i] - here) < 0);
        }
    }
    CHECK(n_checked > 50);
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
    CHECK_THROWS(make({{5, 4, 2}, 3, 3, 1, 1, 1, 5}), std::invalid_argument,
                 "pool must be at least 1 and fit into the 5 x 4 positions of a convolution, got 5");
    CHECK_THROWS(make({{4, 6, 2}, 3, 3, 1, 1, 5, 1}), std::invalid_argument,
                 "window must be at least 1 and fit into maps of 4 x 6, got 5");
    const auto single = [&] {
        Network<Real>({weights}, circuit, {Conv2d{{4, 4, 2}, 3, 3, 1, 1, 1, 2}}, Phases::single);
    };
    CHECK_THROWS(single(), std::invalid_argument, "neurons of a single phase do not have");
    CHECK_THROWS(make({{2, 4, 2}, 3, 3, 1, 0}), std::invalid_argument,
                 "a kernel of 3 x 3 does not fit into maps of 2 x 4");
}
