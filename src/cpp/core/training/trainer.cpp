#include "rcspike/trainer.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <variant>

#include "common/check.h"
#include "layer/backward.h"
#include "network/activity.h"
#include "parallel/workers.h"
#include "training/devices.h"
#include "training/energy_term.h"
#include "training/loss.h"
#include "training/optimiser.h"

namespace rcspike {

using detail::Layer;
using detail::LayerRun;
using detail::Range;
using detail::reject;
using detail::SinglePhase;
using detail::TwoPhase;

namespace {

/// Samples of a schedule, in the order in which a step trains on them, and their labels.
struct Batch {
    std::vector<std::int64_t> samples, labels;

    void assign(Span1<const std::int64_t> of_samples, Span1<const std::int64_t> of_labels) {
        samples.assign(of_samples.data, of_samples.data + of_samples.size);
        labels.assign(of_labels.data, of_labels.data + of_labels.size);
    }
    std::size_t size() const { return samples.size(); }
    std::size_t sample(std::size_t i) const { return static_cast<std::size_t>(samples[i]); }
    std::size_t label(std::size_t i) const { return static_cast<std::size_t>(labels[i]); }
};

/// The backward pass through the firing phase of a hidden layer, for some samples at a time: dL/dt becomes dL/dv.
template <class Real>
class Firing {
public:
    /// `pull` is the derivative of the loss against the drives of a silent neuron of a single phase.
    Firing(const Layer<Real>& layer, const LayerRun<Real>& run, Span2<Real> grad, Real pull)
        : layer_(layer), run_(run), grad_(grad), pull_(pull) {}

    void backward(Range samples) {
        const std::size_t first = samples.first * grad_.cols, size = (samples.last - samples.first) * grad_.cols;
        std::visit([&](const auto& neurons) { backward(neurons, first, size); }, layer_.neurons);
    }

    std::atomic<std::size_t> silent{0}, saturated{0};

private:
    void backward(const TwoPhase<Real>& neurons, std::size_t first, std::size_t size) {
        const Real* const v = run_.v.data() + first;
        neurons.backward(v, run_.times.data() + first, size, grad_.data + first);
        std::size_t n_silent = 0, n_saturated = 0;
        for (std::size_t i = 0; i < size; ++i) {
            n_silent += v[i] <= 0;
            n_saturated += v[i] >= 1;
        }
        silent += n_silent;
        saturated += n_saturated;
    }

    /// dL/dt stays what it is, but for spikes that noise has moved to the start of the phase.
    void backward(const SinglePhase<Real>&, std::size_t first, std::size_t size) {
        const Real *const undelayed = run_.v.data() + first, *const times = run_.times.data() + first;
        Real* const grad = grad_.data + first;
        std::size_t n_silent = 0;
        for (std::size_t i = 0; i < size; ++i) {
            const bool is_silent = std::isinf(times[i]), moves = times[i] > 0 || undelayed[i] == times[i];
            grad[i] = is_silent ? pull_ : moves ? grad[i] : Real(0);
            n_silent += is_silent;
        }
        silent += n_silent;
    }

    const Layer<Real>& layer_;
    const LayerRun<Real>& run_;
    Span2<Real> grad_;  // dL/dt before, dL/dv after
    Real pull_;
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
          energy(loss.energy_penalty, network.circuit()),
          gradients(network.n_layers()),
          grad_v(network.n_layers()) {}

    std::vector<Layer<Real>>& weights() { return detail::layers_of(network); }

    void check(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise, double learning_rate);
    const std::vector<Layer<Real>>& draw(const Schedule<Real>& schedule, Threads threads);
    void forward(const std::vector<Layer<Real>>& layers, const Schedule<Real>& schedule,
                 const std::vector<Span2<const Real>>& noise, StepReport& report, Threads threads);
    detail::SampleLoss output_loss(const Layer<Real>& last, std::size_t i, const Real* delay);
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
    std::vector<LayerRun<Real>> runs;
    std::vector<detail::Sorting<Real>> sorting;  // one for each thread
    std::vector<detail::WeightGradient<Real>> gradients;
    detail::Scratch<Real> scratch;
    std::vector<detail::Buffer<Real>> grad_v;  // batch x n_out of each layer: dL/dv
    std::vector<double> losses;
    std::vector<unsigned char> correct;
    std::mutex in_use;
};

template <class Real>
void Trainer<Real>::State::check(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise,
                                 double learning_rate) {
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
    detail::check_noise(weights(), noise, batch.size());
    if (!(learning_rate >= 0) || std::isinf(learning_rate))
        reject("learning_rate must not be negative, got ", learning_rate);
}

/// The layers that this step runs on: the weights themselves, or devices drawn for them.
template <class Real>
const std::vector<Layer<Real>>& Trainer<Real>::State::draw(const Schedule<Real>& schedule, Threads threads) {
    if (model.is_ideal()) return weights();
    const Layer<Real>& first = weights().front();
    used.assign(first.n_rows(), 0);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const Spikes<Real> spikes = schedule[batch.sample(i)];
        for (std::size_t k = 0; k < spikes.n_spikes(); ++k) used[detail::row_of(first.wiring, spikes.inputs[k])] = 1;
    }
    devices.draw(weights(), used, model, seed, optimiser.steps(), threads);
    return devices.layers;
}

/// The loss of sample i of the batch; writes its slope at the last layer.
template <class Real>
detail::SampleLoss Trainer<Real>::State::output_loss(const Layer<Real>& last, std::size_t i, const Real* delay) {
    const Span2<Real> v = runs.back().voltages();
    const double scale = 1.0 / static_cast<double>(batch.size());
    Real* const grad = grad_v.back().data() + i * v.cols;
    if (const auto* two = std::get_if<TwoPhase<Real>>(&last.neurons)) {
        const detail::Readout readout(two->ramp);
        return detail::sample_loss(loss, readout, v.row(i), delay, v.cols, batch.label(i), scale, grad);
    }
    const Real* const times = runs.back().times.data() + i * v.cols;
    return detail::spike_loss(loss, times, v.row(i), v.cols, batch.label(i), scale, grad);
}

/// Voltages of all layers, and the loss and its slope at the last one.
template <class Real>
void Trainer<Real>::State::forward(const std::vector<Layer<Real>>& layers, const Schedule<Real>& schedule,
                                   const std::vector<Span2<const Real>>& noise, StepReport& report, Threads threads) {
    const std::size_t n = batch.size(), n_layers = layers.size();
    resize(layers, n, runs);
    sorting.resize(std::max(sorting.size(), static_cast<std::size_t>(threads.count)));
    for (std::size_t l = 0; l < n_layers; ++l) grad_v[l].resize(n * layers[l].n_out());
    losses.resize(n);
    correct.resize(n);
    std::size_t max_intervals = 0;
    for (std::size_t i = 0; i < n; ++i) {
        max_intervals = std::max(max_intervals, schedule[batch.sample(i)].n_intervals);
    }
    detail::EventBatch<Real>& events = runs.front().events;
    events.resize(n, max_intervals, layers.front().front());
    detail::for_each_block(n, threads, [&](Range block, std::size_t) {
        for (std::size_t i = block.first; i < block.last; ++i) {
            events.set(i, schedule[batch.sample(i)], layers.front().front());
        }
    });
    // The first layer has most of the weights, and all of them have just been changed: each thread charges the neurons
    // whose weights it has changed itself.
    detail::charge(layers.front(), events, runs.front().voltages(), threads);
    detail::Overflow overflow(n_layers);
    detail::for_each_block(n, threads, [&](Range block, std::size_t worker) {
        overflow.add(detail::run(layers, noise, 0, block, true, runs, sorting[worker]));
        for (std::size_t i = block.first; i < block.last; ++i) {
            const Real* const delay = noise.empty() ? nullptr : noise.back().row(i);
            const auto [value, is_correct] = output_loss(layers.back(), i, delay);
            losses[i] = value;
            correct[i] = is_correct;
        }
    });
    overflow.check();
    for (std::size_t i = 0; i < n; ++i) {
        report.loss += losses[i];
        report.correct += correct[i];
    }
    // Either would leave no weight that is finite.
    if (!std::isfinite(report.loss) || !detail::all_finite(grad_v.back().data(), grad_v.back().size())) {
        throw std::runtime_error("the loss or its gradient is no longer finite");
    }
}

/// From the last layer to the first, updating the weights of each as soon as its gradient is complete: while the
/// backward pass of the layer before it runs.
template <class Real>
void Trainer<Real>::State::backward(const std::vector<Layer<Real>>& layers, StepReport& report, Threads threads) {
    const std::size_t n = batch.size(), n_layers = layers.size();
    for (std::size_t l = n_layers; l-- > 0;) {
        detail::BackwardPass<Real> pass{layers[l], runs[l].events};
        pass.grad_v = {grad_v[l].data(), n, layers[l].n_out()};
        pass.supply = energy.supply(n, layers[l].n_out());
        std::atomic<std::size_t> n_steep{0};
        pass.spikes = {runs[l].voltages(), loss.max_slope, &n_steep};
        if (l + 1 < n_layers) pass.extra_tasks = update(l + 1);
        if (l > 0) {
            pass.grad_times = {grad_v[l - 1].data(), n, layers[l].n_in()};
            const auto pull = static_cast<Real>(-loss.silent_penalty / static_cast<double>(n));
            Firing<Real> firing(layers[l - 1], runs[l - 1], pass.grad_times, pull);
            pass.on_times = [&](Range samples) { firing.backward(samples); };
            detail::backward(pass, gradients[l], scratch, threads);
            report.silent[l - 1] = firing.silent;
            report.saturated[l - 1] = firing.saturated;
        } else {
            detail::backward(pass, gradients[l], scratch, threads);
        }
        report.steep[l] = n_steep;
        report.loss += energy.value(pass.supply);
    }
    const detail::ExtraTasks last = update(0);
    detail::for_each_task(last.count, threads, [&](std::size_t task, std::size_t) { last.run(task); });
}

template <class Real>
detail::ExtraTasks Trainer<Real>::State::update(std::size_t l) {
    const Real* const slopes = model.is_ideal() ? nullptr : devices.slopes[l].data();
    const double w_max = model.w_max.empty() ? std::numeric_limits<double>::infinity() : model.w_max[l];
    return optimiser.update(l, gradients[l].weights, slopes, w_max,
                            std::get<detail::Resistive<Real>>(weights()[l].synapses).weights);
}

template <class Real>
Trainer<Real>::Trainer(Network<Real> network, const Loss& loss, const DeviceModel& devices, std::uint64_t seed,
                       double weight_decay) {
    validate(loss);
    validate(devices, network.n_layers());
    if (loss.energy_penalty > 0 && network.phases() == Phases::single) {
        reject("energy_penalty ", loss.energy_penalty,
               " counts the energy of two phases; it must be 0 in a single one");
    }
    if (loss.energy_penalty > 0 && !devices.is_ideal()) {
        reject("energy_penalty ", loss.energy_penalty, " counts the energy of ideal devices; it must be 0 with others");
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
                               double learning_rate, Threads threads) {
    State& s = *state_;
    const std::lock_guard<std::mutex> one_step_at_a_time(s.in_use);
    s.batch.assign(samples, labels);
    s.check(schedule, noise, learning_rate);
    StepReport report;
    report.silent.assign(s.network.n_layers() - 1, 0);
    report.saturated.assign(s.network.n_layers() - 1, 0);
    report.steep.assign(s.network.n_layers(), 0);
    if (s.batch.size() == 0) return report;
    const std::vector<Layer<Real>>& layers = s.draw(schedule, threads);
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
