// Spike lines that share a row of synapses, against the same network with the earliest times picked by hand.
#include <algorithm>

#include "check.h"
#include "fixture.h"
#include "rcspike/fire.h"
#include "rcspike/layer.h"
#include "rcspike/network.h"
#include "rcspike/trainer.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

constexpr std::size_t batch = 6, n_in = 12, window = 3, n_rows = n_in / window, n_out = 5;
const Circuit circuit{1.5, -1.5, 0, 0};

/// The first spike of each window, and the input that it comes from.
template <class Real>
struct First {
    Matrix<Real> times;
    std::vector<std::size_t> input;

    explicit First(const Matrix<Real>& all, std::size_t size)
        : times(all.rows, all.cols / size), input(all.rows * times.cols) {
        for (std::size_t s = 0; s < all.rows; ++s) {
            for (std::size_t r = 0; r < times.cols; ++r) {
                const Real* row = all.row(s) + r * size;
                const Real* first = std::min_element(row, row + size);
                times(s, r) = *first;
                input[s * times.cols + r] = static_cast<std::size_t>(first - all.row(s));
            }
        }
    }
};

template <class Real>
std::vector<Matrix<Real>> weights_of(const std::vector<std::size_t>& rows, const std::vector<std::size_t>& cols) {
    std::vector<Matrix<Real>> all;
    for (std::size_t l = 0; l < rows.size(); ++l) all.push_back(uniform<Real>(rows[l], cols[l], -0.5, 1, 7 + l));
    return all;
}

template <class Real>
std::vector<Span2<const Real>> views(const std::vector<Matrix<Real>>& matrices) {
    return {matrices.begin(), matrices.end()};
}

}  // namespace

TEST_EACH_REAL(a_row_conducts_from_the_first_spike_of_its_window_on) {
    const Matrix<Real> weights = uniform<Real>(n_rows, n_out, -1, 1, 1), grad_v = uniform<Real>(batch, n_out, -1, 1, 2);
    for (const std::uint64_t seed : {3, 4, 5}) {
        const Matrix<Real> times = tied_times<Real>(batch, n_in, 4, seed);
        const First<Real> first(times, window);
        Matrix<Real> v(batch, n_out), expected(batch, n_out);
        const Layer<Real> joined(weights, circuit, FirstSpike{window}), dense(weights, circuit);
        CHECK_EQUAL(joined.n_in(), n_in);
        joined.charge(Schedule<Real>(times), v);
        dense.charge(Schedule<Real>(first.times), expected);
        CHECK(same_bits(v, expected));

        Matrix<Real> grad_w(n_rows, n_out), expected_w(n_rows, n_out);
        Matrix<Real> grad_t(batch, n_in), expected_t(batch, n_rows), spread(batch, n_in);
        joined.charge_vjp(Schedule<Real>(times), grad_v, grad_t, grad_w);
        dense.charge_vjp(Schedule<Real>(first.times), grad_v, expected_t, expected_w);
        for (std::size_t s = 0; s < batch; ++s) {
            for (std::size_t r = 0; r < n_rows; ++r) spread(s, first.input[s * n_rows + r]) = expected_t(s, r);
        }
        CHECK(same_bits(grad_w, expected_w));
        CHECK(same_bits(grad_t, spread));
    }
}

TEST_EACH_REAL(networks_pass_the_first_spikes_of_hidden_windows_on) {
    const auto weights = weights_of<Real>({n_in / 2, 8 / 4}, {8, n_out});
    const Network<Real> network(views(weights), circuit, {FirstSpike{2}, FirstSpike{4}});
    CHECK_EQUAL(network.n_in(), n_in);
    const Matrix<Real> times = tied_times<Real>(batch, n_in, 5, 11);
    Matrix<Real> v(batch, n_out), from_times(batch, n_out), hidden(batch, 8), fired(batch, 8), expected(batch, n_out);
    network.forward(Schedule<Real>(times), {}, v);
    network.forward(times, {}, from_times);
    CHECK(same_bits(v, from_times));
    charge<Real>(Schedule<Real>(First<Real>(times, 2).times), weights[0], circuit, hidden);
    fire<Real>(hidden, circuit, fired);
    charge<Real>(Schedule<Real>(First<Real>(fired, 4).times), weights[1], circuit, expected);
    CHECK(same_bits(v, expected));
}

// One step of Adam from moments of 0 moves every weight by learning_rate against the sign of its gradient, which the
// loss itself shows.
TEST_EACH_REAL(training_steps_against_the_gradient_through_the_windows) {
    auto weights = weights_of<Real>({n_in / 2, 8 / 4}, {8, n_out});
    const std::vector<Wiring> wiring{FirstSpike{2}, FirstSpike{4}};
    const Matrix<Real> times = uniform<Real>(batch, n_in, 0, 1, 21);
    const Schedule<Real> schedule(times);
    const std::vector<std::int64_t> samples{0, 1, 2, 3, 4, 5}, labels{0, 1, 2, 3, 4, 0};
    const auto loss = [&](Trainer<Real>& trainer, double rate) {
        return trainer.step(schedule, {samples.data(), batch}, {labels.data(), batch}, {}, rate).loss;
    };
    Trainer<Real> trainer(Network<Real>(views(weights), circuit, wiring), Loss{});
    double before = loss(trainer, 1e-3), last = before;
    for (int step = 0; step < 40; ++step) last = loss(trainer, 1e-3);
    CHECK(last < 0.9 * before);
    if (sizeof(Real) == sizeof(double)) {
        // Central differences over one weight of each layer, against the sign of its first move.
        Trainer<Real> fresh(Network<Real>(views(weights), circuit, wiring), Loss{});
        loss(fresh, 1e-3);
        for (std::size_t l = 0; l < 2; ++l) {
            Matrix<Real> moved(weights[l].rows, weights[l].cols);
            fresh.network().weights(l, moved);
            for (const std::size_t i : {0, 3, 9}) {
                const Real here = weights[l].values[i];
                double at[2];
                for (int side = 0; side < 2; ++side) {
                    weights[l].values[i] = here + static_cast<Real>(side == 0 ? -1e-5 : 1e-5);
                    Trainer<Real> probe(Network<Real>(views(weights), circuit, wiring), Loss{});
                    at[side] = loss(probe, 0);
                }
                weights[l].values[i] = here;
                const double slope = (at[1] - at[0]) / 2e-5, move = double(moved.values[i]) - double(here);
                if (std::abs(slope) > 1e-6) CHECK(slope * move < 0);
            }
        }
    }
}

TEST_EACH_REAL(windows_that_do_not_fit_are_errors) {
    const auto weights = weights_of<Real>({6, 2}, {8, n_out});
    const auto make = [&](const std::vector<Wiring>& wiring) { Network<Real>(views(weights), circuit, wiring); };
    CHECK_THROWS(make({FirstSpike{2}, FirstSpike{3}}), std::invalid_argument,
                 "window must divide the 8 inputs of its layer, got 3");
    CHECK_THROWS(make({FirstSpike{0}, FirstSpike{4}}), std::invalid_argument, "window must be at least 1, got 0");
    CHECK_THROWS(make({FirstSpike{2}, FirstSpike{2}}), std::invalid_argument,
                 "weights[1] must have shape (4, 5), got (2, 5)");
    CHECK_THROWS(make({FirstSpike{2}}), std::invalid_argument, "wiring must be given for all 2 layers or for none");
}
