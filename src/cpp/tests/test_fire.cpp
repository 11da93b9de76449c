// From voltages to spike times.
#include "rcspike/fire.h"

#include "check.h"
#include "fixture.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

Circuit with_ramp(double b) {
    Circuit circuit;
    circuit.ramp = b;
    return circuit;
}

template <class Real>
Real time(double v, double b = 0) {
    Matrix<Real> t(1, 1);
    fire<Real>(Matrix<Real>(1, 1, {static_cast<Real>(v)}), with_ramp(b), t);
    return t(0, 0);
}

template <class Real>
Real slope(double v, double b = 0) {
    Matrix<Real> grad_v(1, 1);
    fire_vjp<Real>(Matrix<Real>(1, 1, {static_cast<Real>(v)}), with_ramp(b), Matrix<Real>(1, 1, {1}), grad_v);
    return grad_v(0, 0);
}

const std::vector<double> ramps{-50, -3, -0.5, -1e-3, -1e-12, 1e-12, 1e-3, 0.1, 0.5, 0.99};

}  // namespace

TEST_EACH_REAL(the_ideal_ramp_is_a_straight_line) {
    for (const double v : {1e-30, 0.125, 0.3, 0.5, 0.99}) {
        CHECK_EQUAL(time<Real>(v), 1 - static_cast<Real>(v));
        CHECK_EQUAL(slope<Real>(v), Real(-1));
    }
}

TEST_EACH_REAL(a_voltage_at_or_below_rest_never_fires) {
    for (const double b : {0.0, 0.5, -2.0}) {
        for (const double v : {0.0, -0.0, -1e-30, -0.5, -inf}) {
            CHECK_EQUAL(time<Real>(v, b), Real(inf));
            CHECK_EQUAL(slope<Real>(v, b), Real(0));
        }
    }
}

TEST_EACH_REAL(a_voltage_at_or_above_threshold_fires_at_once) {
    for (const double b : {0.0, 0.5, -2.0}) {
        for (const double v : {1.0, 1.5, 1e30, inf}) {
            CHECK_EQUAL(time<Real>(v, b), Real(0));
            CHECK_EQUAL(slope<Real>(v, b), Real(0));
        }
    }
}

// Both logarithms are good to 4 ulp of double; their ratio is then taken from 1 and rounded to Real.
TEST_EACH_REAL(a_nonlinear_ramp_follows_its_logarithm) {
    for (const double b : ramps) {
        for (double position = 0.01; position < 1; position += 0.01) {
            const Real v = static_cast<Real>(position);
            const long double exact =
                1 - std::log1p(-static_cast<long double>(b) * v) / std::log1p(-static_cast<long double>(b));
            CHECK_CLOSE(time<Real>(v, b), exact, 10 * eps<double> + eps<Real> * exact);
            const long double exact_slope =
                b / ((1 - static_cast<long double>(b) * v) * std::log1p(-static_cast<long double>(b)));
            CHECK_CLOSE(slope<Real>(v, b), exact_slope, 2 * (5 * eps<double> + eps<Real>)*std::abs(exact_slope));
        }
    }
}

TEST_EACH_REAL(a_ramp_that_is_almost_linear_is_nearly_ideal) {
    // t = 1 - v - b v (1 - v)/2 + ...
    for (const double b : {1e-9, -1e-9}) CHECK_CLOSE(time<Real>(0.25, b), Real(0.75), 1e-10 + 4 * eps<Real>);
}

TEST_EACH_REAL(spike_times_stay_in_the_phase_and_fall_with_the_voltage) {
    for (const double b : ramps) {
        Real last = 1;
        for (double v = 1e-6; v < 1; v += 1e-3) {
            const Real t = time<Real>(v, b);
            CHECK(t >= 0 && t <= last);
            last = t;
        }
    }
}

// Central differences: h^2/6 of a third derivative of at most 2 (b/(1 - b))^3, and rounding over h.
TEST(the_slope_agrees_with_central_differences) {
    constexpr double h = 1e-5;
    for (const double b : {0.0, -3.0, 0.5, 0.1}) {
        for (double v = 0.05; v < 1; v += 0.1) {
            CHECK_CLOSE(slope<double>(v, b), (time<double>(v + h, b) - time<double>(v - h, b)) / (2 * h),
                        20 * h * h + 1e-10);
        }
    }
}

TEST_EACH_REAL(gradients_are_products_in_the_shape_of_the_voltages) {
    const Matrix<Real> v = uniform<Real>(4, 5, -0.5, 1.5, 1), grad_times = uniform<Real>(4, 5, -2, 2, 2);
    Matrix<Real> grad_v(4, 5), times(4, 5);
    fire<Real>(v, {}, times);
    fire_vjp<Real>(v, {}, grad_times, grad_v);
    for (std::size_t i = 0; i < 20; ++i) {
        const Real one = v.values[i];
        CHECK_EQUAL(times.values[i], one <= 0 ? Real(inf) : one >= 1 ? Real(0) : 1 - one);
        CHECK_EQUAL(grad_v.values[i], one > 0 && one < 1 ? -grad_times.values[i] : Real(0));
    }
}

TEST_EACH_REAL(what_does_not_fit_is_rejected) {
    Matrix<Real> v(2, 3), times(2, 3), other(3, 2);
    CHECK_THROWS(fire<Real>(v, {}, other), std::invalid_argument, "times must have shape (2, 3), got (3, 2)");
    CHECK_THROWS(fire_vjp<Real>(v, {}, other, times), std::invalid_argument, "grad_times must have shape (2, 3)");
    CHECK_THROWS(fire_vjp<Real>(v, {}, times, other), std::invalid_argument, "grad_v must have shape (2, 3)");
    CHECK_THROWS(fire<Real>(v, with_ramp(1), times), std::invalid_argument, "ramp must be finite and below 1, got 1");
    times(1, 0) = Real(inf);
    CHECK_THROWS(fire_vjp<Real>(v, {}, times, v), std::invalid_argument, "grad_times[1, 0] must be finite, got inf");
    v(1, 2) = Real(not_a_number);
    CHECK_THROWS(fire<Real>(v, {}, times), std::invalid_argument, "v[1, 2] is nan; voltages must be numbers");
}
