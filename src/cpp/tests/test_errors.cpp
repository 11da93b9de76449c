// Errors of the functions of a layer, and that the output is then unchanged. The numbers that they compute are compared
// with independent references in Python.
#include <functional>

#include "check.h"
#include "fixture.h"
#include "rcspike/adam.h"
#include "rcspike/charge.h"
#include "rcspike/encode.h"
#include "rcspike/energy.h"
#include "rcspike/fire.h"
#include "rcspike/first_spike.h"
#include "rcspike/layer.h"
#include "rcspike/network.h"
#include "rcspike/noise.h"
#include "rcspike/rectified.h"
#include "rcspike/trace.h"
#include "rcspike/wires.h"

using namespace rcspike;
using namespace rcspike::test;

TEST(a_circuit_that_is_not_physical_is_rejected) {
    const auto rejected = [](const Circuit& circuit, const char* why) {
        CHECK_THROWS(validate(circuit), std::invalid_argument, why);
    };
    rejected({0, -1, 0, 0}, "e_plus must be above the resting voltage 0, got 0");
    rejected({not_a_number, -1, 0, 0}, "e_plus must be above the resting voltage 0, got nan");
    rejected({1, 0.5, 0, 0}, "e_minus must be below the resting voltage 0, got 0.5; the rails must straddle 0");
    rejected({1, not_a_number, 0, 0}, "e_minus must be below");
    rejected({1, -1, -0.1, 0}, "diode_drop must be finite and not negative, got -0.1");
    rejected({inf, -inf, inf, 0}, "diode_drop must be finite and not negative, got inf");
    rejected({1, -1, not_a_number, 0}, "diode_drop must be finite");
    rejected({1.2, -1, 1.1, 0},
             "diode_drop 1.1 leaves no drive at e_plus = 1.2, e_minus = -1: it must be below every rail");
    rejected({1, -2, 1, 0}, "diode_drop 1 leaves no drive");
    rejected({1, -1, 0, 1}, "ramp must be finite and below 1, got 1; 0 is the ideal ramp");
    rejected({1, -1, 0, -inf}, "ramp must be finite");
    rejected({1, -1, 0, not_a_number}, "ramp must be finite");
    const auto with_v_0 = [](Circuit circuit, double v_0) { return circuit.v_0 = v_0, circuit; };
    rejected(with_v_0({}, 0), "v_0 must be above 0, in V_th, got 0; an infinite one stands for ohmic devices");
    rejected(with_v_0({}, not_a_number), "v_0 must be above 0");
    rejected(with_v_0({2, -1, 0, 0}, 0.19), "v_0 must be at least a tenth of the rails, 0.2 here, got 0.19");
    rejected(with_v_0(Circuit::conventional(), 0.5), "v_0 = 0.5 needs finite rails");
    Circuit loaded = with_v_0({}, 0.5);
    loaded.load.body = 0.1;
    rejected(loaded, "rows load the membrane through ohmic devices only, got v_0 = 0.5");
    for (const Circuit& good : {Circuit{}, Circuit::conventional(), Circuit{inf, -1, 0.9, -5}}) validate(good);
}

TEST(a_number_of_threads_out_of_range_is_rejected) {
    for (const int n : {0, -1, 1025}) {
        const std::string why = "threads must be between 1 and 1024, got " + std::to_string(n);
        CHECK_THROWS(Threads::exactly(n), std::invalid_argument, why);
    }
    CHECK_EQUAL(Threads::exactly(1024).count, 1024);
    CHECK(Threads::all().count >= 1);
}

TEST_EACH_REAL(weights_that_do_not_fit_are_rejected) {
    const Schedule<Real> schedule(Matrix<Real>(2, 3));
    Matrix<Real> w(3, 4), transposed(4, 3), v(2, 4), narrow(2, 3);
    const auto charge_with = [&](const Matrix<Real>& weights, Span2<Real> to, const Circuit& circuit = {}) {
        charge<Real>(schedule, weights, circuit, to);
    };
    CHECK_THROWS(charge_with(transposed, v), std::invalid_argument, "weights must have shape (3, 3), got (4, 3)");
    CHECK_THROWS(charge_with(w, narrow), std::invalid_argument, "v must have shape (2, 4), got (2, 3)");
    CHECK_THROWS(charge_with(w, v, {1, -1, 2, 0}), std::invalid_argument, "diode_drop 2 leaves no drive");
    v(1, 1) = 7;
    w(2, 3) = Real(inf);
    CHECK_THROWS(charge_with(w, v), std::invalid_argument, "weights[2, 3] must be finite, got inf");
    w(1, 0) = Real(not_a_number);
    CHECK_THROWS(charge_with(w, v), std::invalid_argument, "weights[1, 0] must be finite, got nan");
    w(1, 0) = std::numeric_limits<Real>::max();
    w(2, 3) = 0;
    CHECK_THROWS(charge_with(w, v), std::invalid_argument, "too large for");  // sums of weights must be finite, too
    CHECK_EQUAL(v(1, 1), Real(7));
}

TEST_EACH_REAL(affine_synapses_that_do_not_fit_are_rejected) {
    const Schedule<Real> schedule(Matrix<Real>(2, 3));
    Matrix<Real> v(2, 4);
    struct Parts {
        Matrix<Real> drive{3, 4}, conductance{3, 4}, drive0{1, 4}, conductance0{1, 4};
    };
    const auto rejected = [&](const std::function<void(Parts&)>& spoil, const char* why) {
        Parts p;
        spoil(p);
        const AffineSynapses<Real> synapses{p.drive, p.conductance, p.drive0, p.conductance0};
        CHECK_THROWS(charge<Real>(schedule, synapses, v), std::invalid_argument, why);
    };
    rejected([](Parts& p) { p.drive = {2, 4}; }, "drive must have shape (3, 4), got (2, 4)");
    rejected([](Parts& p) { p.conductance = {3, 5}; }, "conductance must have shape (3, 4), got (3, 5)");
    rejected([](Parts& p) { p.drive0 = {1, 5}; }, "drive0 must have shape (4,), got (5,)");
    rejected([](Parts& p) { p.conductance0 = {1, 3}; }, "conductance0 must have shape (4,), got (3,)");
    rejected([](Parts& p) { p.drive(1, 2) = Real(not_a_number); }, "drive[1, 2] must be finite, got nan");
    rejected([](Parts& p) { p.conductance(2, 3) = -2; }, "conductance[2, 3] must not be negative, got -2");
    rejected([](Parts& p) { p.conductance(2, 3) = Real(inf); }, "conductance[2, 3] must be finite, got inf");
    rejected([](Parts& p) { p.drive(0, 1) = std::numeric_limits<Real>::lowest(); }, "too large for");
    rejected([](Parts& p) { p.conductance(0, 1) = std::numeric_limits<Real>::max(); }, "too large for");
    rejected([](Parts& p) { p.drive0(0, 3) = Real(-inf); }, "must be finite, got -inf");
    rejected([](Parts& p) { p.conductance0(0, 1) = -1; }, "must not be negative, got -1");
}

TEST_EACH_REAL(gradients_that_do_not_fit_are_rejected) {
    const Schedule<Real> schedule(Matrix<Real>(2, 3));
    const Matrix<Real> w(3, 4), narrow(2, 3);
    Matrix<Real> grad_v(2, 4), times(2, 3), weights(3, 4), wrong(4, 4), row(1, 3);
    const auto vjp = [&](Span2<const Real> upstream, Span2<Real> to_times, Span2<Real> to_weights) {
        charge_vjp<Real>(schedule, w, Circuit{}, upstream, to_times, to_weights);
    };
    CHECK_THROWS(vjp(narrow, times, weights), std::invalid_argument, "grad_v must have shape (2, 4), got (2, 3)");
    CHECK_THROWS(vjp(grad_v, wrong, weights), std::invalid_argument, "grad_times must have shape (2, 3), got (4, 4)");
    CHECK_THROWS(vjp(grad_v, times, wrong), std::invalid_argument, "grad_weights must have shape (3, 4), got (4, 4)");
    const AffineSynapses<Real> synapses{w, w, {}, {}};
    const auto affine_vjp = [&](const AffineGradient<Real>& to) {
        charge_vjp<Real>(schedule, synapses, grad_v, times, to);
    };
    CHECK_THROWS(affine_vjp({wrong, weights, {}, {}}), std::invalid_argument,
                 "gradient of drive must have shape (3, 4)");
    CHECK_THROWS(affine_vjp({weights, wrong, {}, {}}), std::invalid_argument,
                 "gradient of conductance must have shape (3, 4)");
    CHECK_THROWS(affine_vjp({weights, weights, row, {}}), std::invalid_argument,
                 "gradient of drive0 must have shape (4,), got (3,)");
    grad_v(1, 3) = Real(not_a_number);
    CHECK_THROWS(vjp(grad_v, times, weights), std::invalid_argument, "grad_v[1, 3] must be finite, got nan");
}

TEST_EACH_REAL(what_does_not_fit_the_functions_of_a_layer_is_rejected) {
    const Matrix<Real> times(2, 3), weights(3, 4);
    Matrix<Real> v(2, 4), narrow(2, 3), grad_weights(3, 4), pairs(1, 4);
    const Schedule<Real> schedule(times);
    CHECK_THROWS(supply_charge<Real>(schedule, weights, {}, v, narrow), std::invalid_argument,
                 "q_minus must have shape (2, 4), got (2, 3)");
    CHECK_THROWS(supply_charge_vjp<Real>(schedule, weights, {}, narrow, v, narrow, grad_weights), std::invalid_argument,
                 "grad_q_plus must have shape (2, 4), got (2, 3)");
    CHECK_THROWS(fire<Real>(v, {}, narrow), std::invalid_argument, "times must have shape (2, 4), got (2, 3)");
    CHECK_THROWS(fire_vjp<Real>(v, {}, narrow, v), std::invalid_argument, "grad_times must have shape (2, 4)");
    CHECK_THROWS(fire_vjp<Real>(v, {}, v, narrow), std::invalid_argument, "grad_v must have shape (2, 4)");
    CHECK_THROWS(fire<Real>(v, {1, -1, 0, 1}, v), std::invalid_argument, "ramp must be finite and below 1, got 1");
    const Matrix<Real> at(1, 2);
    CHECK_THROWS(trace<Real>(schedule, weights, {}, at, v), std::invalid_argument,
                 "v must have shape (2, 8), got (2, 4)");
    CHECK_THROWS(trace<Real>(schedule, Matrix<Real>(2, 4), {}, at, v), std::invalid_argument,
                 "weights must have shape (3, 4), got (2, 4)");
    const Matrix<Real> short_of_inputs(2, 4);
    const RectifiedSynapses<Real> diodes{short_of_inputs, short_of_inputs, short_of_inputs, short_of_inputs, {}, {}};
    CHECK_THROWS(charge<Real>(schedule, diodes, v), std::invalid_argument, "g_plus must have shape (3, 4), got (2, 4)");
    CHECK_THROWS(encode<Real>(Matrix<Real>(2, 1).view(), pairs), std::invalid_argument, "times must have shape (2, 1)");
    CHECK_THROWS(draw_noise<Real>(1, -0.1, v), std::invalid_argument, "sigma must be finite and not negative");
}

TEST_EACH_REAL(wires_that_do_not_fit_are_rejected) {
    const Schedule<Real> schedule(Matrix<Real>(2, 3));
    const Matrix<Real> good(3, 4), narrow(2, 4), resistance(1, 4);
    Matrix<Real> v(2, 4);
    const auto rejected = [&](std::size_t n_wires, const Matrix<Real>& drive, double off, const char* why) {
        WiredSynapses<Real> synapses{{}, resistance, static_cast<Real>(off), {}, {}};
        for (std::size_t wire = 0; wire < n_wires; ++wire) synapses.wires.push_back({drive, good});
        CHECK_THROWS(charge<Real>(schedule, synapses, v), std::invalid_argument, why);
    };
    rejected(1, narrow, 0, "drive must have shape (3, 4)");
    rejected(3, good, 0, "must have 1 or 2 wires, got 3");
    rejected(2, good, 2, "off must lie in [0, 1], got 2");
}

TEST_EACH_REAL(a_step_of_adam_on_arrays_that_do_not_fit_is_rejected) {
    std::vector<Real> a(3), b(2);
    const Span1<Real> three{a.data(), 3}, two{b.data(), 2};
    CHECK_THROWS(adam_step<Real>(three, 0, 0.1, three, three, three), std::invalid_argument, "step must be at least 1");
    CHECK_THROWS(adam_step<Real>(three, 1, inf, three, three, three), std::invalid_argument, "got inf");
    CHECK_THROWS(adam_step<Real>(three, 1, 0.1, three, two, three), std::invalid_argument, "3 numbers, got 2");
}

TEST_EACH_REAL(a_schedule_is_for_one_kind_of_neurons) {
    const Matrix<Real> w = uniform<Real>(3, 2, 0, 1, 1), times(1, 3, {Real(0.5), Real(3), Real(inf)});
    const Schedule<Real> two(times), single(times, Threads::all(), Phases::single);
    Matrix<Real> out(1, 2);
    CHECK_EQUAL(single[0].n_spikes(), std::size_t{2});
    CHECK_EQUAL(two[0].n_spikes(), std::size_t{1});
    const char* const message = "the schedule is for neurons of phases 'two', the layer has phases 'single'";
    CHECK_THROWS(first_spike<Real>(two, w, Circuit{}, out), std::invalid_argument, message);
    const Network<Real> network({w}, Circuit{}, {}, Phases::single);
    CHECK_THROWS(network.forward(two, {}, out), std::invalid_argument, message);
    CHECK_THROWS(charge<Real>(single, w, Circuit{}, out), std::invalid_argument, "is for neurons of phases 'single'");
}

// A layer that is packed once has the bits of the functions that pack one for each call.
TEST_EACH_REAL(synapses_of_another_kind_or_shape_leave_a_layer_as_it_was) {
    const Circuit circuit{2, -0.5, 0.1, 0};
    const Matrix<Real> weights = uniform<Real>(40, 19, -1, 1, 3), grad_v = uniform<Real>(7, 19, -1, 1, 2);
    const Matrix<Real> conductance = uniform<Real>(40, 19, 0, 1, 4);
    const Schedule<Real> schedule(tied_times<Real>(7, 40, 9, 1));
    const AffineSynapses<Real> affine{weights, conductance, {}, {}};
    Layer<Real> layer(uniform<Real>(40, 19, -1, 1, 5), circuit), of_affine({conductance, conductance, {}, {}});
    Matrix<Real> v(7, 19), expected(7, 19), grad_times(7, 40), grad_weights(40, 19), expected_weights(40, 19);
    layer.set(weights);
    of_affine.set(affine);
    CHECK_THROWS(layer.set(affine), std::invalid_argument, "synapses of another kind");
    CHECK_THROWS(layer.set(Matrix<Real>(40, 20)), std::invalid_argument,
                 "a layer of 19 neurons cannot get synapses of 20");
    CHECK_THROWS(layer.set(Matrix<Real>(41, 19)), std::invalid_argument,
                 "weights must have shape (40, 19), got (41, 19)");
    CHECK_THROWS(layer.charge_vjp(schedule, v, grad_times, AffineGradient<Real>{grad_weights, grad_weights, {}, {}}),
                 std::invalid_argument, "these synapses have other gradients");
    CHECK_THROWS(layer.charge(Schedule<Real>(Matrix<Real>(7, 41)), v), std::invalid_argument,
                 "times must have shape (batch, 40), got (7, 41)");
    layer.charge(schedule, v);
    charge<Real>(schedule, weights, circuit, expected);
    CHECK(same_bits(v, expected));
    layer.charge_vjp(schedule, grad_v, grad_times, grad_weights);
    charge_vjp<Real>(schedule, weights, circuit, grad_v, grad_times, expected_weights);
    CHECK(same_bits(grad_weights, expected_weights));
    of_affine.charge(schedule, v);
    charge<Real>(schedule, affine, expected);
    CHECK(same_bits(v, expected));
}
