#include "activity.h"

#include <algorithm>
#include <stdexcept>

#include "check.h"

namespace rcspike::detail {

template <class Real>
void check_noise(const std::vector<Layer<Real>>& layers, const std::vector<Span2<const Real>>& noise,
                 std::size_t batch) {
    if (noise.empty()) return;
    if (noise.size() != layers.size())
        reject("noise must be given for all ", layers.size(), " layers, got ", noise.size());
    for (std::size_t l = 0; l < layers.size(); ++l) {
        check_shape("noise", noise[l], batch, layers[l].n_out());
        check_finite("noise", noise[l]);
    }
}

template <class Real>
void Activity<Real>::resize(const std::vector<Layer<Real>>& layers, std::size_t batch) {
    const std::size_t n_layers = layers.size();
    events.resize(n_layers);
    v.resize(n_layers);
    times.resize(n_layers - 1);
    inputs.resize(n_layers - 1);
    for (std::size_t l = 0; l < n_layers; ++l) {
        const std::size_t size = batch * layers[l].n_out();
        v[l].resize(size);
        if (l + 1 == n_layers) break;
        events[l + 1].resize(batch, layers[l].n_out());
        times[l].resize(size);
        inputs[l].resize(size);
    }
}

template <class Real>
std::size_t run(const std::vector<Layer<Real>>& layers, const Ramp& ramp, const std::vector<Span2<const Real>>& noise,
                std::size_t offset, Range samples, Activity<Real>& activity, Sorting<Real>& sort) {
    charge(layers[0], activity.events[0], samples, {0, layers[0].drive.count()}, activity.voltages(layers[0], 0));
    return run_on(layers, ramp, noise, offset, samples, activity, sort);
}

template <class Real>
std::size_t run_on(const std::vector<Layer<Real>>& layers, const Ramp& ramp,
                   const std::vector<Span2<const Real>>& noise, std::size_t offset, Range samples,
                   Activity<Real>& activity, Sorting<Real>& sort) {
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const Span2<Real> v = activity.voltages(layers[l], l);
        if (l > 0) charge(layers[l], activity.events[l], samples, {0, layers[l].drive.count()}, v);

        const bool last = l + 1 == layers.size();
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            const std::size_t n = v.cols;
            for (std::size_t i = 0; i < layers[l].offset.size(); ++i) v.row(s)[i] -= layers[l].offset[i];
            const Real* shift = noise.empty() ? nullptr : noise[l].row(offset + s);
            if (last && shift) ramp.delay(shift, n, v.row(s));
            if (!all_finite(v.row(s), n)) return l;
            if (last) continue;
            Real* t = activity.times[l].data() + s * n;
            ramp.times(v.row(s), n, t);
            for (std::size_t i = 0; shift && i < n; ++i) t[i] = std::max(t[i] + shift[i], Real(0));
            activity.events[l + 1].set(s, sort({t, n}, n, activity.inputs[l].data() + s * n), layers[l + 1].coupling);
        }
    }
    return layers.size();
}

void Overflow::add(std::size_t layer) {
    std::size_t first = first_.load(std::memory_order_relaxed);
    while (layer < first && !first_.compare_exchange_weak(first, layer, std::memory_order_relaxed)) {
    }
}

void Overflow::check() const {
    if (first_ == n_layers_) return;
    throw std::runtime_error("voltages of layer " + std::to_string(first_) + " are no longer finite");
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                    \
    template void check_noise(const std::vector<Layer<Real>>&, const std::vector<Span2<const Real>>&, std::size_t);  \
    template struct Activity<Real>;                                                                                  \
    template std::size_t run(const std::vector<Layer<Real>>&, const Ramp&, const std::vector<Span2<const Real>>&,    \
                             std::size_t, Range, Activity<Real>&, Sorting<Real>&);                                   \
    template std::size_t run_on(const std::vector<Layer<Real>>&, const Ramp&, const std::vector<Span2<const Real>>&, \
                                std::size_t, Range, Activity<Real>&, Sorting<Real>&);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
