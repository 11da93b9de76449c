// Charge that switches inject as they open, and the delay of spikes.
#include <cmath>

#include "check.h"
#include "fixture.h"
#include "rcspike/charge.h"
#include "rcspike/device_network.h"
#include "rcspike/fire.h"
#include "rcspike/network.h"
#include "rcspike/trainer.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

const Circuit plain{2.0, -2.0};
const Circuit with_switches{2.0, -2.0, 0, 0, 0.0007, -0.0011, 0.01};

template <class Real>
Matrix<Real> some_weights(std::size_t rows, std::size_t cols, unsigned seed) {
    Matrix<Real> w = uniform<Real>(rows, cols, -1, 1, seed);
    w.values[3] = 0;
    w.values[4] = -Real(0);
    return w;
}

}  // namespace

TEST_EACH_REAL(charge_adds_a_voltage_for_each_conducting_synapse) {
    const Matrix<Real> w = some_weights<Real>(23, 37, 1);
    const Matrix<Real> times = tied_times<Real>(9, 23, 8, 2);
    const Schedule<Real> schedule(times);
    for (const Circuit& rails : {plain, Circuit{1, -3, 0.1, 0.2}, Circuit::conventional()}) {
        Circuit circuit = rails;
        circuit.injection_plus = 0.0007;
        circuit.injection_minus = -0.0011;
        Matrix<Real> without(9, 37), with(9, 37);
        charge<Real>(schedule, w, rails, without);
        charge<Real>(schedule, w, circuit, with, Threads::exactly(3));
        for (std::size_t s = 0; s < 9; ++s) {
            for (std::size_t i = 0; i < 37; ++i) {
                int n_plus = 0, n_minus = 0;
                for (std::size_t j = 0; j < 23; ++j) {
                    if (times.values[s * 23 + j] > 1) continue;
                    n_plus += w.values[j * 37 + i] > 0;
                    n_minus += w.values[j * 37 + i] < 0;
                }
                const Real v = without.values[s * 37 + i];
                CHECK_EQUAL(with.values[s * 37 + i], v + (Real(0.0007) * Real(n_plus) + Real(-0.0011) * Real(n_minus)));
            }
        }
    }
}

TEST_EACH_REAL(pairs_of_weights_have_the_bits_of_the_network_with_injection) {
    const Matrix<Real> w1 = some_weights<Real>(12, 37, 1), w2 = some_weights<Real>(37, 4, 2);
    const auto sided = [](Matrix<Real> w, Real sign) {
        for (Real& x : w.values) x = x * sign > 0 ? x * sign : Real(0);
        return w;
    };
    const Matrix<Real> p1 = sided(w1, 1), m1 = sided(w1, -1), p2 = sided(w2, 1), m2 = sided(w2, -1);
    const Matrix<Real> times = tied_times<Real>(40, 12, 32, 3);
    Circuit uneven = with_switches;
    uneven.e_minus = -1;
    for (const Circuit& circuit : {with_switches, uneven}) {
        Circuit second = circuit;
        second.injection_minus = -0.002;
        const Network<Real> network({w1, w2}, {}, std::vector<Circuit>{circuit, second});
        CHECK_EQUAL(network.circuit(1).injection_minus, -0.002);
        const DeviceNetwork<Real> chip({{p1, m1, {}, {}, {}, {}}, {p2, m2, {}, {}, {}, {}}}, {},
                                       std::vector<Circuit>{circuit, second});
        Matrix<Real> expected(40, 4), v(40, 4);
        network.forward(times, {}, expected, Threads::exactly(1));
        chip.forward(times, {}, v, Threads::exactly(2));
        CHECK(v.values == expected.values);
    }
}

TEST_EACH_REAL(voltages_of_each_pair_replace_those_of_the_circuit) {
    const Matrix<Real> plus = uniform<Real>(12, 19, 0, 1, 1), minus = uniform<Real>(12, 19, 0, 1, 2);
    const Matrix<Real> injection = uniform<Real>(12, 19, -1, 1, 3), times = tied_times<Real>(7, 12, 32, 4);
    Matrix<Real> expected(7, 19), v(7, 19);
    DeviceNetwork<Real>({{plus, minus, {}, {}, {}, {}}}, plain).forward(times, {}, expected, Threads::exactly(1));
    inject<Real>(Schedule<Real>(times), injection, expected);
    DeviceNetwork<Real>({{plus, minus, {}, {}, {}, injection}}, with_switches)
        .forward(times, {}, v, Threads::exactly(1));
    CHECK(v.values == expected.values);
    const Matrix<Real> wrong = uniform<Real>(12, 18, -1, 1, 3);
    const std::vector<DevicePairs<Real>> pairs{{plus, minus, {}, {}, {}, wrong}};
    CHECK_THROWS(DeviceNetwork<Real>(pairs, plain), std::invalid_argument, "layers[0].injection must have shape");
}

TEST_EACH_REAL(drawn_devices_that_are_exact_train_as_the_weights_do) {
    const Matrix<Real> w1 = some_weights<Real>(12, 21, 1), w2 = some_weights<Real>(21, 4, 2);
    const Schedule<Real> schedule(tied_times<Real>(16, 12, 32, 3));
    std::vector<std::int64_t> samples(16), labels(16);
    for (int i = 0; i < 16; ++i) samples[i] = i, labels[i] = i % 4;
    const auto trained = [&](const Circuit& circuit, const DeviceModel& model) {
        Trainer<Real> trainer(Network<Real>({w1, w2}, circuit), Loss{}, model, 1);
        StepReport report;
        for (int step = 0; step < 3; ++step) {
            report = trainer.step(schedule, {samples.data(), 16}, {labels.data(), 16}, {}, 0.01, Threads::exactly(2));
        }
        return report.loss;
    };
    DeviceModel exact;
    exact.w_max = {10, 10};
    CHECK_CLOSE(trained(with_switches, exact), trained(with_switches, {}), 100 * double(eps<Real>) * 16);
    CHECK(trained(with_switches, {}) != trained(plain, {}));
    DeviceModel both = exact;  // the devices that are not used are tiny, but their switches open too
    both.off = 1e-9;
    CHECK(std::abs(trained(with_switches, both) - trained(with_switches, exact)) > 1e-4);
}

TEST_EACH_REAL(a_delay_moves_spikes_and_loses_those_beyond_the_phase) {
    for (const double ramp : {0.0, 0.3}) {
        Circuit circuit = plain;
        circuit.ramp = ramp;
        const Matrix<Real> v(1, 5, {Real(-0.5), Real(0.001), Real(0.5), Real(1), Real(3)});
        const Matrix<Real> ones(1, 5, std::vector<Real>(5, Real(1)));
        Matrix<Real> ideal(1, 5), delayed(1, 5), grad(1, 5);
        fire<Real>(v, circuit, ideal);
        circuit.delay = 0.125;
        fire<Real>(v, circuit, delayed);
        CHECK(std::isinf(delayed.values[0]) && std::isinf(delayed.values[1]));
        for (std::size_t i = 2; i < 5; ++i) CHECK_EQUAL(delayed.values[i], ideal.values[i] + Real(0.125));
        fire_vjp<Real>(v, circuit, ones, grad);
        CHECK(grad.values[1] == 0 && grad.values[2] < 0 && grad.values[3] == 0);
        Matrix<Real> read(1, 5), back(1, 5);
        readout_times<Real>(v, circuit, read);
        CHECK_CLOSE(read.values[2], delayed.values[2], 1e-6);
        readout_voltages<Real>(read, circuit, back);
        for (std::size_t i = 0; i < 5; ++i) CHECK_CLOSE(back.values[i], v.values[i], 1e-6);
    }
}

TEST(circuits_of_layers_differ_in_their_injection_only) {
    const Matrix<float> w = uniform<float>(3, 3, -1, 1, 1);
    const std::vector<Span2<const float>> two{w, w};
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
}
