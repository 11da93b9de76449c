// Voltages within the charging phase.
#include "rcspike/trace.h"

#include <algorithm>

#include "check.h"
#include "fixture.h"
#include "layers.h"
#include "rcspike/charge.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

template <class Real>
Matrix<Real> traced(const Matrix<Real>& times, const Matrix<Real>& weights, const Circuit& circuit,
                    const std::vector<Real>& at, int threads = 1) {
    Matrix<Real> v(times.rows, weights.cols * at.size());
    trace<Real>(Schedule<Real>(times), weights, circuit, {at.data(), at.size()}, v, Threads::exactly(threads));
    return v;
}

template <class Real>
const std::vector<Real> unsorted{Real(0.75), 0, 1, Real(0.25), Real(0.5), Real(0.5), Real(0.1), Real(0.9999)};

}  // namespace

TEST_EACH_REAL(one_synapse_follows_its_exponential) {
    const Real w = 2, rail = Real(0.5), t = Real(0.25);
    const Matrix<Real> v = traced(Matrix<Real>(1, 1, {t}), Matrix<Real>(1, 1, {w}), {rail, -1, 0, 0}, unsorted<Real>);
    for (std::size_t i = 0; i < unsorted<Real>.size(); ++i) {
        const long double since = std::max<long double>(unsorted<Real>[i] - static_cast<long double>(t), 0);
        const long double exact = -rail * std::expm1(-w / rail * since);
        CHECK_CLOSE(v(0, i), exact, 6 * eps<Real> * exact);
    }
}

TEST_EACH_REAL(a_conventional_circuit_rises_in_straight_lines) {
    const Matrix<Real> times = tied_times<Real>(5, 12, 8, 1), weights = uniform<Real>(12, 19, -1, 1, 2);
    const std::vector<Real>& at = unsorted<Real>;
    const Matrix<Real> v = traced(times, weights, Circuit::conventional(), at);
    for (std::size_t s = 0; s < 5; ++s) {
        for (std::size_t i = 0; i < 19; ++i) {
            for (std::size_t k = 0; k < at.size(); ++k) {
                long double exact = 0;
                for (std::size_t j = 0; j < 12; ++j)
                    exact += weights(j, i) * std::max<long double>(at[k] - times(s, j), 0);
                CHECK_CLOSE(v(s, i * at.size() + k), exact, 2 * 12 * 12 * eps<Real>);
            }
        }
    }
}

TEST_EACH_REAL(a_trace_begins_at_rest_and_ends_as_charging_does) {
    const Matrix<Real> times = tied_times<Real>(7, 30, 16, 1), weights = uniform<Real>(30, 21, -1, 1, 2);
    for (const Circuit& circuit : {Circuit{}, Circuit{2, -0.2, 0.1, 0}, Circuit::conventional()}) {
        const Matrix<Real> v = traced(times, weights, circuit, {1, 0});
        Matrix<Real> end(7, 21);
        charge<Real>(Schedule<Real>(times), weights, circuit, end);
        for (std::size_t i = 0; i < end.values.size(); ++i) {
            CHECK_CLOSE(v.values[2 * i], end.values[i], 2 * eps<Real>);
            CHECK_EQUAL(v.values[2 * i + 1], Real(0));
        }
    }
}

// v(t) is the end of a phase that is cut off at t: times in units of t and weights in units of 1/t. Powers of two, so
// that scaling is exact; only the last interval differs.
TEST_EACH_REAL(a_trace_is_the_end_of_a_shorter_phase) {
    const Matrix<Real> times = tied_times<Real>(6, 30, 64, 1), weights = uniform<Real>(30, 9, -1, 1, 2);
    for (const Real t : {Real(0.5), Real(0.25), Real(0.125)}) {
        Matrix<Real> scaled_times = times, scaled_weights = weights, v(6, 9);
        for (Real& time : scaled_times.values) time /= t;
        for (Real& w : scaled_weights.values) w *= t;
        charge<Real>(Schedule<Real>(scaled_times), scaled_weights, Circuit{}, v);
        const Matrix<Real> at = traced(times, weights, {}, {t});
        for (std::size_t i = 0; i < v.values.size(); ++i) CHECK_CLOSE(at.values[i], v.values[i], 2 * 30 * eps<Real>);
    }
}

TEST_EACH_REAL(a_trace_does_not_jump_where_a_spike_arrives) {
    const Matrix<Real> times(1, 3, {Real(0.25), Real(0.5), Real(0.5)}), weights(3, 2, {3, -1, 8, 2, -1, -6});
    for (const Real t : {Real(0.25), Real(0.5)}) {
        const Matrix<Real> v = traced(times, weights, {}, {std::nextafter(t, Real(0)), t, std::nextafter(t, Real(1))});
        for (std::size_t i = 0; i < 6; i += 3) {
            CHECK_CLOSE(v(0, i), v(0, i + 1), 14 * eps<Real>);  // currents of at most 14 for one ulp of time
            CHECK_CLOSE(v(0, i + 2), v(0, i + 1), 14 * eps<Real>);
        }
    }
}

TEST_EACH_REAL(neither_the_order_of_times_nor_the_threads_change_a_bit) {
    const Matrix<Real> times = tied_times<Real>(20, 60, 64, 1), weights = uniform<Real>(60, 19, -1, 1, 2);
    std::vector<Real> at = unsorted<Real>;
    const Matrix<Real> v = traced(times, weights, {}, at);
    CHECK(same_bits(v, traced(times, weights, {}, at, 2)));
    CHECK(same_bits(v, traced(times, weights, {}, at, 5)));
    std::reverse(at.begin(), at.end());
    const Matrix<Real> reversed = traced(times, weights, {}, at);
    for (std::size_t row = 0; row < 20 * 19; ++row) {
        for (std::size_t k = 0; k < at.size(); ++k) {
            CHECK_EQUAL(reversed.values[row * at.size() + k], v.values[row * at.size() + at.size() - 1 - k]);
        }
    }
}

TEST_EACH_REAL(what_does_not_fit_is_rejected) {
    const Matrix<Real> times(2, 3), weights(3, 4);
    const auto at = [&](double t) { return traced(times, weights, {}, {Real(0.5), static_cast<Real>(t)}); };
    CHECK_THROWS(at(-0.25), std::invalid_argument, "at[1] must lie in the charging phase [0, 1], got -0.25");
    CHECK_THROWS(at(1.25), std::invalid_argument, "at[1] must lie in the charging phase [0, 1], got 1.25");
    CHECK_THROWS(at(not_a_number), std::invalid_argument, "at[1] must lie in the charging phase [0, 1], got nan");
    CHECK_THROWS(traced(times, Matrix<Real>(2, 4), {}, {0}), std::invalid_argument,
                 "weights must have shape (3, 4), got (2, 4)");
    Matrix<Real> v(2, 4);
    const Matrix<Real> two(1, 2);
    CHECK_THROWS(trace<Real>(Schedule<Real>(times), weights, {}, two, v), std::invalid_argument,
                 "v must have shape (2, 8), got (2, 4)");
    CHECK_EQUAL(traced(times, weights, {}, {}).values.size(), 0u);
}
