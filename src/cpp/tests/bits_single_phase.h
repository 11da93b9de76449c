// The parts of `bits` of neurons that spike while they charge.
#pragma once

#include <vector>

#include "bits_layers.h"
#include "rcspike/first_spike.h"
#include "rcspike/trainer.h"

namespace rcspike::test {

/// The same spike times, but spread over two windows.
template <class Real>
Schedule<Real> late_schedule(const Shape& shape) {
    Matrix<Real> times = times_of<Real>(shape);
    for (Real& t : times.values) t *= 2;
    return Schedule<Real>(times, Threads::all(), Phases::single);
}

template <class Real>
void first_spikes(Digest& digest) {
    for_each_layer<Real>([&](const auto&, const Shape& shape, const auto& weights, const Circuit& circuit) {
        Matrix<Real> times(shape.batch, shape.n_out);
        first_spike<Real>(late_schedule<Real>(shape), weights, circuit, times);
        digest.add(times);
    });
}

template <class Real>
void first_spikes_gradient(Digest& digest) {
    for_each_layer<Real>([&](const auto&, const Shape& shape, const auto& weights, const Circuit& circuit) {
        const Matrix<Real> grad = uniform<Real>(shape.batch, shape.n_out, -1, 1, 40);
        Matrix<Real> grad_times(shape.batch, shape.n_in), grad_weights(shape.n_in, shape.n_out);
        const std::uint64_t n_steep =
            first_spike_vjp<Real>(late_schedule<Real>(shape), weights, circuit, grad, 10, grad_times, grad_weights);
        digest.add(&n_steep, sizeof n_steep);
        digest.add(grad_times);
        digest.add(grad_weights);
    });
}

template <class Real>
void affine_first_spikes(Digest& digest) {
    for_each_affine_layer<Real>([&](const auto&, const Shape& shape, const AffineSynapses<Real>& synapses) {
        const Schedule<Real> schedule = late_schedule<Real>(shape);
        Matrix<Real> spikes(shape.batch, shape.n_out);
        first_spike<Real>(schedule, synapses, spikes);
        digest.add(spikes);
        const Matrix<Real> grad = uniform<Real>(shape.batch, shape.n_out, -1, 1, 41);
        Matrix<Real> times(shape.batch, shape.n_in), drive(shape.n_in, shape.n_out), conductance(drive);
        Matrix<Real> drive0(1, shape.n_out), conductance0(1, shape.n_out);
        first_spike_vjp<Real>(schedule, synapses, grad, 10, times,
                              AffineGradient<Real>{drive, conductance, drive0, conductance0});
        for (const auto* part : {&times, &drive, &conductance, &drive0, &conductance0}) digest.add(*part);
    });
}

/// Steps of a trainer with noise, penalties, and on devices; then its weights.
template <class Real>
void training_in_a_single_phase(Digest& digest) {
    constexpr Shape hidden{30, 40, 21}, output{30, 21, 3};
    const Schedule<Real> schedule(times_of<Real>(hidden), Threads::all(), Phases::single);
    const Matrix<Real> noise1 = uniform<Real>(30, 21, -0.05, 0.05, 42), noise2 = uniform<Real>(30, 3, -0.05, 0.05, 43);
    DeviceModel devices;
    devices.off = 0.05;
    devices.proportional = 0.1;
    Loss loss;
    loss.temporal_penalty = 0.01;
    loss.silent_penalty = 0.01;
    for (const Circuit& circuit : circuits()) {
        for (const DeviceModel& model : {DeviceModel{}, devices}) {
            Matrix<Real> first = uniform<Real>(hidden.n_in, hidden.n_out, -0.1, 0.3, 44);
            Matrix<Real> second = uniform<Real>(output.n_in, output.n_out, -0.3, 0.6, 45);
            Trainer<Real> trainer(Network<Real>({first, second}, circuit, {}, Phases::single), loss, model, 5);
            for (int step = 0; step < 10; ++step) {
                std::vector<std::int64_t> samples(30), labels(30);
                for (std::size_t i = 0; i < samples.size(); ++i) {
                    samples[i] = static_cast<std::int64_t>(i * 7 % 30);
                    labels[i] = samples[i] % 3;
                }
                const StepReport report =
                    trainer.step(schedule, {samples.data(), 30}, {labels.data(), 30}, {noise1, noise2}, 0.01);
                digest.add(&report.loss, sizeof report.loss);
                for (const std::uint64_t n : {report.correct, report.silent[0], report.steep[0], report.steep[1]}) {
                    digest.add(&n, sizeof n);
                }
            }
            trainer.network().weights(0, first);
            trainer.network().weights(1, second);
            digest.add(first);
            digest.add(second);
        }
    }
}

}  // namespace rcspike::test
