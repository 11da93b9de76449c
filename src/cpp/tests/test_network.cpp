// Layers in series.
#include "rcspike/network.h"

#include <algorithm>

#include "check.h"
#include "fixture.h"
#include "rcspike/charge.h"
#include "rcspike/fire.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

template <class Real>
using Matrices = std::vector<Matrix<Real>>;

template <class Real>
std::vector<Span2<const Real>> views(const Matrices<Real>& matrices) {
    return {matrices.begin(), matrices.end()};
}

/// 12 - 17 - 9 - 4, strong enough that voltages lie on both sides of rest and threshold.
template <class Real>
Matrices<Real> weights() {
    return {uniform<Real>(12, 17, -2, 3, 1), uniform<Real>(17, 9, -2, 3, 2), uniform<Real>(9, 4, -2, 3, 3)};
}

const std::vector<Circuit> circuits{{1.5, -1.5, 0, 0}, {2, -1, 0.2, 0.5}, Circuit::conventional()};

template <class Real>
Matrix<Real> forward(const Matrices<Real>& weights, const Circuit& circuit, const Matrix<Real>& times,
                     const Matrices<Real>& noise = {}, int threads = 1) {
    Matrix<Real> v(times.rows, weights.back().cols);
    Network<Real>(views(weights), circuit).forward(Schedule<Real>(times), views(noise), v, Threads::exactly(threads));
    return v;
}

/// Voltages that are read as spikes later by some noise.
template <class Real>
Matrix<Real> delayed(Matrix<Real> v, const Matrix<Real>& noise, const Circuit& circuit) {
    Matrix<Real> times = v;
    if (circuit.ramp != 0) readout_times<Real>(v, circuit, times);
    for (std::size_t i = 0; i < v.values.size(); ++i)
        times.values[i] += circuit.ramp == 0 ? -noise.values[i] : noise.values[i];
    if (circuit.ramp == 0) return times;
    readout_voltages<Real>(times, circuit, v);
    return v;
}

/// The same by the functions for one layer.
template <class Real>
Matrix<Real> layer_by_layer(const Matrices<Real>& weights, const Circuit& circuit, Matrix<Real> times,
                            const Matrices<Real>& noise = {}) {
    for (std::size_t l = 0;; ++l) {
        Matrix<Real> v(times.rows, weights[l].cols);
        charge<Real>(Schedule<Real>(times), weights[l], circuit, v);
        if (l + 1 == weights.size()) return noise.empty() ? v : delayed(v, noise[l], circuit);
        times = v;
        fire<Real>(v, circuit, times);
        for (std::size_t i = 0; i < times.values.size() && !noise.empty(); ++i) {
            times.values[i] = std::max(times.values[i] + noise[l].values[i], Real(0));
        }
    }
}

template <class Real>
Matrices<Real> noise(std::size_t batch, double size) {
    Matrices<Real> all;
    for (const Matrix<Real>& w : weights<Real>()) all.push_back(uniform<Real>(batch, w.cols, -size, size, w.cols));
    return all;
}

}  // namespace

TEST_EACH_REAL(a_network_is_its_layers_one_after_the_other) {
    for (const Circuit& circuit : circuits) {
        for (const std::size_t batch : {1, 7, 40}) {
            const Matrix<Real> times = tied_times<Real>(batch, 12, 32, batch);
            CHECK(same_bits(forward(weights<Real>(), circuit, times), layer_by_layer(weights<Real>(), circuit, times)));
        }
    }
}

TEST_EACH_REAL(noise_moves_spike_times_but_never_before_the_phase) {
    const Matrix<Real> times = tied_times<Real>(20, 12, 32, 1);
    for (const double size : {0.01, 0.8}) {
        const Matrices<Real> shifts = noise<Real>(20, size);
        for (const Circuit& circuit : circuits) {
            const Matrix<Real> v = forward(weights<Real>(), circuit, times, shifts);
            const Matrix<Real> expected = layer_by_layer(weights<Real>(), circuit, times, shifts);
            // On a nonlinear ramp the functions for one layer round times and voltages, of sizes below 4, on the way.
            const Real tolerance = circuit.ramp == 0 ? Real(0) : 32 * eps<Real>;
            for (std::size_t i = 0; i < v.values.size(); ++i) CHECK_CLOSE(v.values[i], expected.values[i], tolerance);
            CHECK(!same_bits(v, forward(weights<Real>(), circuit, times)));
        }
    }
}

TEST_EACH_REAL(noise_of_the_last_layer_delays_its_spikes) {
    const Matrix<Real> times(1, 1), w(1, 1, {Real(0.5)}), later(1, 1, {Real(0.125)});
    CHECK_EQUAL(forward<Real>({w}, Circuit::conventional(), times, {later})(0, 0), Real(0.375));
}

TEST_EACH_REAL(noise_wakes_no_silent_neuron) {
    const Matrix<Real> times(1, 1), w(1, 1, {-1}), one(1, 1, {1}), early(1, 1, {-100}), none(1, 1);
    CHECK_EQUAL(forward<Real>({w, one}, {}, times, {early, none})(0, 0), Real(0));
}

TEST_EACH_REAL(the_number_of_threads_changes_no_bit) {
    const Matrix<Real> times = tied_times<Real>(50, 12, 32, 1);
    const Matrices<Real> shifts = noise<Real>(50, 0.01);
    const Matrix<Real> one = forward(weights<Real>(), circuits[0], times, shifts);
    CHECK(same_bits(one, forward(weights<Real>(), circuits[0], times, shifts, 2)));
    CHECK(same_bits(one, forward(weights<Real>(), circuits[0], times, shifts, 5)));
}

TEST_EACH_REAL(a_network_gives_its_weights_back) {
    const Matrices<Real> given = weights<Real>();
    Network<Real> first(views(given), circuits[1]);
    const Network<Real> network(std::move(first));
    CHECK_EQUAL(network.n_layers(), 3u);
    CHECK_EQUAL(network.n_in(), 12u);
    CHECK_EQUAL(network.circuit().ramp, 0.5);
    for (std::size_t l = 0; l < 3; ++l) {
        CHECK_EQUAL(network.n_in(l), given[l].rows);
        CHECK_EQUAL(network.n_out(l), given[l].cols);
        Matrix<Real> back(given[l].rows, given[l].cols);
        network.weights(l, back);
        CHECK(same_bits(back, given[l]));
    }
}

TEST_EACH_REAL(an_empty_batch_needs_nothing_special) {
    CHECK_EQUAL(forward(weights<Real>(), {}, Matrix<Real>(0, 12)).values.size(), 0u);
    CHECK_EQUAL(forward(weights<Real>(), {}, Matrix<Real>(0, 12), noise<Real>(0, 1), 3).values.size(), 0u);
}

TEST_EACH_REAL(weights_that_cannot_be_a_network_are_rejected) {
    const auto make = [](const Matrices<Real>& w) { return Network<Real>(views(w), {}); };
    CHECK_THROWS(make({}), std::invalid_argument, "a network needs at least one layer");
    CHECK_THROWS(make({Matrix<Real>(3, 4), Matrix<Real>(5, 2)}), std::invalid_argument,
                 "weights[1] must have shape (4, 2), got (5, 2)");
    CHECK_THROWS(make({Matrix<Real>(3, 0)}), std::invalid_argument, "weights[0] is empty, got shape (3, 0)");
    CHECK_THROWS(make({Matrix<Real>(1, 2), Matrix<Real>(2, 1, {0, Real(inf)})}), std::invalid_argument,
                 "weights[1][1, 0] must be finite, got inf");
    CHECK_THROWS(Network<Real>(views(weights<Real>()), Circuit{1, 1, 0, 0}), std::invalid_argument,
                 "e_minus must be below");
    CHECK_THROWS(make(weights<Real>()).n_out(3), std::out_of_range, "");
    Matrix<Real> wrong(3, 3);
    CHECK_THROWS(make(weights<Real>()).weights(0, wrong), std::invalid_argument,
                 "weights must have shape (12, 17), got (3, 3)");
}

TEST_EACH_REAL(input_that_does_not_fit_is_rejected) {
    const Matrix<Real> times(5, 12);
    CHECK_THROWS(forward(weights<Real>(), {}, Matrix<Real>(5, 11)), std::invalid_argument,
                 "times must have shape (batch, 12), got (5, 11)");
    CHECK_THROWS(forward(weights<Real>(), {}, times, {Matrix<Real>(5, 17)}), std::invalid_argument,
                 "noise must be given for all 3 layers, got 1");
    CHECK_THROWS(forward(weights<Real>(), {}, times, noise<Real>(4, 1)), std::invalid_argument,
                 "noise must have shape (5, 17), got (4, 17)");
    Matrices<Real> bad = noise<Real>(5, 1);
    bad[2](4, 3) = Real(not_a_number);
    CHECK_THROWS(forward(weights<Real>(), {}, times, bad), std::invalid_argument, "noise[4, 3] must be finite");
    Matrix<Real> v(5, 3);
    CHECK_THROWS(Network<Real>(views(weights<Real>()), {}).forward(Schedule<Real>(times), {}, v), std::invalid_argument,
                 "v must have shape (5, 4), got (5, 3)");
    for (const double t : {-1e-9, -0.5, -1.0, -inf, not_a_number}) {
        Matrix<Real> early(5, 12), out(5, 4);
        early(3, 2) = Real(t);
        CHECK_THROWS(Network<Real>(views(weights<Real>()), {}).forward(early, {}, out), std::invalid_argument,
                     "times[3, 2] is ");
    }
}

TEST_EACH_REAL(weights_whose_sums_could_overflow_are_rejected) {
    const Real large = std::numeric_limits<Real>::max() / 9;  // two of them fit into the allowed quarter, three do not
    const Matrices<Real> two{Matrix<Real>(1, 2, {1, 1}), Matrix<Real>(2, 1, {large, large})};
    CHECK(std::isfinite(forward(two, Circuit::conventional(), Matrix<Real>(1, 1))(0, 0)));
    const Matrices<Real> three{Matrix<Real>(1, 3, {1, 1, 1}), Matrix<Real>(3, 1, {0, large, large})};
    CHECK_THROWS(forward(three, Circuit::conventional(), Matrix<Real>(1, 1)), std::invalid_argument,
                 "weights[1][1, 0] is ");
}
