// A packed layer gives the bits of the functions that pack one for each call, also after new synapses were set.
#include "rcspike/layer.h"

#include "check.h"
#include "fixture.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

constexpr std::size_t batch = 7, n_in = 40, n_out = 19;
const Circuit circuit{2, -0.5, 0.1, 0};

template <class Real>
struct Affine {
    Matrix<Real> drive, conductance, drive0, conductance0;

    explicit Affine(std::uint64_t seed)
        : drive(uniform<Real>(n_in, n_out, -1, 1, seed)),
          conductance(uniform<Real>(n_in, n_out, 0, 1, seed + 1)),
          drive0(uniform<Real>(1, n_out, -1, 1, seed + 2)),
          conductance0(uniform<Real>(1, n_out, 0, 1, seed + 3)) {}
    AffineSynapses<Real> view() const { return {drive, conductance, drive0, conductance0}; }
    AffineGradient<Real> view() { return {drive, conductance, drive0, conductance0}; }
};

}  // namespace

TEST_EACH_REAL(resistive_layers_have_the_bits_of_the_functions) {
    const Matrix<Real> times = tied_times<Real>(batch, n_in, 9, 1), grad_v = uniform<Real>(batch, n_out, -1, 1, 2);
    const Schedule<Real> schedule(times);
    Layer<Real> layer(uniform<Real>(n_in, n_out, -1, 1, 3), circuit);
    CHECK_EQUAL(layer.n_in(), n_in);
    CHECK_EQUAL(layer.n_out(), n_out);
    for (const std::uint64_t seed : {4, 5}) {
        const Matrix<Real> weights = uniform<Real>(n_in, n_out, -1, 1, seed);
        layer.set(weights);
        Matrix<Real> v(batch, n_out), expected_v(batch, n_out);
        layer.charge(schedule, v);
        charge<Real>(schedule, weights, circuit, expected_v);
        CHECK(same_bits(v, expected_v));
        Matrix<Real> t(batch, n_in), w(n_in, n_out), expected_t(batch, n_in), expected_w(n_in, n_out);
        layer.charge_vjp(schedule, grad_v, t, w);
        charge_vjp<Real>(schedule, weights, circuit, grad_v, expected_t, expected_w);
        CHECK(same_bits(t, expected_t));
        CHECK(same_bits(w, expected_w));
    }
}

TEST_EACH_REAL(affine_layers_have_the_bits_of_the_functions) {
    const Matrix<Real> times = tied_times<Real>(batch, n_in, 9, 1), grad_v = uniform<Real>(batch, n_out, -1, 1, 2);
    const Schedule<Real> schedule(times);
    const Affine<Real> first(3), second(7);
    Layer<Real> layer(first.view());
    layer.set(second.view());
    Matrix<Real> v(batch, n_out), expected_v(batch, n_out);
    layer.charge(schedule, v);
    charge<Real>(schedule, second.view(), expected_v);
    CHECK(same_bits(v, expected_v));
    Matrix<Real> t(batch, n_in), expected_t(batch, n_in);
    Affine<Real> gradient(1), expected(2);
    layer.charge_vjp(schedule, grad_v, t, gradient.view());
    charge_vjp<Real>(schedule, second.view(), grad_v, expected_t, expected.view());
    CHECK(same_bits(t, expected_t));
    CHECK(same_bits(gradient.drive, expected.drive));
    CHECK(same_bits(gradient.conductance, expected.conductance));
    CHECK(same_bits(gradient.drive0, expected.drive0));
    CHECK(same_bits(gradient.conductance0, expected.conductance0));
}

TEST_EACH_REAL(synapses_of_another_kind_or_shape_are_errors_and_change_nothing) {
    const Matrix<Real> weights = uniform<Real>(n_in, n_out, -1, 1, 3), times = tied_times<Real>(batch, n_in, 9, 1);
    const Schedule<Real> schedule(times);
    Layer<Real> layer(weights, circuit);
    Matrix<Real> before(batch, n_out), after(batch, n_out), grad_t(batch, n_in);
    layer.charge(schedule, before);
    const Affine<Real> affine(1);
    Affine<Real> gradient(1);
    CHECK_THROWS(layer.set(affine.view()), std::invalid_argument, "synapses of another kind");
    CHECK_THROWS(layer.set(Matrix<Real>(n_in, n_out + 1)), std::invalid_argument,
                 "a layer of 19 neurons cannot get synapses of 20");
    CHECK_THROWS(layer.set(Matrix<Real>(n_in + 1, n_out)), std::invalid_argument,
                 "weights must have shape (40, 19), got (41, 19)");
    CHECK_THROWS(layer.charge_vjp(schedule, before, grad_t, gradient.view()), std::invalid_argument,
                 "these synapses have other gradients");
    CHECK_THROWS(layer.charge(Schedule<Real>(Matrix<Real>(batch, n_in + 1)), before), std::invalid_argument,
                 "times must have shape (batch, 40), got (7, 41)");
    layer.charge(schedule, after);
    CHECK(same_bits(before, after));
}
