// The loss's energy term alone: its value and gradient are those of the charges that the rails deliver.
#include "training/energy_term.h"

#include <cmath>

#include "check.h"
#include "fixture.h"
#include "rcspike/energy.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

constexpr std::size_t batch = 6, n_in = 30, n_out = 21;
const Circuit circuits[] = {{}, {2, -0.5, 0.1, 0}, Circuit::conventional()};

double voltage(double rail) { return std::isinf(rail) ? std::copysign(1, rail) : rail; }

/// The backward pass of one layer for a loss of this term alone.
template <class Real>
struct Result {
    double value;
    Matrix<Real> grad_times{batch, n_in}, grad_weights{n_in, n_out};
};

template <class Real>
Result<Real> run(double penalty, const Schedule<Real>& schedule, const Matrix<Real>& weights, const Circuit& circuit) {
    const auto layer = detail::layer_of_weights<Real>("weights", weights, n_in, circuit, Threads{1});
    detail::EventBatch<Real> events;
    events.set(schedule, layer.event_target(), Threads{1});
    detail::EnergyTerm<Real> term(penalty, circuit);
    term.supply(2 * batch, 2 * n_out);  // as of another, larger layer
    Result<Real> result{};
    const Matrix<Real> no_gradient(batch, n_out);
    detail::BackwardPass<Real> pass{layer, events};
    pass.upstream.grad = no_gradient;
    pass.upstream.supply = term.supply(batch, n_out);
    pass.grad_times = result.grad_times;
    detail::WeightGradient<Real> gradient;
    detail::Scratch<Real> scratch;
    detail::backward(pass, gradient, scratch, Threads{1});
    result.value = term.value(pass.upstream.supply);
    gradient.weights.add_up(result.grad_weights, Threads{1});
    return result;
}

}  // namespace

// A sum of positive terms, in the same order but for the penalty: a few roundings of Real for each charge.
TEST_EACH_REAL(the_term_is_the_penalty_times_the_energy_of_the_rails) {
    const Matrix<Real> times = tied_times<Real>(batch, n_in, 16, 1), weights = uniform<Real>(n_in, n_out, -1, 1, 2);
    const Schedule<Real> schedule(times);
    for (const Circuit& circuit : circuits) {
        Matrix<Real> plus(batch, n_out), minus(batch, n_out);
        supply_charge<Real>(schedule, weights, circuit, plus, minus);
        double energy = 0;
        for (std::size_t i = 0; i < plus.values.size(); ++i) {
            energy += voltage(circuit.e_plus) * plus.values[i] + voltage(circuit.e_minus) * minus.values[i];
        }
        CHECK_CLOSE(run(0.25, schedule, weights, circuit).value, 0.25 * energy, 8 * eps<Real> * energy);
    }
}

TEST_EACH_REAL(its_gradient_is_that_of_the_mean_energy) {
    const Matrix<Real> times = tied_times<Real>(batch, n_in, 16, 1), weights = uniform<Real>(n_in, n_out, -1, 1, 2);
    const Schedule<Real> schedule(times);
    for (const Circuit& circuit : circuits) {
        Matrix<Real> plus(batch, n_out), minus(batch, n_out), grad_times(batch, n_in), grad_weights(n_in, n_out);
        for (Real& price : plus.values) price = static_cast<Real>(0.25 / batch * voltage(circuit.e_plus));
        for (Real& price : minus.values) price = static_cast<Real>(0.25 / batch * voltage(circuit.e_minus));
        supply_charge_vjp<Real>(schedule, weights, circuit, plus, minus, grad_times, grad_weights);
        const Result<Real> result = run(0.25, schedule, weights, circuit);
        CHECK(same_bits(result.grad_times, grad_times));
        CHECK(same_bits(result.grad_weights, grad_weights));
    }
}

TEST_EACH_REAL(without_a_penalty_nothing_is_counted) {
    const Matrix<Real> times(batch, n_in), weights = uniform<Real>(n_in, n_out, -1, 1, 2);
    const Result<Real> result = run(0, Schedule<Real>(times), weights, Circuit{});
    CHECK_EQUAL(result.value, 0.0);
    CHECK(same_bits(result.grad_weights, Matrix<Real>(n_in, n_out)));
}
