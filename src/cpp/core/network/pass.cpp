#include "network/pass.h"

#include <atomic>
#include <variant>

namespace rcspike::detail {
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
        std::atomic<std::size_t> n_steep{0}, silent{0}, saturated{0};
        pass.upstream.grad = {grad[l].data(), n, layers[l].n_out()};
        if (options.supply) pass.upstream.supply = options.supply(l);
        pass.upstream.crossings = runs[l].states();
        pass.upstream.max_slope = options.max_slope;
        pass.upstream.n_steep = &n_steep;
        if (l + 1 < n_layers && options.on_gradient) pass.extra_tasks = options.on_gradient(l + 1);
        if (l > 0) {
            grad[l - 1].resize(n * layers[l].n_in());
            pass.grad_times = {grad[l - 1].data(), n, layers[l].n_in()};
            LayerRun<Real>& before = runs[l - 1];
            pass.on_times = [&](Range samples) {
                const std::size_t first = samples.first * before.n_out;
                const std::size_t size = (samples.last - samples.first) * before.n_out;
                const auto through = [&](const auto& neurons) {
                    return neurons.backward({before.state.data() + first}, before.times.data() + first, size,
                                            static_cast<Real>(options.grad_silent_drive), grad[l - 1].data() + first);
                };
                const Stuck stuck = std::visit(through, layers[l - 1].neurons);
                silent += stuck.silent;
                saturated += stuck.saturated;
            };
            detail::backward(pass, gradients[l], scratch, threads);
            counts.silent[l - 1] = silent;
            counts.saturated[l - 1] = saturated;
        } else {
            pass.grad_times = options.grad_times;
            detail::backward(pass, gradients[l], scratch, threads);
        }
        counts.steep[l] = n_steep;
        if (options.supplied) options.supplied(pass.upstream.supply);
    }
    if (!options.on_gradient) return counts;
    const ExtraTasks last = options.on_gradient(0);
    for_each_task(last.count, threads, [&](std::size_t task, std::size_t) { last.run(task); });
    return counts;
}

template struct Pass<float>;
template struct Pass<double>;

}  // namespace rcspike::detail
