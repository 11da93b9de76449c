// A network and its gradient, against the same layers run one by one through the functions of the library.
#include "rcspike/network_pass.h"

#include <algorithm>
#include <cmath>

#include "check.h"
#include "fixture.h"
#include "rcspike/charge.h"
#include "rcspike/fire.h"
#include "rcspike/first_spike.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

constexpr std::size_t batch = 9;
const std::vector<std::size_t> sizes{12, 33, 8, 3};
const Circuit curved{1.5, -0.75, 0.05, 0.3};
constexpr double max_slope = 50;

template <class Real>
std::vector<Span2<const Real>> views(const std::vector<Matrix<Real>>& matrices) {
    return {matrices.begin(), matrices.end()};
}

template <class Real>
std::vector<Matrix<Real>> weights(double scale, std::uint64_t seed) {
    std::vector<Matrix<Real>> all;
    for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
        all.push_back(uniform<Real>(sizes[l], sizes[l + 1], -0.5 * scale, scale, seed + l));
    }
    return all;
}

template <class Real>
std::vector<Matrix<Real>> noise(double scale) {
    std::vector<Matrix<Real>> all;
    for (std::size_t l = 1; l < sizes.size(); ++l) all.push_back(uniform<Real>(batch, sizes[l], -scale, scale, 70 + l));
    return all;
}

template <class Real>
struct Gradients {
    Matrix<Real> times{batch, sizes[0]};
    std::vector<Matrix<Real>> weights;

    Gradients() {
        for (std::size_t l = 0; l + 1 < sizes.size(); ++l) weights.emplace_back(sizes[l], sizes[l + 1]);
    }
    std::vector<Span2<Real>> views() { return {weights.begin(), weights.end()}; }
};

/// Spikes of a hidden layer with noise: not before the start of the phase.
template <class Real>
void delay(Matrix<Real>& times, const Matrix<Real>& shift) {
    for (std::size_t i = 0; i < times.values.size(); ++i) {
        times.values[i] = std::max(times.values[i] + shift.values[i], Real(0));
    }
}

/// Gradients of two phases without noise in the last layer, one layer after the other.
template <class Real>
Gradients<Real> one_by_one(const Matrix<Real>& times, const std::vector<Matrix<Real>>& w,
                           const std::vector<Matrix<Real>>& shifts, const Matrix<Real>& grad_v) {
    std::vector<Matrix<Real>> inputs{times}, v;
    for (std::size_t l = 0; l < w.size(); ++l) {
        v.emplace_back(batch, w[l].cols);
        charge<Real>(Schedule<Real>(inputs[l]), w[l], curved, v[l]);
        inputs.emplace_back(batch, w[l].cols);
        fire<Real>(v[l], curved, inputs[l + 1]);
        delay(inputs[l + 1], shifts[l]);
    }
    Gradients<Real> result;
    Matrix<Real> grad = grad_v;
    for (std::size_t l = w.size(); l-- > 0;) {
        Matrix<Real> grad_times(batch, w[l].rows);
        charge_vjp<Real>(Schedule<Real>(inputs[l]), w[l], curved, grad, grad_times, result.weights[l]);
        if (l == 0) {
            result.times = grad_times;
            break;
        }
        grad = Matrix<Real>(batch, w[l].rows);
        fire_vjp<Real>(v[l - 1], curved, grad_times, grad);
        for (std::size_t i = 0; i < grad.values.size(); ++i) {
            if (inputs[l].values[i] <= 0) grad.values[i] = 0;
        }
    }
    return result;
}

}  // namespace

TEST_EACH_REAL(a_pass_has_the_bits_of_the_network_and_of_its_layers) {
    const auto w = weights<Real>(0.6, 1);
    const Matrix<Real> times = tied_times<Real>(batch, sizes[0], 9, 5), grad_v = uniform<Real>(batch, 3, -1, 1, 6);
    auto shifts = noise<Real>(0.05);
    std::fill(shifts.back().values.begin(), shifts.back().values.end(), Real(0));
    NetworkPass<Real> pass(Network<Real>(views(w), curved));
    for (const int threads : {1, 3}) {
        Matrix<Real> v(batch, 3), expected(batch, 3);
        pass.forward(times, views(shifts), v, Threads::exactly(threads));
        pass.network().forward(times, views(shifts), expected);
        CHECK(same_bits(v, expected));
        Gradients<Real> own, each = one_by_one(times, w, shifts, grad_v);
        pass.backward(grad_v, own.times, own.views(), max_slope, Threads::exactly(threads));
        CHECK(same_bits(own.times, each.times));
        for (std::size_t l = 0; l < w.size(); ++l) CHECK(same_bits(own.weights[l], each.weights[l]));
        Gradients<Real> without_times;
        pass.backward(grad_v, {}, without_times.views(), max_slope, Threads::exactly(threads));
        for (std::size_t l = 0; l < w.size(); ++l) CHECK(same_bits(without_times.weights[l], each.weights[l]));
    }
}

TEST(noise_of_the_last_layer_is_differentiated_along_the_ramp) {
    const auto w = weights<double>(0.6, 1);
    const auto shifts = noise<double>(0.2);
    const Matrix<double> times = tied_times<double>(batch, sizes[0], 9, 5);
    NetworkPass<double> pass(Network<double>(views(w), curved));
    const auto sum = [&](const std::vector<Matrix<double>>& changed) {
        Matrix<double> v(batch, 3);
        pass.set(views(changed));
        pass.forward(times, views(shifts), v);
        double total = 0;
        for (const double each : v.values) total += each;
        return total;
    };
    sum(w);
    Gradients<double> own;
    const Matrix<double> ones(batch, 3, std::vector<double>(batch * 3, 1.0));
    pass.backward(ones, own.times, own.views(), max_slope);
    for (const std::size_t i : {0, 7, 20}) {
        auto up = w, down = w;
        up.back().values[i] += 1e-5;
        down.back().values[i] -= 1e-5;
        CHECK_CLOSE(own.weights.back().values[i], (sum(up) - sum(down)) / 2e-5, 1e-6);
    }
}

TEST_EACH_REAL(a_pass_of_a_single_phase_has_the_bits_of_its_layers) {
    const Circuit circuit{2, -2, 0, 0};
    const auto w = weights<Real>(1.2, 1);
    const Matrix<Real> times = tied_times<Real>(batch, sizes[0], 9, 5), grad = uniform<Real>(batch, 3, -1, 1, 6);
    NetworkPass<Real> pass(Network<Real>(views(w), circuit, {}, Phases::single));
    std::vector<Matrix<Real>> inputs{times};
    for (std::size_t l = 0; l < w.size(); ++l) {
        inputs.emplace_back(batch, w[l].cols);
        first_spike<Real>(Schedule<Real>(inputs[l], Threads::all(), Phases::single), w[l], circuit, inputs[l + 1]);
    }
    Matrix<Real> spikes(batch, 3);
    pass.forward(times, {}, spikes);
    CHECK(same_bits(spikes, inputs.back()));
    Gradients<Real> own, each;
    Matrix<Real> upstream = grad;
    for (std::size_t l = w.size(); l-- > 0;) {
        Matrix<Real> grad_times(batch, w[l].rows);
        first_spike_vjp<Real>(Schedule<Real>(inputs[l], Threads::all(), Phases::single), w[l], circuit, upstream,
                              max_slope, grad_times, each.weights[l]);
        upstream = grad_times;
    }
    pass.backward(grad, own.times, own.views(), max_slope);
    CHECK(same_bits(own.times, upstream));
    for (std::size_t l = 0; l < w.size(); ++l) CHECK(same_bits(own.weights[l], each.weights[l]));
}

TEST_EACH_REAL(new_weights_are_those_of_a_new_network) {
    const auto w = weights<Real>(0.6, 1), other = weights<Real>(0.6, 40);
    const Matrix<Real> times = tied_times<Real>(batch, sizes[0], 9, 5);
    NetworkPass<Real> pass(Network<Real>(views(w), curved));
    Matrix<Real> v(batch, 3), expected(batch, 3);
    pass.forward(times, {}, v);
    CHECK(pass.is_complete());
    pass.set(views(w));
    CHECK(pass.is_complete());
    auto last = w;
    last.back() = other.back();
    for (const auto& changed : {last, other}) {
        pass.set(views(changed));
        CHECK(!pass.is_complete());
        pass.forward(times, {}, v);
        Network<Real>(views(changed), curved).forward(times, {}, expected);
        CHECK(same_bits(v, expected));
    }
}

TEST(what_does_not_fit_is_an_error_that_changes_nothing) {
    const auto w = weights<double>(0.6, 1);
    const Matrix<double> times = tied_times<double>(batch, sizes[0], 9, 5),
                         grad_v = uniform<double>(batch, 3, -1, 1, 6);
    NetworkPass<double> pass(Network<double>(views(w), curved));
    Matrix<double> v(batch, 3), again(batch, 3);
    Gradients<double> own;
    CHECK_THROWS(pass.backward(grad_v, own.times, own.views(), max_slope), std::invalid_argument, "no forward pass");
    pass.forward(times, {}, v);
    auto wrong = w;
    wrong[1].values[3] = inf;
    CHECK_THROWS(pass.set(views(wrong)), std::invalid_argument, "weights[1][0, 3]");
    wrong.pop_back();
    CHECK_THROWS(pass.set(views(wrong)), std::invalid_argument, "for all 3 layers, got 2");
    pass.forward(times, {}, again);
    CHECK(same_bits(v, again));
    CHECK_THROWS(pass.backward(v, own.times, {}, max_slope), std::invalid_argument, "grad_weights must be given");
    CHECK_THROWS(pass.backward(v, own.times, own.views(), 0), std::invalid_argument, "max_slope must be above 0");
    CHECK_THROWS(pass.backward(v, own.times, own.views(), inf), std::invalid_argument, "above 0 and finite");
    CHECK_THROWS(pass.backward(times, own.times, own.views(), 1), std::invalid_argument, "grad_v must have shape");
    Matrix<double> negative = times;
    negative.values[0] = -1;
    CHECK_THROWS(pass.forward(negative, {}, v), std::invalid_argument, "times");
    CHECK(!pass.is_complete());
}
