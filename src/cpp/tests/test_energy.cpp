// Charge that the supplies deliver, and its gradient.
#include "rcspike/energy.h"

#include <cmath>

#include "check.h"
#include "fixture.h"
#include "layer/backward.h"
#include "layers.h"
#include "rcspike/charge.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

const Circuit circuits[] = {{}, {2, -0.5, 0.1, 0}, {inf, -0.7, 0, 0}, Circuit::conventional()};

template <class Real>
struct Charges {
    Matrix<Real> plus, minus;
};

template <class Real>
Charges<Real> charges(const Matrix<Real>& times, const Matrix<Real>& weights, const Circuit& circuit, int threads = 1) {
    Charges<Real> q{{times.rows, weights.cols}, {times.rows, weights.cols}};
    supply_charge<Real>(Schedule<Real>(times), weights, circuit, q.plus, q.minus, Threads::exactly(threads));
    return q;
}

template <class Real>
struct Gradient {
    Matrix<Real> times, weights;
};

template <class Real>
Gradient<Real> gradient(const Matrix<Real>& times, const Matrix<Real>& weights, const Circuit& circuit,
                        const Matrix<Real>& plus, const Matrix<Real>& minus, int threads = 1) {
    Gradient<Real> g{{times.rows, times.cols}, {weights.rows, weights.cols}};
    supply_charge_vjp<Real>(Schedule<Real>(times), weights, circuit, plus, minus, g.times, g.weights,
                            Threads::exactly(threads));
    return g;
}

}  // namespace

// One synapse takes the membrane along an exponential, and the membrane holds the charge that it delivers.
TEST_EACH_REAL(a_lone_synapse_delivers_the_charge_of_the_membrane) {
    const Real w = 3, rail = Real(0.5), t = Real(0.25);
    const Charges<Real> q = charges(Matrix<Real>(1, 1, {t}), Matrix<Real>(1, 2, {w, -w}), {rail, -rail, 0, 0});
    const long double exact = -rail * std::expm1(-w / rail * (1 - static_cast<long double>(t)));
    CHECK_CLOSE(q.plus(0, 0), exact, 16 * eps<Real>);
    CHECK_CLOSE(q.minus(0, 1), -exact, 16 * eps<Real>);
    CHECK_EQUAL(q.plus(0, 1), Real(0));
    CHECK_EQUAL(q.minus(0, 0), Real(0));
}

// A membrane of a single phase charges until a time of its own, and holds what both rails have delivered by then.
TEST_EACH_REAL(a_membrane_of_a_single_phase_holds_its_charge_until_its_time) {
    const Real w = 3, rail = 2, t = Real(0.25);
    const Matrix<Real> times(1, 2, {t, Real(1.5)}), weights(2, 3, {w, w, -w, 0, w, 0});
    const Matrix<Real> until(1, 3, {Real(3.25), Real(1.25), 0});
    Matrix<Real> plus(1, 3), minus(1, 3);
    supply_charge_until<Real>(Schedule<Real>(times, Threads::all(), Phases::single), weights, {rail, -rail, 0, 0},
                              until, plus, minus);
    for (int i = 0; i < 2; ++i) {
        const long double exact = -rail * std::expm1(-w / rail * static_cast<long double>(until(0, i) - t));
        CHECK_CLOSE(plus(0, i), exact, 4 * eps<Real>);
        CHECK_EQUAL(minus(0, i), Real(0));
    }
    CHECK_EQUAL(minus(0, 2), Real(0));
    const Matrix<Real> endless(1, 3, {Real(inf), 1, 1});
    CHECK_THROWS(supply_charge_until<Real>(Schedule<Real>(times, Threads::all(), Phases::single), weights,
                                           {rail, -rail, 0, 0}, endless, plus, minus),
                 std::invalid_argument, "until");
}

// Two synapses that pull against each other: dv/dt = w - 2 w v on rails of +-1 with weights w and -w is at rest at 0,
// and each rail continues to deliver w. All of the energy is lost in the path between the rails.
TEST_EACH_REAL(rails_that_pull_against_each_other_deliver_without_end) {
    const Matrix<Real> times(1, 2, {Real(0.5), Real(0.5)});
    const Charges<Real> q = charges(times, Matrix<Real>(2, 1, {4, -4}), {});
    CHECK_CLOSE(q.plus(0, 0), Real(2), 8 * eps<Real>);
    CHECK_CLOSE(q.minus(0, 0), Real(-2), 8 * eps<Real>);
}

// n + 1 intervals of ten roundings each, relative to the sum of all weights, |v| <= 2 times as much on these rails.
TEST_EACH_REAL(both_charges_add_up_to_the_voltage) {
    const Matrix<Real> times = tied_times<Real>(7, 30, 16, 1), weights = uniform<Real>(30, 21, -1, 1, 2);
    for (const Circuit& circuit : circuits) {
        const Charges<Real> q = charges(times, weights, circuit);
        Matrix<Real> v(7, 21);
        charge<Real>(Schedule<Real>(times), weights, circuit, v);
        for (std::size_t i = 0; i < v.values.size(); ++i) {
            CHECK_CLOSE(q.plus.values[i] + q.minus.values[i], v.values[i], 5 * 31 * 30 * eps<Real>);
            CHECK(q.plus.values[i] >= 0 && q.minus.values[i] <= 0);
        }
    }
}

TEST_EACH_REAL(the_gradient_of_their_sum_is_that_of_the_voltage) {
    const Matrix<Real> times = tied_times<Real>(7, 30, 16, 1), weights = uniform<Real>(30, 21, -1, 1, 2);
    const Matrix<Real> grad = uniform<Real>(7, 21, -1, 1, 3);
    for (const Circuit& circuit : circuits) {
        const Gradient<Real> g = gradient(times, weights, circuit, grad, grad);
        Matrix<Real> of_times(7, 30), of_weights(30, 21);
        charge_vjp<Real>(Schedule<Real>(times), weights, circuit, grad, of_times, of_weights);
        for (std::size_t i = 0; i < of_times.values.size(); ++i)
            CHECK_CLOSE(g.times.values[i], of_times.values[i], 21 * 10 * 31 * eps<Real>);
        for (std::size_t i = 0; i < of_weights.values.size(); ++i)
            CHECK_CLOSE(g.weights.values[i], of_weights.values[i], 7 * 10 * 31 * eps<Real>);
    }
}

TEST(the_gradient_agrees_with_central_differences) {
    const Matrix<double> times(2, 4, {0.1, 0.35, 0.6, 0.85, 0.7, 0.15, 0.4, 0.9});
    const Matrix<double> weights = uniform<double>(4, 3, 0.2, 2, 1);
    const Matrix<double> plus = uniform<double>(2, 3, -1, 1, 2), minus = uniform<double>(2, 3, -1, 1, 3);
    for (const Circuit& circuit : circuits) {
        Matrix<double> signed_weights = weights;
        for (std::size_t i = 0; i < 12; i += 2) signed_weights.values[i] *= -1;
        const auto loss = [&](const Matrix<double>& t, const Matrix<double>& w) {
            const Charges<double> q = charges(t, w, circuit);
            double sum = 0;
            for (std::size_t i = 0; i < 6; ++i)
                sum += plus.values[i] * q.plus.values[i] + minus.values[i] * q.minus.values[i];
            return sum;
        };
        const Gradient<double> g = gradient(times, signed_weights, circuit, plus, minus);
        const double h = 1e-5;  // off by h^2 times a third derivative of order 10 to 100, and by eps/h
        for (std::size_t i = 0; i < 8; ++i) {
            Matrix<double> there = times, back = times;
            there.values[i] += h;
            back.values[i] -= h;
            CHECK_CLOSE(g.times.values[i], (loss(there, signed_weights) - loss(back, signed_weights)) / (2 * h), 2e-8);
        }
        for (std::size_t i = 0; i < 12; ++i) {
            Matrix<double> there = signed_weights, back = signed_weights;
            there.values[i] += h;
            back.values[i] -= h;
            CHECK_CLOSE(g.weights.values[i], (loss(times, there) - loss(times, back)) / (2 * h), 2e-8);
        }
    }
}

TEST_EACH_REAL(threads_change_no_bit) {
    const Matrix<Real> times = tied_times<Real>(40, 60, 64, 1), weights = uniform<Real>(60, 50, -1, 1, 2);
    const Matrix<Real> plus = uniform<Real>(40, 50, -1, 1, 3), minus = uniform<Real>(40, 50, -1, 1, 4);
    const Charges<Real> q = charges(times, weights, {});
    const Gradient<Real> g = gradient(times, weights, {}, plus, minus);
    for (const int threads : {2, 5}) {
        const Charges<Real> same = charges(times, weights, {}, threads);
        CHECK(same_bits(q.plus, same.plus) && same_bits(q.minus, same.minus));
        const Gradient<Real> same_gradient = gradient(times, weights, {}, plus, minus, threads);
        CHECK(same_bits(g.times, same_gradient.times) && same_bits(g.weights, same_gradient.weights));
    }
}

TEST_EACH_REAL(what_does_not_fit_is_rejected) {
    const Matrix<Real> times(2, 3), weights(3, 4);
    Matrix<Real> small(2, 3), q(2, 4), grad(2, 4), grad_weights(3, 4);
    const Schedule<Real> schedule(times);
    CHECK_THROWS(supply_charge<Real>(schedule, weights, {}, q, small), std::invalid_argument,
                 "q_minus must have shape (2, 4), got (2, 3)");
    CHECK_THROWS(supply_charge_vjp<Real>(schedule, weights, {}, small, grad, small, grad_weights),
                 std::invalid_argument, "grad_q_plus must have shape (2, 4), got (2, 3)");
    grad(1, 0) = static_cast<Real>(inf);
    CHECK_THROWS(supply_charge_vjp<Real>(schedule, weights, {}, q, grad, small, grad_weights), std::invalid_argument,
                 "grad_q_minus[1, 0] must be finite, got inf");
}

TEST_EACH_REAL(charges_of_synapses_other_than_resistive_ones_are_an_error) {
    const Matrix<Real> times(1, 2), grad(1, 3);
    const Schedule<Real> schedule(times);
    for (const detail::Layer<Real>& layer : {affine_layer<Real>(2, 3), pair_layer<Real>(2, 3)}) {
        CHECK_THROWS(detail::resistive_of(layer, "charges of the rails"), std::invalid_argument,
                     "charges of the rails can be computed for resistive synapses only");
        detail::EventBatch<Real> events;
        events.set(schedule, layer.event_target(), Threads{1});
        detail::WeightGradient<Real> gradient;
        detail::Scratch<Real> scratch;
        detail::BackwardPass<Real> pass{layer, events};
        pass.upstream.supply = {grad, grad, {}, {}};
        CHECK_THROWS(detail::backward(pass, gradient, scratch, Threads{1}), std::invalid_argument,
                     "gradients of the rails' charges can be computed for resistive synapses only");
    }
}
