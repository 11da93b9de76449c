// Errors and their messages, and that the output is then unchanged. Shapes and values of the other functions
// are rejected in their own tests.
#include <functional>

#include "check.h"
#include "fixture.h"
#include "rcspike/build_config.h"
#include "rcspike/charge.h"

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
