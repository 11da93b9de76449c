#include "network/pass.h"

#include <algorithm>
#include <atomic>
#include <variant>

#include "network/overflow.h"
#include "network/source.h"

namespace rcspike::detail {

template <class Real>
template <class Source>
void Pass<Real>::forward(const std::vector<Layer<Real>>& layers, Range samples, const Source& source,
                         const std::vector<Span2<const Real>>& noise, Threads threads,
                         const std::function<void(Range samples)>& on_samples) {
    const std::size_t n = samples.last - samples.first;
    resize(layers, n, runs);
    grad.resize(layers.size());
    sorting.resize(std::max(sorting.size(), worker_count(threads)));
    source.resize(samples, runs.front(), threads);
    for_each_block(n, threads, [&](Range block, std::size_t worker) {
        for (std::size_t i = block.first; i < block.last; ++i) {
            source.set(samples.first + i, i, runs.front(), sorting[worker]);
        }
    });
    // The first layer has most of the weights. Where a step of training has just changed them, each thread charges the
    // neurons whose weights it has changed itself.
    run_membranes(layers.front(), runs.front().events, runs.front().states(), threads);
    Overflow overflow(layers.size());
    for_each_block(n, threads, [&](Range block, std::size_t worker) {
        overflow.add(run(layers, noise, samples.first, block, true, runs, sorting[worker]));
        on_samples(block);
    });
    // First the source: voltages may have overflowed just because one of its times was not valid.
    source.check();
    overflow.check();
}

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

#define RCSPIKE_INSTANTIATE(Real, Source)                                                          \
    template void Pass<Real>::forward(const std::vector<Layer<Real>>&, Range, const Source<Real>&, \
                                      const std::vector<Span2<const Real>>&, Threads,              \
                                      const std::function<void(Range)>&);
template struct Pass<float>;
template struct Pass<double>;
RCSPIKE_INSTANTIATE(float, FromSchedule)
RCSPIKE_INSTANTIATE(float, FromTimes)
RCSPIKE_INSTANTIATE(double, FromSchedule)
RCSPIKE_INSTANTIATE(double, FromTimes)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
