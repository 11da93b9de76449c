// The bits of this version: one digest for each part of the engine, the same on every instruction set, compiler and
// processor. Prints them; given a file that it printed earlier, it reports the parts that differ instead.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <future>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bits_conv.h"
#include "bits_layers.h"
#include "bits_single_phase.h"
#include "fixture.h"
#include "rcspike/build_config.h"
#include "rcspike/charge.h"
#include "rcspike/device_network.h"
#include "rcspike/encode.h"
#include "rcspike/energy.h"
#include "rcspike/fire.h"
#include "rcspike/noise.h"
#include "rcspike/rectified.h"
#include "rcspike/trace.h"
#include "rcspike/trainer.h"
#include "rcspike/wires.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

template <class Real>
void encoding(Digest& digest) {
    Matrix<std::uint8_t> bytes(4, 256);
    for (std::size_t i = 0; i < bytes.values.size(); ++i) bytes.values[i] = static_cast<std::uint8_t>(i * 7);
    Matrix<Real> times(4, 256);
    encode<Real>(Span2<const std::uint8_t>(bytes.view()), times);
    digest.add(times);
    encode<Real>(Span2<const Real>(uniform<Real>(4, 256, 0, 1, 3).view()), times);
    digest.add(times);
}

template <class Real>
void firing(Digest& digest) {
    const Matrix<Real> v = uniform<Real>(30, 50, -0.3, 1.3, 4), grad_times = uniform<Real>(30, 50, -1, 1, 5);
    Matrix<Real> times(30, 50), grad_v(30, 50);
    for (const double ramp : {0.0, 0.4, -2.0}) {
        const Circuit circuit{1, -1, 0, ramp};
        fire<Real>(v, circuit, times);
        digest.add(times);
        fire_vjp<Real>(v, circuit, grad_times, grad_v);
        digest.add(grad_v);
    }
}

template <class Real, const std::vector<Circuit>& of()>
void charging(Digest& digest) {
    for_each_layer<Real>(
        [&](const auto& schedule, const Shape& shape, const auto& weights, const Circuit& circuit) {
            Matrix<Real> v(shape.batch, shape.n_out);
            charge<Real>(schedule, weights, circuit, v);
            digest.add(v);
        },
        of());
}

template <class Real, const std::vector<Circuit>& of()>
void charging_gradient(Digest& digest) {
    for_each_layer<Real>(
        [&](const auto& schedule, const Shape& shape, const auto& weights, const Circuit& circuit) {
            Matrix<Real> grad_times(shape.batch, shape.n_in), grad_weights(shape.n_in, shape.n_out);
            for (const auto& grad_v :
                 {uniform<Real>(shape.batch, shape.n_out, -1, 1, 6), sparse<Real>(shape.batch, shape.n_out, 7)}) {
                charge_vjp<Real>(schedule, weights, circuit, grad_v, grad_times, grad_weights);
                digest.add(grad_times);
                digest.add(grad_weights);
            }
        },
        of());
}

template <class Real>
void affine(Digest& digest) {
    for_each_affine_layer<Real>([&](const auto& schedule, const Shape& shape, const AffineSynapses<Real>& synapses) {
        Matrix<Real> v(shape.batch, shape.n_out);
        charge<Real>(schedule, synapses, v);
        digest.add(v);
    });
}

template <class Real>
void affine_gradient(Digest& digest) {
    for_each_affine_layer<Real>([&](const auto& schedule, const Shape& shape, const AffineSynapses<Real>& synapses) {
        const Matrix<Real> grad_v = uniform<Real>(shape.batch, shape.n_out, -1, 1, 11);
        Matrix<Real> times(shape.batch, shape.n_in), drive(shape.n_in, shape.n_out), conductance(drive);
        Matrix<Real> drive0(1, shape.n_out), conductance0(1, shape.n_out);
        charge_vjp<Real>(schedule, synapses, grad_v, times,
                         AffineGradient<Real>{drive, conductance, drive0, conductance0});
        for (const auto* part : {&times, &drive, &conductance, &drive0, &conductance0}) digest.add(*part);
    });
}

template <class Real>
void amplified(Digest& digest) {
    for_each_amplified_layer<Real>(
        [&](const auto& schedule, const Shape& shape, const auto& weights, const Circuit& circuit) {
            Matrix<Real> v(shape.batch, shape.n_out);
            charge<Real>(schedule, weights, circuit, v);
            digest.add(v);
        });
}

template <class Real>
void amplified_gradient(Digest& digest) {
    for_each_amplified_layer<Real>(
        [&](const auto& schedule, const Shape& shape, const auto& weights, const Circuit& circuit) {
            const Matrix<Real> grad_v = uniform<Real>(shape.batch, shape.n_out, -1, 1, 11);
            Matrix<Real> times(shape.batch, shape.n_in), of_weights(shape.n_in, shape.n_out);
            charge_vjp<Real>(schedule, weights, circuit, grad_v, times, of_weights);
            digest.add(times);
            digest.add(of_weights);
        });
}

/// Weights with bodies and junctions, some of them 0, and the affine synapses of any loads.
template <class Real>
void loaded(Digest& digest) {
    for_each_loaded_layer<Real>([&](const auto& schedule, const Shape& shape, const auto& weights,
                                    const Circuit& circuit, const AffineSynapses<Real>& synapses) {
        Matrix<Real> v(shape.batch, shape.n_out);
        charge<Real>(schedule, weights, circuit, v);
        digest.add(v);
        charge<Real>(schedule, synapses, v);
        digest.add(v);
    });
}

template <class Real>
void loaded_gradient(Digest& digest) {
    for_each_loaded_layer<Real>([&](const auto& schedule, const Shape& shape, const auto& weights,
                                    const Circuit& circuit, const AffineSynapses<Real>& synapses) {
        const Matrix<Real> grad_v = uniform<Real>(shape.batch, shape.n_out, -1, 1, 11);
        Matrix<Real> times(shape.batch, shape.n_in), drive(shape.n_in, shape.n_out), conductance(drive);
        Matrix<Real> drive0(1, shape.n_out), conductance0(1, shape.n_out), loads(5 * shape.n_in, shape.n_out);
        charge_vjp<Real>(schedule, weights, circuit, grad_v, times, drive);
        digest.add(times);
        digest.add(drive);
        charge_vjp<Real>(schedule, synapses, grad_v, times,
                         AffineGradient<Real>{drive, conductance, drive0, conductance0, loads});
        for (const auto* part : {&times, &drive, &conductance, &drive0, &conductance0, &loads}) digest.add(*part);
    });
}

template <class Real>
void wired(Digest& digest) {
    for (const Shape& shape : shapes) {
        const Schedule<Real> schedule(times_of<Real>(shape));
        const Matrix<Real> drive = weights_of<Real>(shape, 0.1);
        const Matrix<Real> conductance = uniform<Real>(shape.n_in, shape.n_out, 0, 0.1, 16);
        const Matrix<Real> row = uniform<Real>(1, shape.n_out, 0, 1, 15);
        for (const double r : {1e-3, 1.0}) {
            const Matrix<Real> resistance = uniform<Real>(1, shape.n_out, 0, r, 18);
            WiredSynapses<Real> synapses{{{drive, conductance}}, resistance, 0, row, row};
            Matrix<Real> v(shape.batch, shape.n_out);
            charge<Real>(schedule, synapses, v);
            digest.add(v);
            synapses.wires.push_back({conductance, conductance});
            synapses.off = static_cast<Real>(0.1);
            charge<Real>(schedule, synapses, v);
            digest.add(v);
        }
    }
}

template <class Real>
void rectified(Digest& digest) {
    for (const Shape& shape : shapes) {
        const Schedule<Real> schedule(times_of<Real>(shape));
        const Matrix<Real> rail_plus = uniform<Real>(shape.n_in, shape.n_out, 0.2, 1.5, 12);
        const Matrix<Real> rail_minus = uniform<Real>(shape.n_in, shape.n_out, -1.5, -0.2, 13);
        const Matrix<Real> drive0 = uniform<Real>(1, shape.n_out, -1, 1, 14);
        const Matrix<Real> conductance0 = uniform<Real>(1, shape.n_out, 0, 1, 15);
        for (const double scale : {0.1, 10.0}) {
            const Matrix<Real> g_plus = uniform<Real>(shape.n_in, shape.n_out, 0, scale, 16);
            const Matrix<Real> g_minus = uniform<Real>(shape.n_in, shape.n_out, 0, scale, 17);
            Matrix<Real> v(shape.batch, shape.n_out);
            charge<Real>(schedule,
                         RectifiedSynapses<Real>{g_plus, rail_plus, g_minus, rail_minus, drive0, conductance0}, v);
            digest.add(v);
        }
    }
}

template <class Real>
void supply(Digest& digest) {
    for_each_layer<Real>([&](const auto& schedule, const Shape& shape, const auto& weights, const Circuit& circuit) {
        Matrix<Real> plus(shape.batch, shape.n_out), minus(shape.batch, shape.n_out);
        supply_charge<Real>(schedule, weights, circuit, plus, minus);
        digest.add(plus);
        digest.add(minus);
    });
}

template <class Real>
void supply_until(Digest& digest) {
    const Matrix<Real> times = uniform<Real>(3, 40, 0, 2, 23), weights = uniform<Real>(40, 21, -1, 2, 24);
    const Matrix<Real> until = uniform<Real>(3, 21, 0, 4, 25);
    const Schedule<Real> schedule(times, Threads::all(), Phases::single);
    for (const Circuit& circuit : {Circuit{2, -0.5, 0.1, 0}, Circuit{0.05, -0.05, 0, 0}, Circuit::conventional()}) {
        Matrix<Real> plus(3, 21), minus(3, 21);
        supply_charge_until<Real>(schedule, weights, circuit, until, plus, minus);
        digest.add(plus);
        digest.add(minus);
    }
}

template <class Real>
void supply_gradient(Digest& digest) {
    for_each_layer<Real>([&](const auto& schedule, const Shape& shape, const auto& weights, const Circuit& circuit) {
        const Matrix<Real> plus = uniform<Real>(shape.batch, shape.n_out, -1, 1, 18);
        const Matrix<Real> minus = sparse<Real>(shape.batch, shape.n_out, 19);
        Matrix<Real> grad_times(shape.batch, shape.n_in), grad_weights(shape.n_in, shape.n_out);
        supply_charge_vjp<Real>(schedule, weights, circuit, plus, minus, grad_times, grad_weights);
        digest.add(grad_times);
        digest.add(grad_weights);
    });
}

template <class Real>
void tracing(Digest& digest) {
    const Matrix<Real> at(1, 5, {Real(0), Real(0.3), Real(0.7), Real(0.71), Real(1)});
    for_each_layer<Real>([&](const auto& schedule, const Shape& shape, const auto& weights, const Circuit& circuit) {
        Matrix<Real> curves(shape.batch, shape.n_out * at.cols);
        trace<Real>(schedule, weights, circuit, at, curves);
        digest.add(curves);
    });
}

/// A task for networks of 40, 21 and 3 neurons.
template <class Real>
struct Task {
    static constexpr Shape hidden{30, 40, 21}, output{30, 21, 3};
    Matrix<Real> times = times_of<Real>(hidden);
    Matrix<Real> first = uniform<Real>(hidden.n_in, hidden.n_out, -0.2, 0.3, 20);
    Matrix<Real> second = uniform<Real>(output.n_in, output.n_out, -1, 1, 21);
    Matrix<Real> noise1 = uniform<Real>(hidden.batch, hidden.n_out, -0.05, 0.05, 22);
    Matrix<Real> noise2 = uniform<Real>(output.batch, output.n_out, -0.05, 0.05, 23);
    std::vector<Span2<const Real>> noise{noise1, noise2};
};

template <class Real>
void networks(Digest& digest) {
    const Task<Real> task;
    const Matrix<Real> plus1 = uniform<Real>(40, 21, 0, 0.4, 24), minus1 = uniform<Real>(40, 21, 0, 0.3, 25);
    const Matrix<Real> plus2 = uniform<Real>(21, 3, 0, 1, 26), minus2 = uniform<Real>(21, 3, 0, 1, 27);
    const Matrix<Real> drive0 = uniform<Real>(1, 21, -0.2, 0.2, 28), conductance0 = uniform<Real>(1, 21, 0, 1, 29);
    Matrix<Real> v(30, 3);
    for (Circuit circuit : circuits()) {
        for (const double ramp : {0.0, 0.4}) {
            circuit.ramp = ramp;
            const Network<Real> network({task.first, task.second}, circuit);
            const DeviceNetwork<Real> chip({{plus1, minus1, drive0, conductance0, drive0}, {plus2, minus2, {}, {}, {}}},
                                           circuit);
            for (const auto& noise : {std::vector<Span2<const Real>>{}, task.noise}) {
                network.forward(task.times, noise, v);
                digest.add(v);
                chip.forward(task.times, noise, v);
                digest.add(v);
            }
        }
    }
}

DeviceModel imperfect() {
    DeviceModel model;
    model.off = 0.05;
    model.levels = 50;
    model.lognormal = 0.2;
    model.proportional = 0.1;
    model.absolute = 0.03;
    model.stuck_off = 0.1;
    model.stuck_on = 0.05;
    return model;
}

template <class Real>
void drawing(Digest& digest) {
    const Matrix<Real> weights = uniform<Real>(37, 45, -1, 1, 30);
    Matrix<Real> plus(37, 45), minus(37, 45);
    DeviceModel reaching = imperfect();
    reaching.w_max = {0.8};
    for (const DeviceModel& model : {imperfect(), reaching}) {
        for (const std::uint64_t step : {0, 1, 1000}) {
            draw_devices<Real>(weights, model, 0x123456789abcdef, step, 1, plus, minus);
            digest.add(plus);
            digest.add(minus);
        }
    }
}

template <class Real>
void noise(Digest& digest) {
    Matrix<Real> drawn(37, 45);
    draw_noise<Real>(0x123456789abcdef, 0.01, drawn);
    digest.add(drawn);
}

/// Steps of a trainer on shuffled parts of the task, then all that it holds.
template <class Real>
void train(Digest& digest, const Circuit& circuit, const Loss& loss, const DeviceModel& devices = {},
           double weight_decay = 0) {
    const Task<Real> task;
    const Schedule<Real> schedule(task.times);
    Trainer<Real> trainer(Network<Real>({task.first, task.second}, circuit), loss, devices, 5, weight_decay);
    Random random(31);
    for (int step = 0; step < 20; ++step) {
        std::vector<std::int64_t> samples(30), labels(30);
        for (std::size_t i = 0; i < samples.size(); ++i) {
            samples[i] = static_cast<std::int64_t>(random.below(30));
            labels[i] = samples[i] % 3;
        }
        const auto& noise = step % 2 == 0 ? task.noise : std::vector<Span2<const Real>>{};
        const StepReport report = trainer.step(schedule, {samples.data(), 30}, {labels.data(), 30}, noise, 0.01);
        digest.add(&report.loss, sizeof report.loss);
        const std::uint64_t correct = report.correct;  // in as many bytes on every machine
        digest.add(&correct, sizeof correct);
    }
    for (std::size_t layer = 0; layer < 2; ++layer) {
        Matrix<Real> numbers = layer == 0 ? task.first : task.second;
        trainer.network().weights(layer, numbers);
        digest.add(numbers);
        for (const int order : {0, 1}) {
            trainer.moment(layer, order, numbers);
            digest.add(numbers);
        }
    }
}

template <class Real, const std::vector<Circuit>& of()>
void training(Digest& digest) {
    for (const Circuit& circuit : of()) train<Real>(digest, circuit, Loss{});
}
template <class Real>
void training_on_a_nonlinear_ramp(Digest& digest) {
    train<Real>(digest, Circuit{1, -1, 0, 0.4}, Loss{});
}
template <class Real>
void training_with_penalties(Digest& digest) {
    for (const Circuit& circuit : circuits()) train<Real>(digest, circuit, Loss{0.1, 0.02, 0.9, 0.01});
}
template <class Real>
void training_with_weight_decay(Digest& digest) {
    train<Real>(digest, Circuit{}, Loss{}, {}, 0.1);
}
template <class Real>
void training_on_devices(Digest& digest) {
    DeviceModel reaching = imperfect();
    reaching.w_max = {0.25, 0.8};
    for (const Circuit& circuit : {Circuit{}, Circuit{2, -0.5, 0.1, 0}}) {
        for (const DeviceModel& model : {imperfect(), reaching}) train<Real>(digest, circuit, Loss{}, model);
    }
}

/// Moments decay through the numbers that are too small to be normal; the second input stays silent.
template <class Real>
void vanishing_moments(Digest& digest) {
    constexpr Real smallest = std::numeric_limits<Real>::min();
    const Schedule<Real> schedule(Matrix<Real>(1, 2, {Real(0.25), Real(2)}));
    Matrix<Real> weights = uniform<Real>(2, 3, -1, 1, 32);
    Matrix<Real> first = uniform<Real>(2, 3, -9, 9, 33), second = uniform<Real>(2, 3, 1, 1.05, 34);
    for (auto* moments : {&first, &second}) {
        for (Real& moment : moments->values) moment *= smallest;
    }
    Trainer<Real> trainer(Network<Real>({weights}, Circuit{}), Loss{});
    trainer.restore(10, {first}, {second});
    const std::int64_t sample = 0, label = 0;
    for (int step = 0; step < 60; ++step) {
        trainer.step(schedule, {&sample, 1}, {&label, 1}, {}, 0.001);
        trainer.moment(0, 0, first);
        trainer.moment(0, 1, second);
        trainer.network().weights(0, weights);
        for (const auto* part : {&first, &second, &weights}) digest.add(*part);
    }
}

template <class Real>
std::string digests(const char* precision) {
    std::ostringstream out;
    const std::pair<const char*, void (*)(Digest&)> parts[] = {
        {"encode", encoding<Real>},
        {"fire", firing<Real>},
        {"charge", charging<Real, circuits>},
        {"charge_vjp", charging_gradient<Real, circuits>},
        {"affine", affine<Real>},
        {"affine_vjp", affine_gradient<Real>},
        {"loaded", loaded<Real>},
        {"loaded_vjp", loaded_gradient<Real>},
        {"sinh", charging<Real, sinh_circuits>},
        {"sinh_vjp", charging_gradient<Real, sinh_circuits>},
        {"amplified", amplified<Real>},
        {"amplified_vjp", amplified_gradient<Real>},
        {"rectified", rectified<Real>},
        {"wired", wired<Real>},
        {"supply_charge", supply<Real>},
        {"supply_charge_until", supply_until<Real>},
        {"supply_charge_vjp", supply_gradient<Real>},
        {"trace", tracing<Real>},
        {"network", networks<Real>},
        {"draw_devices", drawing<Real>},
        {"draw_noise", noise<Real>},
        {"train", training<Real, circuits>},
        {"train_sinh", training<Real, sinh_circuits>},
        {"train_ramp", training_on_a_nonlinear_ramp<Real>},
        {"train_penalties", training_with_penalties<Real>},
        {"train_weight_decay", training_with_weight_decay<Real>},
        {"train_devices", training_on_devices<Real>},
        {"vanishing_moments", vanishing_moments<Real>},
        {"first_spike", first_spikes<Real>},
        {"first_spike_vjp", first_spikes_gradient<Real>},
        {"first_spike_affine", affine_first_spikes<Real>},
        {"train_single_phase", training_in_a_single_phase<Real>},
        {"conv2d", convolution<Real>},
        {"conv2d_vjp", convolution_gradient<Real>},
    };
    for (const auto& [name, compute] : parts) {
        Digest digest;
        compute(digest);
        out << name << ' ' << precision << ' ' << digest.text() << '\n';
    }
    return out.str();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        build_config();
    } catch (const std::runtime_error& error) {  // an instruction set that this machine or build lacks
        return std::cout << "skipped: " << error.what() << '\n', 77;
    }
#ifdef __EMSCRIPTEN__
    const auto when = std::launch::deferred;  // it has no threads here
#else
    const auto when = std::launch::async;  // most of the time of a test run
#endif
    auto doubles = std::async(when, digests<double>, "float64");
    std::stringstream now(digests<float>("float32"));
    now.seekp(0, std::ios::end);
    now << doubles.get();
    if (argc < 2) return std::cout << now.str(), 0;

    std::ifstream file(argv[1]);
    if (!file) return std::cerr << "cannot read " << argv[1] << '\n', 1;
    bool same = true;
    for (std::string is, should; std::getline(now, is);) {
        if (!std::getline(file, should)) should = "nothing";
        if (is != should) std::cerr << "is " << is << ", expected " << should << '\n', same = false;
    }
    return same ? 0 : 1;
}
