#include "rcspike/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "common/check.h"
#include "network/pass.h"
#include "network/source.h"
#include "parallel/workers.h"
#include "synapses/ohmic.h"
#include "training/batch_loss.h"
#include "training/drawn_devices.h"
#include "training/energy_term.h"
#include "training/optimiser.h"

namespace rcspike {

using detail::Layer;
using detail::Range;
using detail::reject;

namespace {

/// Samples of a schedule, in the order in which a step trains on them, their labels, and their weights in the loss.
struct Batch {
    std::vector<std::int64_t> samples, labels;
    std::vector<double> weights;  // empty if all are 1

    void assign(Span1<const std::int64_t> of_samples, Span1<const std::int64_t> of_labels,
                Span1<const double> of_losses) {
        samples.assign(of_samples.data, of_samples.data + of_samples.size);
        labels.assign(of_labels.data, of_labels.data + of_labels.size);
        weights.assign(of_losses.data, of_losses.data + of_losses.size);
    }
    std::size_t size() const { return samples.size(); }
    std::size_t label(std::size_t i) const { return static_cast<std::size_t>(labels[i]); }
    double weight(std::size_t i) const { return weights.empty() ? 1.0 : weights[i]; }
};

}  // namespace

template <class Real>
struct Trainer<Real>::State {
    State(Network<Real> trained, const Loss& own_loss, const DeviceModel& own_model, std::uint64_t own_seed,
          double weight_decay)
        : network(std::move(trained)),
          loss(own_loss),
          model(own_model),
          seed(own_seed),
          optimiser(weights(), weight_decay),
          energy(loss.energy_penalty, network.circuit()) {}

    std::vector<Layer<Real>>& weights() { return detail::layers_of(network); }

    void check(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise, double learning_rate,
               Threads threads);
    const std::vector<Layer<Real>>& draw(const Schedule<Real>& schedule, Threads threads);
    void forward(const std::vector<Layer<Real>>& layers, const Schedule<Real>& schedule,
                 const std::vector<Span2<const Real>>& noise, StepReport& report, Threads threads);
    detail::SampleLoss output_loss(const Layer<Real>& last, std::size_t i, const Real* noise);
    void backward(const std::vector<Layer<Real>>& layers, StepReport& report, Threads threads);
    detail::ExtraTasks update(std::size_t l);

    Network<Real> network;
    Loss loss;
    DeviceModel model;
    std::uint64_t seed;
    detail::Optimiser<Real> optimiser;
    detail::EnergyTerm<Real> energy;

    Batch batch;                         // copied, since the caller may change its own while a step runs
    detail::DrawnDevices<Real> devices;  // unused if they are ideal
    std::vector<std::uint8_t> used;      // rows of the first layer that conduct in this step
    detail::Pass<Real> pass;
    std::vector<double> losses;
    std::vector<unsigned char> correct;
    std::mutex in_use;
};

template <class Real>
void Trainer<Real>::State::check(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise,
                                 double learning_rate, Threads threads) {
    detail::check_phases(schedule.phases(), network.phases());
    if (schedule.n_in() != network.n_in()) {
        reject("times must have ", network.n_in(), " inputs for this network, got ", schedule.n_in());
    }
    const Span1<const std::int64_t> labels{batch.labels.data(), batch.labels.size()};
    detail::check_labels(labels, batch.size(), network.n_out(network.n_layers() - 1));
    for (const std::int64_t sample : batch.samples) {
        if (sample < 0 || sample >= static_cast<std::int64_t>(schedule.batch())) {
            reject("sample ", sample, " does not exist: the schedule has ", schedule.batch());
        }
    }
    if (!batch.weights.empty()) {
        detail::check_size("sample_weights", Span1<const double>{batch.weights.data(), batch.weights.size()},
                           batch.size());
    }
    for (const double weight : batch.weights) {
        if (!(weight >= 0) || std::isinf(weight))
            reject("sample_weights must be finite and not negative, got ", weight);
    }
    detail::check_noise(weights(), noise, batch.size(), threads);
    if (!(learning_rate >= 0) || std::isinf(learning_rate))
        reject("learning_rate must not be negative, got ", learning_rate);
}

/// The layers that this step runs on: the weights themselves, or devices drawn for them.
template <class Real>
const std::vector<Layer<Real>>& Trainer<Real>::State::draw(const Schedule<Real>& schedule, Threads threads) {
    if (model.is_ideal()) return weights();
    const Layer<Real>& first = weights().front();
    used.assign(first.n_rows(), 0);
    detail::mark_rows(first.wiring, schedule, batch.samples, used);
    devices.draw(weights(), used, model, seed, optimiser.steps(), threads);
    return devices.layers;
}

/// The weighted loss of sample i of the batch; writes the slope of its part of the mean at the last layer.
template <class Real>
detail::SampleLoss Trainer<Real>::State::output_loss(const Layer<Real>& last, std::size_t i, const Real* noise) {
    detail::LayerRun<Real>& run = pass.runs.back();
    const double scale = batch.weight(i) / static_cast<double>(batch.size());
    const auto of_kind = [&](const auto& neurons) {
        return neurons.loss(loss, {run.state.data() + i * run.n_out}, run.times.data() + i * run.n_out, noise,
                            run.n_out, batch.label(i), scale, pass.grad.back().data() + i * run.n_out);
    };
    const auto [value, is_correct] = std::visit(of_kind, last.neurons);
    return {batch.weight(i) * value, is_correct};
}

/// Voltages of all layers, and the loss and its slope at the last one.
template <class Real>
void Trainer<Real>::State::forward(const std::vector<Layer<Real>>& layers, const Schedule<Real>& schedule,
                                   const std::vector<Span2<const Real>>& noise, StepReport& report, Threads threads) {
    const std::size_t n = batch.size();
    losses.resize(n);
    correct.resize(n);
    const detail::FromSchedule<Real> source(schedule, layers.front(), batch.samples.data());
    pass.grad.resize(layers.size());
    pass.grad.back().resize(n * layers.back().n_out());
    pass.forward(layers, {0, n}, source, noise, threads, [&](Range samples) {
        for (std::size_t i = samples.first; i < samples.last; ++i) {
            const Real* const of_outputs = noise.empty() ? nullptr : noise.back().row(i);
            const auto [value, is_correct] = output_loss(layers.back(), i, of_outputs);
            losses[i] = value;
            correct[i] = is_correct;
        }
    });
    for (std::size_t i = 0; i < n; ++i) {
        report.loss += losses[i];
        report.correct += correct[i];
    }
    // Either would leave no weight that is finite.
    if (!std::isfinite(report.loss) || !detail::all_finite(pass.grad.back().data(), pass.grad.back().size())) {
        throw std::runtime_error("the loss or its gradient is no longer finite");
    }
}

/// From the last layer to the first, updating the weights of each as soon as its gradient is complete.
template <class Real>
void Trainer<Real>::State::backward(const std::vector<Layer<Real>>& layers, StepReport& report, Threads threads) {
    const std::size_t n = batch.size();
    detail::BackwardOptions<Real> options;
    options.grad_silent_drive = -loss.silent_penalty / static_cast<double>(n);
    options.max_slope = loss.max_slope;
    options.supply = [&](std::size_t l) { return energy.supply(n, layers[l].n_out()); };
    options.supplied = [&](const detail::Supply<Real>& supply) { report.loss += energy.value(supply); };
    options.on_gradient = [&](std::size_t l) { return update(l); };
    detail::Counts counts = pass.backward(layers, options, threads);
    report.silent = std::move(counts.silent);
    report.saturated = std::move(counts.saturated);
    report.steep = std::move(counts.steep);
}

template <class Real>
detail::ExtraTasks Trainer<Real>::State::update(std::size_t l) {
    const Real* const slopes = model.is_ideal() ? nullptr : devices.slopes[l].data();
    detail::WeightRange range;
    if (!model.w_max.empty()) range.max = model.w_max[l];
    if (!model.w_min.empty()) range.min = model.w_min[l];
    return optimiser.update(l, pass.gradients[l].weights, slopes, range, detail::weights_of(weights()[l], "training"));
}

template <class Real>
Trainer<Real>::Trainer(Network<Real> network, const Loss& loss, const DeviceModel& devices, std::uint64_t seed,
                       double weight_decay) {
    validate(loss);
    validate(devices, network.n_layers());
    if (loss.energy_penalty > 0) {
        std::ostringstream penalty;
        penalty << "energy_penalty " << loss.energy_penalty;
        std::visit([&](const auto& kind) { kind.check_supply(penalty.str().c_str()); },
                   detail::layers_of(network).front().neurons);
    }
    if (loss.energy_penalty > 0 && !devices.is_ideal()) {
        reject("energy_penalty ", loss.energy_penalty, " counts the energy of ideal devices; it must be 0 with others");
    }
    for (std::size_t l = 0; loss.energy_penalty > 0 && l < network.n_layers(); ++l) {
        if (detail::layers_of(network)[l].grid().pool > 1) {
            reject("energy_penalty ", loss.energy_penalty,
                   " does not know the energy of neurons that share charge (pool); ", "it must be 0 for them");
        }
    }
    if (loss.energy_penalty > 0) detail::check_ohmic(network.circuit(), "energy penalties");
    if (!devices.is_ideal()) detail::check_ohmic(network.circuit(), "devices drawn in training");
    for (const detail::Layer<Real>& layer : detail::layers_of(network)) {
        if (!layer.loads_membranes()) continue;
        if (loss.energy_penalty > 0) {
            reject("energy_penalty ", loss.energy_penalty, " does not know what bodies and junctions take from the ",
                   "rails; it must be 0 where rows load the membrane");
        }
        if (devices.off != 0 || devices.absolute != 0 || devices.stuck_on != 0) {
            reject(
                "rows that load the membrane are trained with one device for each weight, which differs from it by a ",
                "factor: off, absolute and stuck_on must be 0, got ", devices.off, ", ", devices.absolute, " and ",
                devices.stuck_on);
        }
    }
    state_ = std::make_unique<State>(std::move(network), loss, devices, seed, weight_decay);
}

template <class Real>
Trainer<Real>::Trainer(Trainer&&) noexcept = default;
template <class Real>
Trainer<Real>::~Trainer() = default;

template <class Real>
const Network<Real>& Trainer<Real>::network() const {
    return state_->network;
}

template <class Real>
StepReport Trainer<Real>::step(const Schedule<Real>& schedule, Span1<const std::int64_t> samples,
                               Span1<const std::int64_t> labels, const std::vector<Span2<const Real>>& noise,
                               double learning_rate, Threads threads, Span1<const double> sample_weights) {
    State& s = *state_;
    const std::lock_guard<std::mutex> one_step_at_a_time(s.in_use);
    s.batch.assign(samples, labels, sample_weights);
    s.check(schedule, noise, learning_rate, threads);
    StepReport report;
    report.silent.assign(s.network.n_layers() - 1, 0);
    report.saturated.assign(s.network.n_layers() - 1, 0);
    report.steep.assign(s.network.n_layers(), 0);
    if (s.batch.size() == 0) return report;
    const std::vector<Layer<Real>>& layers = s.draw(schedule, threads);
    for (std::size_t l = 0; l < layers.size(); ++l) {
        if (const auto* resistive = std::get_if<detail::Resistive<Real>>(&layers[l].synapses))
            detail::check_loads<std::runtime_error>(("weights[" + std::to_string(l) + "]").c_str(), *resistive);
    }
    s.forward(layers, schedule, noise, report, threads);
    s.optimiser.begin_step(learning_rate);
    s.backward(layers, report, threads);
    return report;
}

template <class Real>
std::uint64_t Trainer<Real>::steps() const {
    return state_->optimiser.steps();
}

template <class Real>
void Trainer<Real>::moment(std::size_t layer, int order, Span2<Real> to) const {
    const std::lock_guard<std::mutex> no_step(state_->in_use);
    const detail::Tiles<Real>& from = state_->optimiser.moment(layer, order);
    detail::check_shape("moment", to, from.rows, from.cols);
    from.unpack(to, Threads::all());
}

template <class Real>
void Trainer<Real>::restore(std::uint64_t steps, const std::vector<Span2<const Real>>& first,
                            const std::vector<Span2<const Real>>& second) {
    const std::lock_guard<std::mutex> no_step(state_->in_use);
    state_->optimiser.restore(steps, first, second);
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace rcspike
