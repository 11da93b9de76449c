#include "rcspike/network_pass.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <variant>

#include "common/check.h"
#include "network/pass.h"
#include "network/source.h"

namespace rcspike {
namespace {

using detail::Range;
using detail::reject;

/// Whether packed weights are those of a matrix.
template <class Real>
bool are_equal(const detail::Tiles<Real>& packed, Span2<const Real> weights) {
    for (std::size_t row = 0; row < weights.rows; ++row) {
        for (std::size_t t = 0; t < packed.count(); ++t) {
            const Real* const own = packed.tile(t) + row * packed.lanes;
            const Real* const given = weights.row(row) + t * packed.lanes;
            bool equal = true;
            for (std::size_t i = 0; i < packed.width(t); ++i) equal = equal && own[i] == given[i];
            if (!equal) return false;
        }
    }
    return true;
}

}  // namespace

template <class Real>
struct NetworkPass<Real>::State {
    explicit State(Network<Real> own) : network(std::move(own)) {}

    std::vector<detail::Layer<Real>>& layers() { return detail::layers_of(network); }

    template <class Source>
    void forward(const Source& source, std::size_t n, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                 Threads threads) {
        detail::check_shape("v", v, n, layers().back().n_out());
        detail::check_noise(layers(), noise, n, threads);
        complete = false;
        batch = n;
        last_noise.clear();
        if (!noise.empty()) last_noise.assign(noise.back().data, noise.back().data + v.rows * v.cols);
        pass.forward(layers(), {0, n}, source, noise, threads, [&](Range samples) {
            const Real* const from = pass.runs.back().output(layers().back().neurons, samples.first);
            std::copy_n(from, (samples.last - samples.first) * v.cols, v.row(samples.first));
        });
        complete = true;
    }

    Network<Real> network;
    detail::Pass<Real> pass;
    std::vector<Real> last_noise;  // of the last layer, batch x n_out or empty
    std::size_t batch = 0;
    bool complete = false;  // whether there is a forward pass of these weights
};

template <class Real>
NetworkPass<Real>::NetworkPass(Network<Real> network) : state_(std::make_unique<State>(std::move(network))) {}
template <class Real>
NetworkPass<Real>::NetworkPass(NetworkPass&&) noexcept = default;
template <class Real>
NetworkPass<Real>& NetworkPass<Real>::operator=(NetworkPass&&) noexcept = default;
template <class Real>
NetworkPass<Real>::~NetworkPass() = default;

template <class Real>
const Network<Real>& NetworkPass<Real>::network() const {
    return state_->network;
}

template <class Real>
bool NetworkPass<Real>::is_complete() const {
    return state_->complete;
}

template <class Real>
void NetworkPass<Real>::set(const std::vector<Span2<const Real>>& weights, Threads threads) {
    std::vector<detail::Layer<Real>>& layers = state_->layers();
    if (weights.size() != layers.size()) {
        reject("weights must be given for all ", layers.size(), " layers, got ", weights.size());
    }
    const auto name_of = [](std::size_t l) { return "weights[" + std::to_string(l) + "]"; };
    for (std::size_t l = 0; l < layers.size(); ++l) {
        detail::check_shape(name_of(l).c_str(), weights[l], layers[l].n_rows(), layers[l].n_columns());
    }
    const auto packed = [&](std::size_t l) -> detail::Tiles<Real>& { return detail::weights_of(layers[l], "weights"); };
    std::size_t n_equal = 0;
    while (n_equal < layers.size() && are_equal(packed(n_equal), weights[n_equal])) ++n_equal;
    if (n_equal == layers.size()) return;
    for (std::size_t l = n_equal; l < layers.size(); ++l) {
        detail::check_weights(name_of(l).c_str(), weights[l], layers[l].n_rows(), layers[l].coupling(), threads);
    }
    state_->complete = false;
    for (std::size_t l = n_equal; l < layers.size(); ++l) detail::pack_weights(weights[l], packed(l), threads);
}

template <class Real>
void NetworkPass<Real>::forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                                Threads threads) {
    state_->forward(detail::FromTimes<Real>(times, state_->layers().front()), times.rows, noise, v, threads);
}

template <class Real>
void NetworkPass<Real>::forward(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise,
                                Span2<Real> v, Threads threads) {
    const detail::FromSchedule<Real> source(schedule, state_->layers().front());
    state_->forward(source, schedule.batch(), noise, v, threads);
}

template <class Real>
void NetworkPass<Real>::backward(Span2<const Real> grad_v, Span2<Real> grad_times,
                                 const std::vector<Span2<Real>>& grad_weights, double max_slope, Threads threads) {
    State& s = *state_;
    const std::vector<detail::Layer<Real>>& layers = s.layers();
    const std::size_t n_out = layers.back().n_out();
    if (!s.complete) reject("there is no forward pass of these weights to take the gradient of");
    if (!(max_slope > 0) || std::isinf(max_slope)) reject("max_slope must be above 0 and finite, got ", max_slope);
    detail::check_shape("grad_v", grad_v, s.batch, n_out);
    detail::check_finite("grad_v", grad_v);
    if (grad_times.data) detail::check_shape("grad_times", grad_times, s.batch, layers.front().n_in());
    if (grad_weights.size() != layers.size()) {
        reject("grad_weights must be given for all ", layers.size(), " layers, got ", grad_weights.size());
    }
    for (std::size_t l = 0; l < layers.size(); ++l) {
        detail::check_shape("grad_weights", grad_weights[l], layers[l].n_rows(), layers[l].n_columns());
    }
    detail::Buffer<Real>& grad = s.pass.grad.back();
    grad.resize(s.batch * n_out);
    std::copy_n(grad_v.data, s.batch * n_out, grad.data());
    detail::LayerRun<Real>& last = s.pass.runs.back();
    const Real* const noise = s.last_noise.empty() ? nullptr : s.last_noise.data();
    const auto through = [&](const auto& kind) {
        kind.backward_output({last.state.data()}, last.times.data(), noise, s.batch * n_out, grad.data());
    };
    std::visit(through, layers.back().neurons);
    detail::BackwardOptions<Real> options;
    options.grad_times = grad_times;
    options.max_slope = max_slope;
    options.on_gradient = [&](std::size_t l) { return s.pass.gradients[l].weights.sum(grad_weights[l]); };
    s.pass.backward(layers, options, threads);
}

template class NetworkPass<float>;
template class NetworkPass<double>;

}  // namespace rcspike
