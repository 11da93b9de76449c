#include "rcspike/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "activity.h"
#include "check.h"
#include "elementary.h"
#include "workers.h"

namespace rcspike {

using detail::Activity;
using detail::Layer;
using detail::LayerGradient;
using detail::refuse;
using detail::Tiles;

template <class Real>
struct Trainer<Real>::State {
    Network<Real> network;
    Loss loss;
    std::uint64_t steps = 0;
    std::vector<Tiles<Real>> moment1, moment2;

    Activity<Real> activity;
    std::vector<LayerGradient<Real>> gradients;
    detail::Scratch<Real> scratch;
    detail::Buffer<Real> grad_v, grad_times;
    std::vector<double> losses;
    std::vector<unsigned char> correct;
};

namespace {

constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // Kingma and Ba 2015

/// Loss of one sample; writes dL/dv scaled by `scale`. Voltages are shifted by their largest, so exp stays in range.
template <class Real>
double loss_of(const Loss& loss, const Real* v, std::size_t n, std::int64_t label, double scale, Real* grad_v,
               bool& correct) {
    const std::size_t first = static_cast<std::size_t>(std::max_element(v, v + n) - v);
    correct = first == static_cast<std::size_t>(label);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += detail::exp_of_negative((double(v[i]) - v[first]) / loss.temperature);
    double total = detail::log(sum) + (double(v[first]) - v[label]) / loss.temperature;
    for (std::size_t i = 0; i < n; ++i) {
        const double p = detail::exp_of_negative((double(v[i]) - v[first]) / loss.temperature) / sum;
        const double late = (1 - double(v[i])) - loss.t_ref;
        total += loss.temporal_penalty * late * late;
        const double slope =
            (p - (i == static_cast<std::size_t>(label))) / loss.temperature - 2 * loss.temporal_penalty * late;
        grad_v[i] = static_cast<Real>(scale * slope);
    }
    return total;
}

template <class Real>
void check(const Schedule<Real>& schedule, Span1<const std::int64_t> samples, Span1<const std::int64_t> labels,
           const Network<Real>& network) {
    if (schedule.n_in() != network.n_in()) {
        refuse("times must have ", network.n_in(), " inputs for this network, got ", schedule.n_in());
    }
    detail::check_size("labels", labels, samples.size);
    const auto n_classes = static_cast<std::int64_t>(network.n_out(network.n_layers() - 1));
    for (std::size_t i = 0; i < samples.size; ++i) {
        if (samples[i] < 0 || samples[i] >= static_cast<std::int64_t>(schedule.batch())) {
            refuse("sample ", samples[i], " does not exist: the schedule has ", schedule.batch());
        }
        if (labels[i] < 0 || labels[i] >= n_classes) {
            refuse("label ", labels[i], " at position ", i, " must be in [0, ", n_classes, ")");
        }
    }
}

}  // namespace

template <class Real>
Trainer<Real>::Trainer(Network<Real> network, const Loss& loss) {
    if (!(loss.temperature > 0) || std::isinf(loss.temperature)) {
        refuse("temperature must be above 0 and finite, got ", loss.temperature);
    }
    if (!(loss.temporal_penalty >= 0) || std::isinf(loss.temporal_penalty)) {
        refuse("temporal_penalty must be finite and not negative, got ", loss.temporal_penalty);
    }
    if (!std::isfinite(loss.t_ref)) refuse("t_ref must be finite, got ", loss.t_ref);
    state_.reset(new State{std::move(network), loss, 0, {}, {}, {}, {}, {}, {}, {}, {}, {}});
    for (const Layer<Real>& layer : state_->network.layers_) {
        for (auto* moments : {&state_->moment1, &state_->moment2}) {
            moments->emplace_back();
            moments->back().resize(layer.n_in(), layer.n_out());
            moments->back().values.zero();
        }
    }
    state_->gradients.resize(state_->network.n_layers());
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
    std::vector<Layer<Real>>& layers = s.network.layers_;
    const std::size_t batch = samples.size, n_layers = layers.size();
    check(schedule, samples, labels, s.network);
    detail::check_noise(layers, noise, batch);
    if (!(learning_rate >= 0) || std::isinf(learning_rate))
        refuse("learning_rate must not be negative, got ", learning_rate);
    StepReport report;
    report.silent.assign(n_layers - 1, 0);
    report.saturated.assign(n_layers - 1, 0);
    if (batch == 0) return report;

    s.activity.trains.resize(n_layers);
    s.activity.trains[0].resize(batch);
    for (std::size_t i = 0; i < batch; ++i) s.activity.trains[0][i] = schedule[static_cast<std::size_t>(samples[i])];
    detail::run(layers, s.network.circuit_, noise, s.activity, threads);

    const Span2<Real> v_out = s.activity.voltages(layers.back(), n_layers - 1);
    s.grad_v.resize(v_out.size());
    s.losses.resize(batch);
    s.correct.resize(batch);
    constexpr std::size_t block = 16;
    const std::size_t n_blocks = (batch + block - 1) / block;
    detail::for_each_task(n_blocks, threads, [&](std::size_t task, std::size_t) {
        for (std::size_t i = task * block; i < std::min(batch, (task + 1) * block); ++i) {
            bool correct = false;
            s.losses[i] = loss_of(s.loss, v_out.row(i), v_out.cols, labels[i], 1.0 / static_cast<double>(batch),
                                  s.grad_v.data() + i * v_out.cols, correct);
            s.correct[i] = correct;
        }
    });
    for (std::size_t i = 0; i < batch; ++i) {
        report.loss += s.losses[i];
        report.correct += s.correct[i];
    }

    const detail::Ramp ramp(s.network.circuit_);
    for (std::size_t l = n_layers; l-- > 0;) {
        const Layer<Real>& layer = layers[l];
        Span2<Real> grad_times{nullptr, batch, layer.n_in()};
        if (l > 0) {
            s.grad_times.resize(grad_times.size());
            grad_times.data = s.grad_times.data();
        }
        const Span2<const Real> grad_v{s.grad_v.data(), batch, layer.n_out()};
        detail::backward(layer, s.activity.trains[l], grad_v, grad_times, s.gradients[l], s.scratch, threads);
        if (l == 0) break;
        s.grad_v.resize(grad_times.size());
        const std::size_t n = layer.n_in();
        std::vector<std::size_t> silent(n_blocks), saturated(n_blocks);
        detail::for_each_task(n_blocks, threads, [&](std::size_t task, std::size_t) {
            const std::size_t first = task * block * n;
            const std::size_t size = std::min(batch, (task + 1) * block) * n - first;
            const Real* v = s.activity.v[l - 1].data() + first;
            const Real* times = s.activity.times[l - 1].data() + first;
            Real* grad = s.grad_v.data() + first;
            ramp.vjp(v, grad_times.data + first, size, grad);
            std::size_t n_silent = 0, n_saturated = 0;
            for (std::size_t i = 0; i < size; ++i) {
                // Noise that pushed a spike to the start of the phase has cut it off from its voltage.
                grad[i] = times[i] > 0 ? grad[i] : Real(0);
                n_silent += v[i] <= 0;
                n_saturated += v[i] >= 1;
            }
            silent[task] = n_silent;
            saturated[task] = n_saturated;
        });
        report.silent[l - 1] = std::accumulate(silent.begin(), silent.end(), std::size_t{0});
        report.saturated[l - 1] = std::accumulate(saturated.begin(), saturated.end(), std::size_t{0});
    }

    ++s.steps;
    const double step = static_cast<double>(s.steps);
    const kernels::Adam<Real> adam{static_cast<Real>(learning_rate),
                                   static_cast<Real>(beta1),
                                   static_cast<Real>(beta2),
                                   static_cast<Real>(epsilon),
                                   static_cast<Real>(1 / (1 - std::pow(beta1, step))),
                                   static_cast<Real>(1 / (1 - std::pow(beta2, step)))};
    constexpr std::size_t slice = 8192;  // a multiple of lanes
    std::vector<std::pair<std::size_t, std::size_t>> slices;
    for (std::size_t l = 0; l < n_layers; ++l) {
        for (std::size_t i = 0; i < layers[l].drive.values.size(); i += slice) slices.emplace_back(l, i);
    }
    detail::for_each_task(slices.size(), threads, [&](std::size_t task, std::size_t) {
        const auto [l, first] = slices[task];
        const detail::Parts<Real>& parts = s.gradients[l].drive;
        kernels::table<Real>().adam(adam, std::min(slice, parts.size - first), parts.values.data() + first, parts.count,
                                    parts.size, layers[l].drive.values.data() + first,
                                    s.moment1[l].values.data() + first, s.moment2[l].values.data() + first);
    });
    return report;
}

template <class Real>
std::uint64_t Trainer<Real>::steps() const {
    return state_->steps;
}

template <class Real>
void Trainer<Real>::moment(std::size_t layer, int order, Span2<Real> to) const {
    const Tiles<Real>& from = (order == 0 ? state_->moment1 : state_->moment2).at(layer);
    detail::check_shape("moment", to, from.rows, from.cols);
    from.unpack(to);
}

template <class Real>
void Trainer<Real>::restore(std::uint64_t steps, const std::vector<Span2<const Real>>& first,
                            const std::vector<Span2<const Real>>& second) {
    const auto fill = [&](std::vector<Tiles<Real>>& moments, const std::vector<Span2<const Real>>& from) {
        if (from.size() != moments.size())
            refuse("moments must be given for all ", moments.size(), " layers, got ", from.size());
        for (std::size_t l = 0; l < from.size(); ++l) {
            detail::check_shape("moment", from[l], moments[l].rows, moments[l].cols);
            moments[l].pack(from[l]);
        }
    };
    fill(state_->moment1, first);
    fill(state_->moment2, second);
    state_->steps = steps;
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace rcspike
