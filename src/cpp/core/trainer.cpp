#include "rcspike/trainer.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "activity.h"
#include "backward.h"
#include "check.h"
#include "devices.h"
#include "loss.h"
#include "workers.h"

namespace rcspike {

using detail::Activity;
using detail::Layer;
using detail::LayerGradient;
using detail::Range;
using detail::refuse;
using detail::Tiles;

template <class Real>
struct Trainer<Real>::State {
    State(Network<Real> trained, const Loss& own_loss, const DeviceModel& own_model, std::uint64_t own_seed,
          double decay)
        : network(std::move(trained)), loss(own_loss), model(own_model), seed(own_seed), weight_decay(decay) {}

    Network<Real> network;
    Loss loss;
    DeviceModel model;
    std::uint64_t seed;
    double weight_decay;
    std::uint64_t steps = 0;
    std::vector<Tiles<Real>> moment1, moment2;

    detail::Devices<Real> devices;   // unused if they are ideal
    std::vector<std::uint8_t> used;  // inputs that spike in this step
    Activity<Real> activity;
    std::vector<detail::Sorting<Real>> sorting;  // one for each thread
    std::vector<LayerGradient<Real>> gradients;
    detail::Scratch<Real> scratch;
    std::vector<detail::Buffer<Real>> grad_v;  // batch x n_out of each layer: dL/dv
    detail::Buffer<Real> charges;              // four times batch x n_out of a layer: dL/dQ+, dL/dQ-, Q+ and Q-
    std::vector<double> losses;
    std::vector<unsigned char> correct;
    std::vector<std::int64_t> samples, labels;  // of this step: the caller's may change meanwhile
    std::mutex in_use;
};

namespace {

/// Weights of one task of Adam, a multiple of lanes.
constexpr std::size_t slice = 8192;

constexpr std::uint64_t most_steps = std::uint64_t{1} << 53;  // counted exactly by a double

constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // Kingma and Ba 2015

/// What a charge from a rail costs: its voltage, and for current sources that of a supply that just reaches the
/// threshold.
double supply_voltage(double rail) { return std::isinf(rail) ? std::copysign(1.0, rail) : rail; }

/// Asks a layer's backward pass to count the energy that the rails spend, times the penalty. `charges` is the memory.
template <class Real>
detail::Supply<Real> priced(const Loss& loss, const Circuit& circuit, std::size_t batch, std::size_t n_out,
                            detail::Buffer<Real>& charges) {
    if (loss.energy_penalty == 0) return {};
    const std::size_t size = batch * n_out;
    charges.resize(4 * size);
    Real* const data = charges.data();
    const double price = loss.energy_penalty / static_cast<double>(batch);
    std::fill_n(data, size, static_cast<Real>(price * supply_voltage(circuit.e_plus)));
    std::fill_n(data + size, size, static_cast<Real>(price * supply_voltage(circuit.e_minus)));
    const auto part = [&](std::size_t i) { return Span2<Real>{data + i * size, batch, n_out}; };
    return {part(0), part(1), part(2), part(3)};
}

/// Energy that the rails have spent on a layer, over the batch, in C V_th^2.
template <class Real>
double energy_of(const detail::Supply<Real>& supply, const Circuit& circuit) {
    double plus = 0, minus = 0;
    for (std::size_t i = 0; i < supply.plus.size(); ++i) {
        plus += static_cast<double>(supply.plus.data[i]);
        minus += static_cast<double>(supply.minus.data[i]);
    }
    return supply_voltage(circuit.e_plus) * plus + supply_voltage(circuit.e_minus) * minus;
}

template <class Real>
void check(const Schedule<Real>& schedule, Span1<const std::int64_t> samples, Span1<const std::int64_t> labels,
           const Network<Real>& network) {
    if (schedule.n_in() != network.n_in()) {
        refuse("times must have ", network.n_in(), " inputs for this network, got ", schedule.n_in());
    }
    detail::check_labels(labels, samples.size, network.n_out(network.n_layers() - 1));
    for (std::size_t i = 0; i < samples.size; ++i) {
        if (samples[i] < 0 || samples[i] >= static_cast<std::int64_t>(schedule.batch())) {
            refuse("sample ", samples[i], " does not exist: the schedule has ", schedule.batch());
        }
    }
}

/// Flags the inputs that spike in any of some samples.
template <class Real>
void mark_used(const Schedule<Real>& schedule, Span1<const std::int64_t> samples, std::vector<std::uint8_t>& used) {
    used.assign(schedule.n_in(), 0);
    for (std::size_t i = 0; i < samples.size; ++i) {
        const SpikeTrain<Real> train = schedule[static_cast<std::size_t>(samples[i])];
        for (std::size_t k = 0; k < train.n_spikes(); ++k) used[train.inputs[k]] = 1;
    }
}

}  // namespace

template <class Real>
Trainer<Real>::Trainer(Network<Real> network, const Loss& loss, const DeviceModel& devices, std::uint64_t seed,
                       double weight_decay) {
    validate(loss);
    if (!(weight_decay >= 0) || std::isinf(weight_decay)) {
        refuse("weight_decay must be finite and not negative, got ", weight_decay);
    }
    validate(devices, network.n_layers());
    if (loss.energy_penalty > 0 && !devices.is_ideal()) {
        refuse("energy_penalty ", loss.energy_penalty, " counts the energy of ideal devices; it must be 0 with others");
    }
    state_ = std::make_unique<State>(std::move(network), loss, devices, seed, weight_decay);
    for (const Layer<Real>& layer : state_->network.layers_) {
        for (auto* moments : {&state_->moment1, &state_->moment2}) {
            moments->emplace_back();
            moments->back().resize(layer.n_in(), layer.n_out());
            moments->back().values.zero();
        }
    }
    state_->gradients.resize(state_->network.n_layers());
    state_->grad_v.resize(state_->network.n_layers());
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
StepReport Trainer<Real>::step(const Schedule<Real>& schedule, Span1<const std::int64_t> of_samples,
                               Span1<const std::int64_t> of_labels, const std::vector<Span2<const Real>>& noise,
                               double learning_rate, Threads threads) {
    State& s = *state_;
    const std::lock_guard<std::mutex> one_step_at_a_time(s.in_use);
    const auto copied = [](Span1<const std::int64_t> from, std::vector<std::int64_t>& to) {
        to.assign(from.data, from.data + from.size);
        return Span1<const std::int64_t>{to.data(), to.size()};
    };
    const auto samples = copied(of_samples, s.samples), labels = copied(of_labels, s.labels);
    const std::vector<Layer<Real>>& layers = s.model.is_ideal() ? s.network.layers_ : s.devices.layers;
    const std::size_t batch = samples.size, n_layers = s.network.layers_.size();
    check(schedule, samples, labels, s.network);
    detail::check_noise(s.network.layers_, noise, batch);
    if (!(learning_rate >= 0) || std::isinf(learning_rate))
        refuse("learning_rate must not be negative, got ", learning_rate);
    StepReport report;
    report.silent.assign(n_layers - 1, 0);
    report.saturated.assign(n_layers - 1, 0);
    if (batch == 0) return report;
    if (!s.model.is_ideal()) {
        mark_used(schedule, samples, s.used);
        s.devices.draw(s.network.layers_, s.used, s.model, s.seed, s.steps, threads);
    }

    s.activity.resize(layers, batch);
    s.sorting.resize(std::max(s.sorting.size(), static_cast<std::size_t>(threads.count)));
    for (std::size_t l = 0; l < n_layers; ++l) s.grad_v[l].resize(batch * layers[l].n_out());
    s.losses.resize(batch);
    s.correct.resize(batch);
    const detail::Ramp ramp(s.network.circuit_);
    detail::Overflow overflow(n_layers);
    std::size_t most_intervals = 0;
    for (std::size_t i = 0; i < batch; ++i) {
        most_intervals = std::max(most_intervals, schedule[static_cast<std::size_t>(samples[i])].n_intervals);
    }
    s.activity.events[0].resize(batch, most_intervals);
    detail::for_each_block(batch, threads, [&](Range block, std::size_t) {
        for (std::size_t i = block.first; i < block.last; ++i) {
            s.activity.events[0].set(i, schedule[static_cast<std::size_t>(samples[i])], layers[0].coupling);
        }
    });
    // The first layer's weights, most of them all, have just been changed; each thread charges the neurons whose
    // weights it has changed itself.
    detail::charge(layers[0], s.activity.events[0], s.activity.voltages(layers[0], 0), threads);
    detail::for_each_block(batch, threads, [&](Range block, std::size_t worker) {
        overflow.add(detail::run_on(layers, ramp, noise, 0, block, s.activity, s.sorting[worker]));
        const Span2<Real> v = s.activity.voltages(layers.back(), n_layers - 1);
        for (std::size_t i = block.first; i < block.last; ++i) {
            const Real* const delay = noise.empty() ? nullptr : noise.back().row(i);
            const auto [value, is_correct] =
                detail::sample_loss(s.loss, ramp, v.row(i), delay, v.cols, static_cast<std::size_t>(labels[i]),
                                    1.0 / static_cast<double>(batch), s.grad_v.back().data() + i * v.cols);
            s.losses[i] = value;
            s.correct[i] = is_correct;
        }
    });
    overflow.refuse();
    for (std::size_t i = 0; i < batch; ++i) {
        report.loss += s.losses[i];
        report.correct += s.correct[i];
    }
    // Either would leave no weight that is finite.
    if (!std::isfinite(report.loss) || !detail::all_finite(s.grad_v.back().data(), s.grad_v.back().size())) {
        throw std::runtime_error("the loss or its gradient is no longer finite");
    }

    ++s.steps;
    const kernels::Adam<Real> adam{static_cast<Real>(learning_rate),
                                   static_cast<Real>(beta1),
                                   static_cast<Real>(beta2),
                                   static_cast<Real>(epsilon),
                                   static_cast<Real>(1 / (1 - detail::power(beta1, s.steps))),
                                   static_cast<Real>(1 / (1 - detail::power(beta2, s.steps))),
                                   static_cast<Real>(1 - learning_rate * s.weight_decay),
                                   std::numeric_limits<Real>::infinity()};
    // A layer's weights can change as soon as its own backward pass is done: while that of the layer before it runs.
    const auto update = [&](std::size_t l) -> detail::ExtraTasks {
        if (l == n_layers) return {};
        const detail::Parts<Real>& parts = s.gradients[l].drive;
        kernels::Adam<Real> own = adam;
        if (!s.model.w_max.empty()) own.w_max = static_cast<Real>(s.model.w_max[l]);
        return {(parts.size + slice - 1) / slice, [&s, own, &parts, l](std::size_t task) {
                    const std::size_t first = task * slice;
                    kernels::table<Real>().adam(own, std::min(slice, parts.size - first), parts.values.data() + first,
                                                parts.count, parts.size,
                                                s.model.is_ideal() ? nullptr : s.devices.slopes[l].data() + first,
                                                s.network.layers_[l].drive.values.data() + first,
                                                s.moment1[l].values.data() + first, s.moment2[l].values.data() + first);
                }};
    };
    const auto count = [&](const detail::Supply<Real>& supply) {
        if (supply.plus.data) report.loss += s.loss.energy_penalty * energy_of(supply, s.network.circuit_);
    };
    for (std::size_t l = n_layers; l-- > 0;) {
        const Span2<const Real> grad_v{s.grad_v[l].data(), batch, layers[l].n_out()};
        const auto supply = priced(s.loss, s.network.circuit_, batch, layers[l].n_out(), s.charges);
        detail::BackwardPass<Real> pass{layers[l], s.activity.events[l]};
        pass.grad_v = grad_v;
        pass.supply = supply;
        pass.extra_tasks = update(l + 1);
        if (l == 0) {
            detail::backward(pass, s.gradients[l], s.scratch, threads);
            count(supply);
            break;
        }
        const std::size_t n = layers[l].n_in();
        const Span2<Real> grad_times{s.grad_v[l - 1].data(), batch, n};
        std::atomic<std::size_t> silent{0}, saturated{0};
        const auto through_ramp = [&](Range done) {
            const std::size_t first = done.first * n, size = (done.last - done.first) * n;
            const Real* v = s.activity.v[l - 1].data() + first;
            const Real* times = s.activity.times[l - 1].data() + first;
            Real* grad = grad_times.data + first;
            ramp.vjp(v, grad, size, grad);
            std::size_t n_silent = 0, n_saturated = 0;
            for (std::size_t i = 0; i < size; ++i) {
                // Noise that pushed a spike to the start of the phase has cut it off from its voltage.
                grad[i] = times[i] > 0 ? grad[i] : Real(0);
                n_silent += v[i] <= 0;
                n_saturated += v[i] >= 1;
            }
            silent += n_silent;
            saturated += n_saturated;
        };
        pass.grad_times = grad_times;
        pass.on_times = through_ramp;
        detail::backward(pass, s.gradients[l], s.scratch, threads);
        count(supply);
        report.silent[l - 1] = silent;
        report.saturated[l - 1] = saturated;
    }

    const detail::ExtraTasks last = update(0);
    detail::for_each_task(last.count, threads, [&](std::size_t task, std::size_t) { last.run(task); });
    return report;
}

template <class Real>
std::uint64_t Trainer<Real>::steps() const {
    return state_->steps;
}

template <class Real>
void Trainer<Real>::moment(std::size_t layer, int order, Span2<Real> to) const {
    if (order != 0 && order != 1) refuse("order must be 0 or 1, got ", order);
    const std::lock_guard<std::mutex> no_step(state_->in_use);
    const Tiles<Real>& from = (order == 0 ? state_->moment1 : state_->moment2).at(layer);
    detail::check_shape("moment", to, from.rows, from.cols);
    from.unpack(to, Threads::all());
}

template <class Real>
void Trainer<Real>::restore(std::uint64_t steps, const std::vector<Span2<const Real>>& first,
                            const std::vector<Span2<const Real>>& second) {
    State& s = *state_;
    const std::lock_guard<std::mutex> no_step(s.in_use);
    if (steps > most_steps) refuse("steps must be at most ", most_steps, ", got ", steps);
    for (const auto* moments : {&first, &second}) {
        if (moments->size() != s.moment1.size())
            refuse("moments must be given for all ", s.moment1.size(), " layers, got ", moments->size());
        for (std::size_t l = 0; l < moments->size(); ++l) {
            detail::check_shape("moment", (*moments)[l], s.moment1[l].rows, s.moment1[l].cols);
            detail::check_finite("moment", (*moments)[l]);
            if (moments == &second) detail::check_not_negative("second moment", second[l]);
        }
    }
    for (std::size_t l = 0; l < first.size(); ++l) {
        s.moment1[l].pack(first[l], Threads::all());
        s.moment2[l].pack(second[l], Threads::all());
    }
    s.steps = steps;
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace rcspike
