#include "network/pass.h"

#include <atomic>
#include <cmath>
#include <variant>

namespace rcspike::detail {
namespace {

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
Counts Pass<Real>::backward(const std::vector<Layer<Real>>& layers, const BackwardOptions<Real>& options,
                            Threads threads) {
    const std::size_t n_layers = layers.size(), n = grad.back().size() / layers.back().n_out();
    Counts counts;
    counts.silent.assign(n_layers - 1, 0);
    counts.saturated.assign(n_layers - 1, 0);
    counts.steep.assign(n_layers, 0);
    gradients.resize(n_layers);
    for (std::size_t l = n_layers; l-- > 0;) {
        BackwardPass<Real> pass{layers[l], runs[l].events};
        pass.grad_v = {grad[l].data(), n, layers[l].n_out()};
        if (options.supply) pass.supply = options.supply(l);
        std::atomic<std::size_t> n_steep{0};
        pass.spikes = {runs[l].voltages(), options.max_slope, &n_steep};
        if (l + 1 < n_layers && options.on_gradient) pass.extra_tasks = options.on_gradient(l + 1);
        if (l > 0) {
            grad[l - 1].resize(n * layers[l].n_in());
            pass.grad_times = {grad[l - 1].data(), n, layers[l].n_in()};
            Firing<Real> firing(layers[l - 1], runs[l - 1], pass.grad_times, static_cast<Real>(options.pull));
            pass.on_times = [&](Range samples) { firing.backward(samples); };
            detail::backward(pass, gradients[l], scratch, threads);
            counts.silent[l - 1] = firing.silent;
            counts.saturated[l - 1] = firing.saturated;
        } else {
            pass.grad_times = options.grad_times;
            detail::backward(pass, gradients[l], scratch, threads);
        }
        counts.steep[l] = n_steep;
        if (options.supplied) options.supplied(pass.supply);
    }
    if (!options.on_gradient) return counts;
    const ExtraTasks last = options.on_gradient(0);
    for_each_task(last.count, threads, [&](std::size_t task, std::size_t) { last.run(task); });
    return counts;
}

template struct Pass<float>;
template struct Pass<double>;

}  // namespace rcspike::detail
