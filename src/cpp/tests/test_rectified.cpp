// Diodes that block.
#include "rcspike/rectified.h"

#include <algorithm>

#include "check.h"
#include "fixture.h"
#include "rcspike/charge.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

template <class Real>
struct Devices {
    Matrix<Real> g_plus, rail_plus, g_minus, rail_minus;

    Devices(std::size_t n_in, std::size_t n_out, double spread)
        : g_plus(uniform<Real>(n_in, n_out, 0, 2, 1)),
          rail_plus(uniform<Real>(n_in, n_out, 0.7 - spread, 0.7 + spread, 2)),
          g_minus(uniform<Real>(n_in, n_out, 0, 1, 3)),
          rail_minus(uniform<Real>(n_in, n_out, -0.7 - spread, -0.7 + spread, 4)) {}

    RectifiedSynapses<Real> view() const { return {g_plus, rail_plus, g_minus, rail_minus, {}, {}}; }
};

/// v(1) of one neuron in small steps of Euler's, from one sample's times.
template <class Real>
double stepped(const Devices<Real>& d, const Real* times, std::size_t i, int n_steps) {
    double v = 0;
    for (int step = 0; step < n_steps; ++step) {
        double current = 0;
        for (std::size_t j = 0; j < d.g_plus.rows; ++j) {
            if (times[j] * n_steps > step) continue;
            current += d.g_plus(j, i) * std::max(d.rail_plus(j, i) - v, 0.0);
            current -= d.g_minus(j, i) * std::max(v - d.rail_minus(j, i), 0.0);
        }
        v += current / n_steps;
    }
    return v;
}

}  // namespace

TEST_EACH_REAL(diodes_that_share_a_rail_never_block) {
    const Devices<Real> d(30, 21, 0);
    const Matrix<Real> times = tied_times<Real>(20, 30, 32, 5);
    Matrix<Real> drive(30, 21), conductance(30, 21), expected(20, 21), v(20, 21);
    for (std::size_t k = 0; k < drive.values.size(); ++k) {
        const Real p = d.g_plus.values[k], m = d.g_minus.values[k];
        drive.values[k] = p * d.rail_plus.values[k] + m * d.rail_minus.values[k];
        conductance.values[k] = p + m;
    }
    charge<Real>(Schedule<Real>(times), AffineSynapses<Real>{drive, conductance, {}, {}}, expected);
    charge<Real>(Schedule<Real>(times), d.view(), v, Threads::exactly(2));
    for (std::size_t k = 0; k < v.values.size(); ++k) CHECK_CLOSE(v.values[k], expected.values[k], 200 * eps<Real>);
}

TEST_EACH_REAL(diodes_of_their_own_rails_block_as_in_small_steps) {
    const Devices<Real> d(30, 21, 0.5);
    const Matrix<Real> times = tied_times<Real>(6, 30, 32, 6);
    Matrix<Real> v(6, 21), one(6, 21);
    charge<Real>(Schedule<Real>(times), d.view(), v, Threads::exactly(2));
    charge<Real>(Schedule<Real>(times), d.view(), one, Threads::exactly(1));
    CHECK(same_bits(v, one));
    for (std::size_t s = 0; s < 6; ++s) {
        // Euler's error is about the step times half the conductance of 30 synapses, over the rest of it.
        for (std::size_t i = 0; i < 21; ++i) CHECK_CLOSE(double(v(s, i)), stepped(d, times.row(s), i, 16384), 3e-3);
    }
}

TEST_EACH_REAL(impossible_arguments_are_rejected) {
    const Schedule<Real> schedule(tied_times<Real>(2, 3, 8, 1));
    const auto run = [&](const Devices<Real>& d) {
        Matrix<Real> v(2, d.g_plus.cols);
        charge<Real>(schedule, d.view(), v);
    };
    Devices<Real> d(3, 4, 0.1);
    run(d);
    d.g_minus(1, 2) = -1;
    CHECK_THROWS(run(d), std::invalid_argument, "g_minus[1, 2] must not be negative, got -1");
    d.g_minus(1, 2) = std::numeric_limits<Real>::max() / 64;
    d.rail_minus(1, 2) = 64;
    CHECK_THROWS(run(d), std::invalid_argument, "too large for its rail of 64");
    CHECK_THROWS(run(Devices<Real>(2, 4, 0.1)), std::invalid_argument, "g_plus must have shape (3, 4), got (2, 4)");
}
