#include "activity.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "check.h"
#include "workers.h"

namespace rcspike::detail {

template <class Real>
void check_noise(const std::vector<Layer<Real>>& layers, const std::vector<Span2<const Real>>& noise,
                 std::size_t batch) {
    if (noise.empty()) return;
    if (noise.size() != layers.size())
        refuse("noise must be given for all ", layers.size(), " layers, got ", noise.size());
    for (std::size_t l = 0; l < layers.size(); ++l) {
        check_shape("noise", noise[l], batch, layers[l].n_out());
        check_finite("noise", noise[l]);
    }
}

template <class Real>
void run(const std::vector<Layer<Real>>& layers, const Circuit& circuit, const std::vector<Span2<const Real>>& noise,
         Activity<Real>& activity, Threads threads) {
    const std::size_t n_layers = layers.size(), batch = activity.trains[0].size();
    activity.trains.resize(n_layers);
    activity.v.resize(n_layers);
    activity.times.resize(n_layers - 1);
    activity.schedules.resize(n_layers - 1);
    const Ramp ramp(circuit);
    constexpr std::size_t block = 16;
    for (std::size_t l = 0; l < n_layers; ++l) {
        const std::size_t n_out = layers[l].n_out();
        activity.v[l].resize(batch * n_out);
        const Span2<Real> v = activity.voltages(layers[l], l);
        forward(layers[l], activity.trains[l], v, threads);

        const bool last = l + 1 == n_layers;
        if (!last) activity.times[l].resize(v.size());
        std::atomic<bool> finite{true};
        for_each_task((batch + block - 1) / block, threads, [&](std::size_t task, std::size_t) {
            const std::size_t first = task * block * n_out;
            const std::size_t n = std::min(batch, (task + 1) * block) * n_out - first;
            Real* volts = v.data + first;
            Real excess = 0;  // x - x is 0, or NaN where x is not finite
            for (std::size_t i = 0; i < n; ++i) excess += volts[i] - volts[i];
            if (excess != 0) finite.store(false, std::memory_order_relaxed);
            const Real* shift = noise.empty() ? nullptr : noise[l].data + first;
            if (last) {
                for (std::size_t i = 0; shift && i < n; ++i) volts[i] -= shift[i];
                return;
            }
            Real* t = activity.times[l].data() + first;
            ramp.times(volts, n, t);
            for (std::size_t i = 0; shift && i < n; ++i) t[i] = std::max(t[i] + shift[i], Real(0));
        });
        if (!finite) throw std::runtime_error("voltages of layer " + std::to_string(l) + " are no longer finite");
        if (last) break;
        activity.schedules[l].assign({activity.times[l].data(), batch, n_out}, threads);
        activity.trains[l + 1] = trains(activity.schedules[l]);
    }
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                   \
    template void check_noise(const std::vector<Layer<Real>>&, const std::vector<Span2<const Real>>&, std::size_t); \
    template void run(const std::vector<Layer<Real>>&, const Circuit&, const std::vector<Span2<const Real>>&,       \
                      Activity<Real>&, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
