// The backward pass of charging against central differences, and its reproducibility.
#include <algorithm>
#include <functional>

#include "check.h"
#include "fixture.h"
#include "rcspike/charge.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

const std::vector<Circuit> circuits{{1, -1, 0, 0},      {0.2, -0.2, 0.05, 0}, {100, -100, 0, 0},      {2, -0.5, 0.2, 0},
                                    {0.1, -3, 0.02, 0}, {inf, -1, 0.3, 0},    Circuit::conventional()};

template <class Real>
struct Gradient {
    Matrix<Real> times, weights;
};

template <class Real>
Gradient<Real> gradient(const Matrix<Real>& times, const Matrix<Real>& weights, const Circuit& circuit,
                        const Matrix<Real>& grad_v, int threads = 1) {
    // Earlier values must be overwritten, not added to.
    Gradient<Real> g{uniform<Real>(times.rows, times.cols, 5, 9, 1),
                     uniform<Real>(weights.rows, weights.cols, 5, 9, 2)};
    charge_vjp<Real>(Schedule<Real>(times), weights, circuit, grad_v, g.times, g.weights, Threads::exactly(threads));
    return g;
}

/// sum grad_v v, the number whose gradient charge_vjp is.
double product(const Matrix<double>& grad_v, const Matrix<double>& v) {
    double sum = 0;
    for (std::size_t i = 0; i < v.values.size(); ++i) sum += grad_v.values[i] * v.values[i];
    return sum;
}

double loss(const Matrix<double>& times, const Matrix<double>& weights, const Circuit& circuit,
            const Matrix<double>& grad_v) {
    Matrix<double> v(times.rows, weights.cols);
    charge<double>(Schedule<double>(times), weights, circuit, v);
    return product(grad_v, v);
}

/// With a step of h = 1e-5 the difference is off by h^2/6 times a third derivative, and by rounding of the losses (of
/// order 1) over 2 h, 1e-11 each. Relative to the largest gradient, whose scale third derivatives share up to 1/E^2.
void check_differences(Matrix<double>& at, const Matrix<double>& gradient, const std::function<double()>& loss,
                       double third = 1, std::size_t stride = 1) {
    constexpr double h = 1e-5;
    double scale = 1;
    for (const double g : gradient.values) scale = std::max(scale, std::abs(g));
    for (std::size_t i = 0; i < at.values.size(); i += stride) {
        const double here = at.values[i];
        at.values[i] = here + h;
        const double above = loss();
        at.values[i] = here - h;
        const double below = loss();
        at.values[i] = here;
        CHECK_CLOSE(gradient.values[i], (above - below) / (2 * h), scale * (1e-10 + h * h * third));
    }
}

/// Times at least 4e-3 apart within a sample and away from 0 and 1: a difference must not change their order.
Matrix<double> distinct_times(std::size_t batch, std::size_t n_in, std::uint64_t seed) {
    Random random(seed);
    Matrix<double> times(batch, n_in);
    for (std::size_t s = 0; s < batch; ++s) {
        for (std::size_t j = 0; j < n_in; ++j) {
            times(s, j) = (static_cast<double>(j) + random.uniform(0.3, 0.7)) / static_cast<double>(n_in);
            std::swap(times(s, j), times(s, random.below(j + 1)));
        }
        times(s, random.below(n_in)) = inf;
    }
    return times;
}

/// Weights of both signs, none so small that a difference would change its sign.
template <class Real>
Matrix<Real> signed_weights(std::size_t n_in, std::size_t n_out, double largest, std::uint64_t seed) {
    Matrix<Real> weights = uniform<Real>(n_in, n_out, -largest, largest, seed);
    for (Real& w : weights.values) w += w < 0 ? Real(-0.01) : Real(0.01);
    return weights;
}

}  // namespace

TEST(gradients_agree_with_central_differences) {
    for (const Circuit& circuit : circuits) {
        const double rail = std::min(circuit.e_plus, -circuit.e_minus);
        for (const std::size_t n_out : {1, 11}) {
            Matrix<double> times = distinct_times(3, 14, 1), weights = signed_weights<double>(14, n_out, 1, 2);
            const Matrix<double> grad_v = uniform<double>(3, n_out, -1, 1, 3);
            const Gradient<double> g = gradient(times, weights, circuit, grad_v);
            const auto now = [&] { return loss(times, weights, circuit, grad_v); };
            check_differences(weights, g.weights, now, 1 / (rail * rail));
            check_differences(times, g.times, now, 30 / (rail * rail));
        }
    }
}

// Intervals with x = B d beyond 1, where exp and not the polynomial is used.
TEST(gradients_of_strong_coupling_agree_with_central_differences) {
    const Circuit circuit{0.2, -0.3, 0, 0};
    Matrix<double> times = distinct_times(2, 5, 1), weights = signed_weights<double>(5, 9, 4, 2);
    const Matrix<double> grad_v = uniform<double>(2, 9, -1, 1, 3);
    const Gradient<double> g = gradient(times, weights, circuit, grad_v);
    const auto now = [&] { return loss(times, weights, circuit, grad_v); };
    check_differences(weights, g.weights, now, 25);
    check_differences(times, g.times, now, 1000 * 25);
}

// Ties are smooth: v and its slope are continuous when two spikes change their order, only the second derivative
// jumps, so that the difference is off by h/4 of the jump rather than by h^2.
TEST(gradients_at_equal_times_agree_with_central_differences) {
    Matrix<double> times = tied_times<double>(4, 40, 8, 1), weights = signed_weights<double>(40, 6, 0.3, 2);
    for (double& t : times.values) t = t <= 1 ? 0.1 + 0.8 * t : t;
    const Matrix<double> grad_v = uniform<double>(4, 6, -1, 1, 3);
    const Gradient<double> g = gradient(times, weights, {}, grad_v);
    const auto now = [&] { return loss(times, weights, {}, grad_v); };
    check_differences(weights, g.weights, now);
    check_differences(times, g.times, now, 1 / 1e-5);
}

TEST(affine_gradients_agree_with_central_differences) {
    Matrix<double> times = distinct_times(3, 8, 1), drive = uniform<double>(8, 9, -1, 1, 2);
    Matrix<double> conductance = uniform<double>(8, 9, 0.01, 3, 3), drive0 = uniform<double>(1, 9, -1, 1, 4);
    Matrix<double> conductance0 = uniform<double>(1, 9, 0.01, 20, 5);
    const Matrix<double> grad_v = uniform<double>(3, 9, -1, 1, 6);
    const AffineSynapses<double> synapses{drive, conductance, drive0, conductance0};
    Matrix<double> g_times(3, 8), g_drive(8, 9), g_conductance(8, 9), g_drive0(1, 9), g_conductance0(1, 9);
    charge_vjp<double>(Schedule<double>(times), synapses, grad_v, g_times,
                       AffineGradient<double>{g_drive, g_conductance, g_drive0, g_conductance0});
    const auto now = [&] {
        Matrix<double> v(3, 9);
        charge<double>(Schedule<double>(times), synapses, v);
        return product(grad_v, v);
    };
    check_differences(times, g_times, now, 1000);
    check_differences(drive, g_drive, now);
    check_differences(conductance, g_conductance, now);
    check_differences(drive0, g_drive0, now);
    check_differences(conductance0, g_conductance0, now);
}

TEST(a_gradient_may_be_wanted_at_no_bias_and_no_leak) {
    const Schedule<double> schedule(uniform<double>(3, 4, 0.2, 1, 1));
    const Matrix<double> drive = uniform<double>(4, 3, -1, 1, 2), conductance = uniform<double>(4, 3, 0, 1, 3),
                         zero(1, 3);
    const Matrix<double> grad_v = uniform<double>(3, 3, -1, 1, 4);
    Matrix<double> times(3, 4), g(4, 3), with_drive0(1, 3), with_conductance0(1, 3), drive0(1, 3), conductance0(1, 3);
    charge_vjp<double>(schedule, AffineSynapses<double>{drive, conductance, zero, zero}, grad_v, times,
                       AffineGradient<double>{g, g, with_drive0, with_conductance0});
    charge_vjp<double>(schedule, AffineSynapses<double>{drive, conductance, {}, {}}, grad_v, times,
                       AffineGradient<double>{g, g, drive0, conductance0});
    CHECK(same_bits(with_drive0, drive0));
    CHECK(same_bits(with_conductance0, conductance0));
    CHECK(drive0(0, 0) != 0 && conductance0(0, 0) != 0);
}

// n roundings in each running sum, a few in each of the steps there and back.
TEST(float_agrees_with_double) {
    for (const Circuit& circuit : circuits) {
        const Matrix<float> times = tied_times<float>(20, 50, 64, 1), weights = signed_weights<float>(50, 20, 0.2, 2);
        const Matrix<float> grad_v = uniform<float>(20, 20, -1, 1, 3);
        const auto widened = [](const Matrix<float>& m) {
            return Matrix<double>(m.rows, m.cols, {m.values.begin(), m.values.end()});
        };
        const Gradient<float> g = gradient(times, weights, circuit, grad_v);
        const Gradient<double> exact = gradient(widened(times), widened(weights), circuit, widened(grad_v));
        const auto compare = [](const Matrix<float>& is, const Matrix<double>& should) {
            double scale = 0;
            for (const double value : should.values) scale = std::max(scale, std::abs(value));
            for (std::size_t i = 0; i < is.values.size(); ++i) {
                CHECK_CLOSE(double(is.values[i]), should.values[i], 4 * 50 * eps<float> * scale);
            }
        };
        compare(g.weights, exact.weights);
        compare(g.times, exact.times);
    }
}

TEST_EACH_REAL(a_conventional_circuit_has_the_gradient_of_a_matrix_product) {
    const Matrix<Real> times = tied_times<Real>(9, 12, 16, 1), weights = uniform<Real>(12, 5, -1, 1, 2);
    const Matrix<Real> grad_v = uniform<Real>(9, 5, -1, 1, 3);
    const Gradient<Real> g = gradient(times, weights, Circuit::conventional(), grad_v);
    for (std::size_t j = 0; j < 12; ++j) {
        for (std::size_t i = 0; i < 5; ++i) {
            long double sum = 0;
            for (std::size_t s = 0; s < 9; ++s) {
                if (times(s, j) <= 1) sum += grad_v(s, i) * (1 - static_cast<long double>(times(s, j)));
            }
            CHECK_CLOSE(g.weights(j, i), sum, 9 * 17 * eps<Real>);  // 9 samples of up to 17 intervals, each at most 1
        }
        for (std::size_t s = 0; s < 9; ++s) {
            long double sum = 0;
            for (std::size_t i = 0; i < 5; ++i) sum -= static_cast<long double>(grad_v(s, i)) * weights(j, i);
            CHECK_CLOSE(g.times(s, j), times(s, j) <= 1 ? sum : 0, 5 * eps<Real>);
        }
    }
}

// Wide enough to be cut into several groups of outputs, and with stretches of outputs that have no gradient in a
// sample.
TEST_EACH_REAL(gradients_are_those_of_the_outputs_one_by_one) {
    const Matrix<Real> times = tied_times<Real>(4, 400, 64, 1), weights = uniform<Real>(400, 50, -0.05, 0.05, 2);
    Matrix<Real> grad_v = uniform<Real>(4, 50, -1, 1, 3);
    for (std::size_t i = 0; i < 16; ++i) grad_v(1, i) = 0;
    for (std::size_t i = 0; i < 32; ++i) grad_v(2, i + 16) = 0;
    for (std::size_t i = 0; i < 50; ++i) grad_v(3, i) = 0;
    const Gradient<Real> all = gradient(times, weights, {}, grad_v);
    Matrix<long double> sum(4, 400);
    for (std::size_t i = 0; i < 50; ++i) {
        const auto column = [i](const Matrix<Real>& m) {
            Matrix<Real> one(m.rows, 1);
            for (std::size_t row = 0; row < m.rows; ++row) one(row, 0) = m(row, i);
            return one;
        };
        const Gradient<Real> own = gradient(times, column(weights), {}, column(grad_v));
        // Sums of four samples, each at most 1, in another order.
        for (std::size_t j = 0; j < 400; ++j) CHECK_CLOSE(all.weights(j, i), own.weights(j, 0), 4 * eps<Real>);
        for (std::size_t k = 0; k < sum.values.size(); ++k) sum.values[k] += own.times.values[k];
    }
    for (std::size_t k = 0; k < sum.values.size(); ++k) {
        CHECK_CLOSE(all.times.values[k], sum.values[k], 50 * 50 * 0.1 * eps<Real>);  // |w| (1 + |v|) is below 0.1
    }
}

TEST_EACH_REAL(inputs_that_never_spike_have_no_gradient) {
    Matrix<Real> times = uniform<Real>(6, 10, 0, 1, 1);
    for (std::size_t s = 0; s < 6; ++s) times(s, 4) = s % 2 ? Real(inf) : Real(1.5);
    const Gradient<Real> g = gradient(times, uniform<Real>(10, 20, -1, 1, 2), {}, uniform<Real>(6, 20, -1, 1, 3));
    for (std::size_t s = 0; s < 6; ++s) {
        for (std::size_t j = 0; j < 10; ++j) CHECK((g.times(s, j) == 0) == (j == 4));
    }
    for (std::size_t i = 0; i < 20; ++i) CHECK(g.weights(4, i) == 0 && g.weights(3, i) != 0);
}

TEST_EACH_REAL(a_weight_of_zero_has_no_sign) {
    const Matrix<Real> times = uniform<Real>(3, 4, 0, 1, 1), grad_v = uniform<Real>(3, 5, -1, 1, 2);
    const Circuit circuit{2, -0.5, 0.1, 0};
    const Gradient<Real> plus = gradient(times, Matrix<Real>(4, 5), circuit, grad_v);
    const Gradient<Real> minus =
        gradient(times, Matrix<Real>(4, 5, std::vector<Real>(20, Real(-0.0))), circuit, grad_v);
    CHECK(same_bits(plus.weights, minus.weights));
    CHECK(std::equal(plus.times.values.begin(), plus.times.values.end(), minus.times.values.begin()));
}

TEST_EACH_REAL(the_number_of_threads_changes_no_bit) {
    for (const std::size_t batch : {1, 30}) {
        const Matrix<Real> times = tied_times<Real>(batch, 300, 64, 1), weights = uniform<Real>(300, 77, -0.1, 0.1, 2);
        const Matrix<Real> grad_v = uniform<Real>(batch, 77, -1, 1, 3);
        for (const Circuit& circuit : {Circuit{}, Circuit{2, -1, 0, 0}}) {
            const Gradient<Real> one = gradient(times, weights, circuit, grad_v, 1);
            for (const int threads : {2, 5}) {
                const Gradient<Real> many = gradient(times, weights, circuit, grad_v, threads);
                CHECK(same_bits(one.weights, many.weights));
                CHECK(same_bits(one.times, many.times));
            }
        }
    }
}

TEST_EACH_REAL(time_gradients_of_a_sample_do_not_depend_on_its_batch) {
    const Matrix<Real> times = tied_times<Real>(21, 400, 64, 1), weights = uniform<Real>(400, 50, -0.1, 0.1, 2);
    const Matrix<Real> grad_v = uniform<Real>(21, 50, -1, 1, 3);
    const Gradient<Real> all = gradient(times, weights, {}, grad_v);
    for (std::size_t s = 0; s < 21; ++s) {
        const auto row = [s](const Matrix<Real>& m) { return Matrix<Real>(1, m.cols, {m.row(s), m.row(s) + m.cols}); };
        CHECK(same_bits(gradient(row(times), weights, {}, row(grad_v)).times, row(all.times)));
    }
}

TEST_EACH_REAL(an_empty_batch_has_a_gradient_of_zero) {
    const Gradient<Real> g = gradient(Matrix<Real>(0, 4), uniform<Real>(4, 3, -1, 1, 1), {}, Matrix<Real>(0, 3));
    CHECK(std::all_of(g.weights.values.begin(), g.weights.values.end(), [](Real value) { return value == 0; }));
}
