// Voltages at the end of the charging phase.
#include "rcspike/charge.h"

#include <algorithm>

#include "check.h"
#include "fixture.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

template <class Real>
struct Affine {
    Matrix<Real> drive, conductance, drive0, conductance0;

    AffineSynapses<Real> synapses() const { return {drive, conductance, drive0, conductance0}; }
};

/// D and G of resistive synapses, and nothing that is on from the start (docs/model.md).
template <class Real>
Affine<Real> affine(const Matrix<Real>& weights, const Circuit& circuit) {
    Affine<Real> a{weights, weights, {1, weights.cols}, {1, weights.cols}};
    for (std::size_t i = 0; i < weights.values.size(); ++i) {
        const double w = weights.values[i];
        const double rail = w >= 0 ? circuit.e_plus : -circuit.e_minus;
        a.drive.values[i] = static_cast<Real>(w * (1 - circuit.diode_drop / rail));
        a.conductance.values[i] = static_cast<Real>(std::abs(w) / rail);
    }
    return a;
}

/// One neuron of one sample, spike by spike in long double. `largest` is the sum of its charges without their
/// signs.
template <class Real>
long double voltage(const Matrix<Real>& times, std::size_t sample, const Affine<Real>& synapses, std::size_t neuron,
                    long double& largest) {
    std::vector<std::pair<long double, std::size_t>> spikes;
    for (std::size_t j = 0; j < times.cols; ++j) {
        if (times(sample, j) <= 1) spikes.emplace_back(times(sample, j), j);
    }
    std::sort(spikes.begin(), spikes.end());
    long double v = 0, now = 0, A = synapses.drive0(0, neuron), B = synapses.conductance0(0, neuron);
    const auto until = [&](long double t) {
        const long double x = B * (t - now);
        v = v * std::exp(-x) + A * (t - now) * (x > 0 ? -std::expm1(-x) / x : 1);
        now = t;
    };
    largest = std::abs(A);
    for (const auto& [t, j] : spikes) {
        until(t);
        A += synapses.drive(j, neuron);
        B += synapses.conductance(j, neuron);
        largest += std::abs(static_cast<long double>(synapses.drive(j, neuron)));
    }
    until(1);
    return v;
}

/// n additions are off by at most n eps/2 of all charges without their signs, in A and again in B, where the voltage
/// follows at most as much; each interval's step adds up to 8 roundings of half an eps. Twice that for good measure.
template <class Real>
void check_all(const Matrix<Real>& v, const Matrix<Real>& times, const Affine<Real>& synapses) {
    const long double n = static_cast<long double>(times.cols + 1);
    for (std::size_t s = 0; s < v.rows; ++s) {
        for (std::size_t i = 0; i < v.cols; ++i) {
            long double largest = 0;
            const long double exact = voltage(times, s, synapses, i, largest);
            CHECK_CLOSE(v(s, i), exact, 10 * n * eps<Real> * largest);
        }
    }
}

const std::vector<Circuit> circuits{{1, -1, 0, 0},       {0.3, -0.3, 0.1, 0}, {100, -100, 0, 0},      {2, -0.5, 0.2, 0},
                                    {0.05, -3, 0.01, 0}, {inf, -1, 0.3, 0},   Circuit::conventional()};

template <class Real>
Matrix<Real> charged(const Matrix<Real>& times, const Matrix<Real>& weights, const Circuit& circuit, int threads = 1) {
    Matrix<Real> v(times.rows, weights.cols);
    charge<Real>(Schedule<Real>(times), weights, circuit, v, Threads::exactly(threads));
    return v;
}

}  // namespace

TEST_EACH_REAL(one_synapse_charges_towards_its_rail) {
    // Relaxation, a reduction of the weight to its conductance and one product: 8 ulp.
    for (const double t : {0.0, 0.125, 0.5, 1.0}) {
        for (const double w : {0.01, 0.7, 3.0, 40.0, -0.01, -0.7, -3.0, -40.0}) {
            const Circuit circuit{1.5, -0.75, 0.25, 0};
            const Matrix<Real> v = charged(Matrix<Real>(1, 1, {Real(t)}), Matrix<Real>(1, 1, {Real(w)}), circuit);
            const long double rail = w > 0 ? 1.5L : -0.75L,
                              end = w > 0 ? 1.25L : -0.5L;  // a diode drop before the rail
            const long double exact = -end * std::expm1(-Real(w) / rail * (1 - t));
            CHECK_CLOSE(v(0, 0), exact, 8 * eps<Real> * std::abs(exact));
        }
    }
}

TEST_EACH_REAL(opposite_synapses_settle_between_their_rails) {
    // A = 2 - 6 = -4, B = 2/2 + 6/0.5 = 13.
    const Matrix<Real> v = charged(Matrix<Real>(1, 2), Matrix<Real>(2, 1, {2, -6}), {2, -0.5, 0, 0});
    CHECK_CLOSE(v(0, 0), 4 * std::expm1(-13.0L) / 13, 4 * eps<Real>);
}

TEST_EACH_REAL(a_conventional_circuit_is_a_matrix_product) {
    for (const std::size_t n_out : {1, 3, 8, 15, 16, 17, 33}) {
        for (const std::size_t batch : {1, 2, 7, 8, 9, 64}) {
            const Matrix<Real> times = tied_times<Real>(batch, 30, 256, batch);
            const Matrix<Real> weights = uniform<Real>(30, n_out, -1, 1, n_out);
            const Matrix<Real> v = charged(times, weights, Circuit::conventional(), 2);
            for (std::size_t s = 0; s < batch; ++s) {
                for (std::size_t i = 0; i < n_out; ++i) {
                    long double product = 0, largest = 0;
                    for (std::size_t j = 0; j < 30; ++j) {
                        if (times(s, j) > 1) continue;
                        product += weights(j, i) * (1 - static_cast<long double>(times(s, j)));
                        largest += std::abs(weights(j, i));
                    }
                    CHECK_CLOSE(v(s, i), product, 2 * 30 * eps<Real> * largest);
                }
            }
        }
    }
}

TEST_EACH_REAL(voltages_agree_with_the_solution_in_long_double) {
    for (const Circuit& circuit : circuits) {
        for (const std::size_t batch : {1, 9, 40}) {
            const Matrix<Real> times = tied_times<Real>(batch, 50, 64, batch);
            const Matrix<Real> weights = uniform<Real>(50, 21, -2, 2, 3);
            check_all(charged(times, weights, circuit), times, affine(weights, circuit));
        }
    }
}

TEST_EACH_REAL(affine_synapses_agree_with_the_solution_in_long_double) {
    for (const double leak : {0.0, 0.5, 30.0}) {
        const Matrix<Real> times = tied_times<Real>(11, 40, 64, 5);
        const Affine<Real> a{uniform<Real>(40, 19, -1, 1, 1), uniform<Real>(40, 19, 0, 0.5, 2),
                             uniform<Real>(1, 19, -1, 1, 3), uniform<Real>(1, 19, 0, leak, 4)};
        Matrix<Real> v(11, 19);
        charge<Real>(Schedule<Real>(times), a.synapses(), v);
        check_all(v, times, a);
    }
}

TEST_EACH_REAL(a_bias_and_a_leak_act_from_the_start_without_any_spike) {
    const Matrix<Real> silent(3, 2, std::vector<Real>(6, Real(inf)));
    const Matrix<Real> none(2, 5), bias(1, 5, {3, -3, 1, 0, 2}), leak(1, 5, {2, 2, 0, 5, 1000});
    Matrix<Real> v(3, 5);
    charge<Real>(Schedule<Real>(silent), AffineSynapses<Real>{none, none, bias, leak}, v);
    for (std::size_t s = 0; s < 3; ++s) {
        CHECK_CLOSE(v(s, 0), -1.5L * std::expm1(-2.0L), 6 * eps<Real>);
        CHECK_EQUAL(v(s, 1), -v(s, 0));
        CHECK_EQUAL(v(s, 2), Real(1));
        CHECK_EQUAL(v(s, 3), Real(0));
        CHECK_CLOSE(v(s, 4), 2e-3L, 6 * eps<Real> * 2e-3L);
    }
}

TEST_EACH_REAL(a_missing_bias_or_leak_is_zero) {
    const Schedule<Real> schedule(uniform<Real>(4, 6, 0, 1, 1));
    const Matrix<Real> drive = uniform<Real>(6, 5, -1, 1, 2), conductance = uniform<Real>(6, 5, 0, 1, 3), zero(1, 5);
    Matrix<Real> with(4, 5), without(4, 5);
    charge<Real>(schedule, AffineSynapses<Real>{drive, conductance, zero, zero}, with);
    charge<Real>(schedule, AffineSynapses<Real>{drive, conductance, {}, {}}, without);
    CHECK(same_bits(with, without));
}

TEST_EACH_REAL(no_charge_flows_without_a_spike_or_after_the_end) {
    const Matrix<Real> v =
        charged(Matrix<Real>(2, 2, {Real(inf), 5, 1, 1}), Matrix<Real>(2, 3, {1, -1, 5, 2, 9, -4}), {});
    CHECK(std::all_of(v.values.begin(), v.values.end(), [](Real value) { return value == 0; }));
}

TEST_EACH_REAL(splitting_a_synapse_changes_nothing) {
    // Halves are exact, so only the order of additions differs: once more as large a tolerance as between any two
    // orders.
    const Matrix<Real> times = uniform<Real>(5, 10, 0, 1, 1), weights = uniform<Real>(10, 7, -1, 1, 2);
    Matrix<Real> twice_times(5, 20), half_weights(20, 7);
    for (std::size_t j = 0; j < 20; ++j) {
        for (std::size_t s = 0; s < 5; ++s) twice_times(s, j) = times(s, j % 10);
        for (std::size_t i = 0; i < 7; ++i) half_weights(j, i) = weights(j % 10, i) / 2;
    }
    for (const Circuit& circuit : circuits) {
        const Matrix<Real> whole = charged(times, weights, circuit),
                           halves = charged(twice_times, half_weights, circuit);
        for (std::size_t i = 0; i < whole.values.size(); ++i) {
            CHECK_CLOSE(halves.values[i], whole.values[i], 2 * 10 * 20 * eps<Real> * 10);
        }
    }
}

TEST_EACH_REAL(the_number_of_threads_changes_no_bit) {
    for (const std::size_t batch : {1, 30}) {
        const Matrix<Real> times = tied_times<Real>(batch, 300, 64, 1), weights = uniform<Real>(300, 77, -0.1, 0.1, 2);
        for (const Circuit& circuit : {Circuit{}, Circuit{2, -1, 0, 0}}) {
            const Matrix<Real> one = charged(times, weights, circuit, 1);
            CHECK(same_bits(one, charged(times, weights, circuit, 2)));
            CHECK(same_bits(one, charged(times, weights, circuit, 5)));
        }
    }
}

TEST_EACH_REAL(a_sample_does_not_depend_on_its_batch) {
    const Matrix<Real> times = tied_times<Real>(37, 60, 64, 1), weights = uniform<Real>(60, 21, -1, 1, 2);
    const Matrix<Real> all = charged(times, weights, {});
    for (std::size_t s = 0; s < times.rows; ++s) {
        const Matrix<Real> own(1, 60, {times.row(s), times.row(s) + 60});
        CHECK(same_bits(charged(own, weights, {}), Matrix<Real>(1, 21, {all.row(s), all.row(s) + 21})));
    }
}

// Weights of very different size, so that of neighbouring neurons one needs the closed form and the other does not.
TEST_EACH_REAL(a_neuron_does_not_depend_on_its_neighbours) {
    const Matrix<Real> times = tied_times<Real>(5, 20, 64, 1);
    Matrix<Real> weights = uniform<Real>(20, 35, -1, 1, 2);
    for (std::size_t j = 0; j < 20; ++j) {
        for (std::size_t i = 0; i < 35; i += 3) weights(j, i) *= 100;
    }
    for (const Circuit& circuit : {Circuit{}, Circuit{2, -1, 0, 0}}) {
        const Matrix<Real> all = charged(times, weights, circuit);
        for (std::size_t i = 0; i < 35; ++i) {
            Matrix<Real> column(20, 1), own(5, 1);
            for (std::size_t j = 0; j < 20; ++j) column(j, 0) = weights(j, i);
            for (std::size_t s = 0; s < 5; ++s) own(s, 0) = all(s, i);
            CHECK(same_bits(charged(times, column, circuit), own));
        }
    }
}

TEST_EACH_REAL(nothing_to_do_is_done) {
    CHECK_EQUAL(charged(Matrix<Real>(0, 4), uniform<Real>(4, 3, -1, 1, 1), {}).values.size(), 0u);
    CHECK_EQUAL(charged(uniform<Real>(5, 4, 0, 1, 1), Matrix<Real>(4, 0), {}).values.size(), 0u);
    const Matrix<Real> v = charged(Matrix<Real>(5, 0), Matrix<Real>(0, 3), {});
    CHECK(std::all_of(v.values.begin(), v.values.end(), [](Real value) { return value == 0; }));
}
