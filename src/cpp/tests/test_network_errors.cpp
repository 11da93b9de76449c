// Networks and trainers of them: what they reject, and that they are then as before. The numbers that they compute are
// compared with independent references in Python.
#include <algorithm>
#include <cmath>
#include <thread>

#include "check.h"
#include "fixture.h"
#include "rcspike/charge.h"
#include "rcspike/device_network.h"
#include "rcspike/energy.h"
#include "rcspike/layer.h"
#include "rcspike/network.h"
#include "rcspike/network_pass.h"
#include "rcspike/trainer.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

template <class Real>
using Matrices = std::vector<Matrix<Real>>;
using Integers = std::vector<std::int64_t>;

template <class Real>
std::vector<Span2<const Real>> views(const Matrices<Real>& matrices) {
    return {matrices.begin(), matrices.end()};
}

Span1<const std::int64_t> view(const Integers& integers) { return {integers.data(), integers.size()}; }

/// Of a network of 12, 9 and 4 neurons.
template <class Real>
Matrices<Real> weights() {
    return {uniform<Real>(12, 9, -0.5, 1, 1), uniform<Real>(9, 4, -0.5, 0.5, 2)};
}

template <class Real>
Matrices<Real> noise(std::size_t batch) {
    return {uniform<Real>(batch, 9, -0.1, 0.1, 8), uniform<Real>(batch, 4, -0.1, 0.1, 9)};
}

template <class Real>
Trainer<Real> trainer(const Loss& loss = {}, const Circuit& circuit = {}) {
    return Trainer<Real>(Network<Real>(views(weights<Real>()), circuit), loss);
}

template <class Real>
Matrices<Real> weights_of(const Trainer<Real>& trainer) {
    Matrices<Real> all = weights<Real>();
    for (std::size_t l = 0; l < all.size(); ++l) trainer.network().weights(l, all[l]);
    return all;
}

template <class Real>
Matrices<Real> moments(const Trainer<Real>& trainer, int order) {
    Matrices<Real> all = weights<Real>();
    for (std::size_t l = 0; l < all.size(); ++l) trainer.moment(l, order, all[l]);
    return all;
}

template <class Real>
bool same_bits(const Matrices<Real>& a, const Matrices<Real>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto& x, const auto& y) { return test::same_bits(x, y); });
}

template <class Real>
StepReport step(Trainer<Real>& trainer, double learning_rate = 0.01) {
    return trainer.step(Schedule<Real>(tied_times<Real>(6, 12, 8, 3)), view({0, 1, 2, 3, 4, 5}),
                        view({0, 1, 2, 3, 0, 1}), {}, learning_rate);
}

}  // namespace

TEST_EACH_REAL(weights_that_cannot_be_a_network_are_rejected) {
    const auto make = [](const Matrices<Real>& w, const std::vector<Wiring>& wiring = {}) {
        return Network<Real>(views(w), {}, wiring);
    };
    CHECK_THROWS(make({}), std::invalid_argument, "a network needs at least one layer");
    CHECK_THROWS(make({Matrix<Real>(3, 4), Matrix<Real>(5, 2)}), std::invalid_argument,
                 "weights[1] must have shape (4, 2), got (5, 2)");
    CHECK_THROWS(make({Matrix<Real>(3, 0)}), std::invalid_argument, "weights[0] is empty, got shape (3, 0)");
    CHECK_THROWS(make({Matrix<Real>(1, 2), Matrix<Real>(2, 1, {0, Real(inf)})}), std::invalid_argument,
                 "weights[1][1, 0] must be finite, got inf");
    CHECK_THROWS(Network<Real>(views(weights<Real>()), Circuit{1, 1, 0, 0}), std::invalid_argument,
                 "e_minus must be below");
    Matrix<Real> wrong(3, 3);
    CHECK_THROWS(make(weights<Real>()).n_out(2), std::out_of_range, "");
    CHECK_THROWS(make(weights<Real>()).weights(0, wrong), std::invalid_argument,
                 "weights must have shape (12, 9), got (3, 3)");
    const Real large = std::numeric_limits<Real>::max() / 9;  // two of them fit into the allowed quarter, three do not
    CHECK_THROWS(make({Matrix<Real>(1, 3, {1, 1, 1}), Matrix<Real>(3, 1, {large, large, large})}),
                 std::invalid_argument, "weights[1][0, 0] is ");
    const Matrices<Real> joined{Matrix<Real>(6, 8), Matrix<Real>(2, 5)};
    CHECK_THROWS(make(joined, {FirstSpike{2}, FirstSpike{3}}), std::invalid_argument,
                 "window must divide the 8 inputs of its layer, got 3");
    CHECK_THROWS(make(joined, {FirstSpike{0}, FirstSpike{4}}), std::invalid_argument, "window must be at least 1");
    CHECK_THROWS(make(joined, {FirstSpike{2}, FirstSpike{2}}), std::invalid_argument,
                 "weights[1] must have shape (4, 5), got (2, 5)");
    CHECK_THROWS(make(joined, {FirstSpike{2}}), std::invalid_argument,
                 "wiring must be given for all 2 layers or for none");
}

TEST_EACH_REAL(convolutions_that_do_not_fit_are_rejected) {
    const Matrix<Real> kernels = uniform<Real>(18, 4, -1, 1, 10);
    const auto make = [&](const Conv2d& conv) { Layer<Real>(kernels, Circuit{}, conv); };
    make({{4, 4, 2}, 3, 3, 1, 1});
    CHECK_THROWS(make({{4, 4, 3}, 3, 3, 1, 1}), std::invalid_argument,
                 "weights of a convolution must have a row for each of the 27 inputs of a window, got 18");
    CHECK_THROWS(make({{4, 4, 2}, 3, 3, 0, 1}), std::invalid_argument, "got 0");
    CHECK_THROWS(make({{4, 4, 2}, 3, 3, 1, 3}), std::invalid_argument,
                 "padding must be smaller than the kernel of 3 x 3, got 3");
    CHECK_THROWS(make({{5, 4, 2}, 3, 3, 1, 1, 1, 5}), std::invalid_argument,
                 "pool must be at least 1 and fit into the 5 x 4 positions of a convolution, got 5");
    CHECK_THROWS(make({{4, 6, 2}, 3, 3, 1, 1, 5, 1}), std::invalid_argument,
                 "window must be at least 1 and fit into maps of 4 x 6, got 5");
    CHECK_THROWS(make({{2, 4, 2}, 3, 3, 1, 0}), std::invalid_argument,
                 "a kernel of 3 x 3 does not fit into maps of 2 x 4");
    const std::vector<Wiring> pooled{Conv2d{{4, 4, 2}, 3, 3, 1, 1, 1, 2}};
    CHECK_THROWS(Network<Real>({kernels}, Circuit{}, pooled, Phases::single), std::invalid_argument,
                 "neurons of a single phase do not have");
}

TEST(circuits_of_layers_differ_in_their_injection_only) {
    const Matrix<float> w = uniform<float>(3, 3, -1, 1, 1);
    const std::vector<Span2<const float>> two{w, w};
    const Circuit plain{2, -2};
    Circuit other = plain;
    other.ramp = 0.1;
    const std::vector<Circuit> one{plain}, different{plain, other};
    CHECK_THROWS(Network<float>(two, {}, one), std::invalid_argument, "circuits must be given for all 2 layers, got 1");
    CHECK_THROWS(Network<float>(two, {}, different), std::invalid_argument, "circuits[1] must have ramp");
    other = plain;
    other.delay = 1;
    CHECK_THROWS((validate(other), 0), std::invalid_argument, "delay must be at least 0 and below 1");
    other = plain;
    other.injection_minus = not_a_number;
    CHECK_THROWS((validate(other), 0), std::invalid_argument, "injection must be finite");
    Circuit conventional = Circuit::conventional();
    conventional.load.body = 0.1;
    CHECK_THROWS((validate(conventional), 0), std::invalid_argument, "through resistors to finite rails");
}

TEST_EACH_REAL(what_is_not_known_for_devices_that_are_not_ohmic_is_rejected) {
    Circuit circuit;
    circuit.v_0 = 0.5;
    const Matrix<Real> w(2, 3);
    const auto network = [&] { return Network<Real>({w}, circuit); };
    CHECK_THROWS(Network<Real>({w}, circuit, {}, Phases::single), std::invalid_argument, "ohmic devices only");
    CHECK_THROWS(DeviceNetwork<Real>({{w, w, {}, {}, {}}}, circuit), std::invalid_argument, "got v_0 = 0.5");
    Loss penalty;
    penalty.energy_penalty = 0.1;
    CHECK_THROWS(Trainer<Real>(network(), penalty), std::invalid_argument, "energy penalties are modelled for ohmic");
    DeviceModel devices;
    devices.off = 0.01;
    CHECK_THROWS(Trainer<Real>(network(), Loss{}, devices), std::invalid_argument, "devices drawn in training");
    const Schedule<Real> schedule(Matrix<Real>(1, 2));
    Matrix<Real> v(1, 3), other(1, 3);
    CHECK_THROWS(supply_charge<Real>(schedule, w, circuit, v, other), std::invalid_argument, "charges of the rails");
}

TEST_EACH_REAL(rows_that_load_more_than_the_membrane_are_rejected) {
    Matrix<Real> w(4, 2, {1, 1, 1, 1, 1, 1, 1, Real(0.001)});
    Circuit circuit;
    circuit.load.body = 0.01;
    CHECK_THROWS(Network<Real>({w}, circuit), std::invalid_argument,
                 "weights[0]: the open rows of column 1 load its membrane with 10.03 C");
    w(3, 1) = 0;
    Network<Real>({w}, circuit);
    CHECK_THROWS(Network<Real>({w}, circuit, {}, Phases::single), std::invalid_argument, "neurons of a single phase");
    Loss penalty;
    penalty.energy_penalty = 0.1;
    CHECK_THROWS(Trainer<Real>(Network<Real>({w}, circuit), penalty), std::invalid_argument, "energy_penalty 0.1");
    DeviceModel devices;
    devices.off = 0.01;
    CHECK_THROWS(Trainer<Real>(Network<Real>({w}, circuit), Loss{}, devices), std::invalid_argument,
                 "off, absolute and stuck_on must be 0, got 0.01, 0 and 0");
    CHECK_THROWS(DeviceNetwork<Real>({{w, w, {}, {}, {}}}, circuit), std::invalid_argument,
                 "layers[0].loads must be given");
    const Schedule<Real> schedule(Matrix<Real>(3, 4));
    Matrix<Real> v(3, 2), loads(20, 2);
    for (Real& load : loads.values) load = Real(-0.3);
    CHECK_THROWS(charge<Real>(schedule, AffineSynapses<Real>{w, w, {}, {}, loads}, v), std::invalid_argument,
                 "the rows of column 0 take 1.2");
    CHECK_THROWS(charge<Real>(schedule, AffineSynapses<Real>{w, w, {}, {}, w}, v), std::invalid_argument,
                 "loads must have shape (20, 2), got (4, 2)");
}

TEST_EACH_REAL(input_that_does_not_fit_a_network_is_rejected) {
    const Network<Real> network(views(weights<Real>()), Circuit{});
    Matrix<Real> v(5, 4), narrow(5, 3), times(5, 12);
    const auto forward = [&](const Matrix<Real>& input, const Matrices<Real>& noise, Matrix<Real>& to) {
        network.forward(Schedule<Real>(input), views(noise), to);
    };
    CHECK_THROWS(forward(Matrix<Real>(5, 11), {}, v), std::invalid_argument,
                 "times must have shape (batch, 12), got (5, 11)");
    CHECK_THROWS(forward(times, {Matrix<Real>(5, 9)}, v), std::invalid_argument,
                 "noise must be given for all 2 layers, got 1");
    CHECK_THROWS(forward(times, noise<Real>(4), v), std::invalid_argument, "noise must have shape (5, 9), got (4, 9)");
    CHECK_THROWS(forward(times, {}, narrow), std::invalid_argument, "v must have shape (5, 4), got (5, 3)");
    Matrices<Real> bad = noise<Real>(5);
    bad[1](4, 3) = Real(not_a_number);
    CHECK_THROWS(forward(times, bad, v), std::invalid_argument, "noise[4, 3] must be finite");
    times(3, 2) = Real(-inf);
    CHECK_THROWS(network.forward(times, {}, v), std::invalid_argument, "times[3, 2] is -inf");
}

TEST_EACH_REAL(devices_that_do_not_fit_are_rejected) {
    const Matrix<Real> one(2, 2, {1, 1, 1, 1}), minus_two(2, 2, {-2, -2, -2, -2}), narrow(2, 1), below(1, 2, {0, -1});
    const auto make = [](const DevicePairs<Real>& pairs, Phases phases) {
        DeviceNetwork<Real>({pairs}, Circuit{}, {}, phases);
    };
    CHECK_THROWS(make({one, minus_two, {}, {}, {}, {}}, Phases::two), std::invalid_argument,
                 "a pair of negative conductance");
    CHECK_THROWS(make({one, one, {}, {}, {}, narrow}, Phases::two), std::invalid_argument,
                 "layers[0].injection must have shape");
    CHECK_THROWS(make({one, one, {}, {}, below, {}}, Phases::single), std::invalid_argument, "offset must be above -1");
    const auto model = [](const DeviceModel& model) { validate(model, 2); };
    CHECK_THROWS(model({1, 0, 0, 0, 0, 0, 0, {}, {}}), std::invalid_argument, "off is g_min / g_max");
    CHECK_THROWS(model({0, 1, 0, 0, 0, 0, 0, {}, {}}), std::invalid_argument, "levels must be at least 2");
    CHECK_THROWS(model({0, 0, 0, 0, 0, 0.7, 0.5, {}, {}}), std::invalid_argument, "must not exceed 1 together");
    CHECK_THROWS(model({0, 0, 0, 0, 0, 0, 0, {1}, {}}), std::invalid_argument, "for all 2 layers or for none, got 1");
}

TEST(what_does_not_fit_a_pass_changes_nothing) {
    const auto w = weights<double>();
    const Matrix<double> times = tied_times<double>(5, 12, 9, 5);
    NetworkPass<double> pass(Network<double>(views(w), Circuit{}));
    Matrix<double> v(5, 4), again(5, 4), grad_times(5, 12);
    Matrices<double> gradients = weights<double>();
    const std::vector<Span2<double>> to{gradients.begin(), gradients.end()};
    CHECK_THROWS(pass.backward(v, grad_times, to, 50), std::invalid_argument, "no forward pass");
    pass.forward(times, {}, v);
    auto wrong = w;
    wrong[1].values[3] = inf;
    CHECK_THROWS(pass.set(views(wrong)), std::invalid_argument, "weights[1][0, 3]");
    wrong.pop_back();
    CHECK_THROWS(pass.set(views(wrong)), std::invalid_argument, "for all 2 layers, got 1");
    pass.forward(times, {}, again);
    CHECK(test::same_bits(v, again));
    CHECK_THROWS(pass.backward(v, grad_times, {}, 50), std::invalid_argument, "grad_weights must be given");
    CHECK_THROWS(pass.backward(v, grad_times, to, 0), std::invalid_argument, "max_slope must be above 0");
    CHECK_THROWS(pass.backward(v, grad_times, to, inf), std::invalid_argument, "above 0 and finite");
    CHECK_THROWS(pass.backward(times, grad_times, to, 1), std::invalid_argument, "grad_v must have shape");
    pass.set(views(w));  // the same weights
    CHECK(pass.is_complete());
    Matrix<double> negative = times;
    negative.values[0] = -1;
    CHECK_THROWS(pass.forward(negative, {}, v), std::invalid_argument, "times");
    CHECK(!pass.is_complete());
}

TEST_EACH_REAL(a_step_that_does_not_fit_changes_nothing) {
    Trainer<Real> kept = trainer<Real>();
    const auto rejected = [&](const Integers& samples, const Integers& labels, const char* why,
                              double learning_rate = 0.1, const Matrices<Real>& noise = {}, std::size_t width = 12) {
        const Schedule<Real> schedule(Matrix<Real>(4, width));
        CHECK_THROWS(kept.step(schedule, view(samples), view(labels), views(noise), learning_rate),
                     std::invalid_argument, why);
    };
    rejected({0, 1}, {2, 4}, "label 4 at position 1 must be in [0, 4)");
    rejected({0, 1}, {-1, 0}, "label -1 at position 0 must be in [0, 4)");
    rejected({0, 4}, {0, 0}, "sample 4 does not exist: the schedule has 4");
    rejected({-1, 0}, {0, 0}, "sample -1 does not exist");
    rejected({0, 1}, {0}, "labels must have shape (2,), got (1,)");
    rejected({0}, {0}, "times must have 12 inputs for this network, got 11", 0.1, {}, 11);
    for (const double rate : {-0.1, inf, not_a_number}) {
        rejected({0}, {0}, "learning_rate must not be negative, got ", rate);
    }
    rejected({0, 1}, {0, 0}, "noise must have shape (2, 9), got (3, 9)", 0.1, noise<Real>(3));
    const Matrices<Real> m = weights<Real>(), swapped{m[1], m[0]};
    CHECK_THROWS(kept.restore(1, views<Real>({m[0]}), views(m)), std::invalid_argument,
                 "moments must be given for all 2 layers, got 1");
    CHECK_THROWS(kept.restore(1, views(swapped), views(m)), std::invalid_argument, "moment must have shape (12, 9)");
    CHECK_THROWS(kept.restore(1, views(m), views(m)), std::invalid_argument, "must not be negative, got -");
    Matrices<Real> squares = m;
    for (Matrix<Real>& square : squares)
        for (Real& x : square.values) x *= x;
    CHECK_THROWS(kept.restore(~std::uint64_t{0}, views(m), views(squares)), std::invalid_argument,
                 "steps must be at most");
    squares[1](2, 1) = Real(not_a_number);
    CHECK_THROWS(kept.restore(1, views(m), views(squares)), std::invalid_argument, "moment[2, 1] must be finite");
    CHECK_THROWS(moments(kept, 2), std::invalid_argument, "order must be 0 or 1, got 2");
    CHECK_EQUAL(kept.step(Schedule<Real>(Matrix<Real>(4, 12)), {}, {}, {}, 0.1).loss, 0.0);  // an empty batch
    CHECK_EQUAL(kept.steps(), 0u);
    CHECK(same_bits(weights_of(kept), m));
    const Matrices<Real> zero{Matrix<Real>(12, 9), Matrix<Real>(9, 4)};
    CHECK(same_bits(moments(kept, 0), zero) && same_bits(moments(kept, 1), zero));
}

TEST(a_loss_that_cannot_be_is_rejected) {
    const auto rejected = [](const Loss& loss, const char* why) {
        CHECK_THROWS(trainer<double>(loss), std::invalid_argument, why);
    };
    for (const double temperature : {0.0, inf, not_a_number})
        rejected({temperature, 0, 0}, "temperature must be above 0");
    for (const double penalty : {-1.0, inf})
        rejected({1, penalty, 0}, "temporal_penalty must be finite and not negative");
    rejected({1, 0, inf}, "t_ref must be finite, got inf");
    for (const double penalty : {-1.0, inf})
        rejected({1, 0, 0, penalty}, "energy_penalty must be finite and not negative");
    const Matrix<double> w = uniform<double>(3, 2, 0, 1, 1);
    const auto single = [&] { return Network<double>({w}, Circuit{}, {}, Phases::single); };
    CHECK_THROWS(Trainer<double>(single(), {1, 0, 0, 0.1}), std::invalid_argument,
                 "energy_penalty 0.1 counts the energy of two phases");
    CHECK_THROWS(Trainer<double>(single(), {}, {}, 0, -1), std::invalid_argument,
                 "weight_decay must be finite and not negative, got -1");
}

TEST_EACH_REAL(training_that_leaves_the_range_is_reported_and_changes_nothing) {
    for (const Loss& loss : {Loss{1e-310, 0, 0.9}, Loss{0.1, 1e300, 1e10}}) {
        Trainer<Real> kept = trainer<Real>(loss);
        CHECK_THROWS(step(kept), std::runtime_error, "the loss or its gradient is no longer finite");
        CHECK_EQUAL(kept.steps(), 0u);
        CHECK(same_bits(weights_of(kept), weights<Real>()));
    }
    Trainer<Real> driven = trainer<Real>({}, Circuit::conventional());
    step(driven, std::numeric_limits<Real>::max() / 2);
    const Matrices<Real> before = weights_of(driven);
    CHECK_THROWS(step(driven), std::runtime_error, "are no longer finite");
    CHECK_EQUAL(driven.steps(), 1u);
    CHECK(same_bits(weights_of(driven), before));
}

TEST_EACH_REAL(steps_of_several_threads_wait_for_each_other) {
    const Schedule<Real> schedule(tied_times<Real>(40, 12, 8, 3));
    Trainer<Real> shared = trainer<Real>();
    std::vector<std::thread> callers;
    for (std::size_t size : {40, 31, 7}) {
        callers.emplace_back([&, size] {
            const Integers samples(size), labels(size);
            for (int i = 0; i < 20; ++i)
                shared.step(schedule, view(samples), view(labels), {}, 0.001, Threads::exactly(1 + i % 2));
        });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK_EQUAL(shared.steps(), 60u);
}
