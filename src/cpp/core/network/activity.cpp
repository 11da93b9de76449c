#include "network/activity.h"

#include <algorithm>
#include <stdexcept>

#include "common/check.h"

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
void resize(const std::vector<Layer<Real>>& layers, std::size_t batch, std::vector<LayerRun<Real>>& runs) {
    runs.resize(layers.size());
    for (std::size_t l = 0; l < layers.size(); ++l) {
        LayerRun<Real>& run = runs[l];
        run.n_out = layers[l].n_out();
        run.v.resize(batch * run.n_out);
        if (l + 1 < layers.size()) run.times.resize(batch * run.n_out);
        if (l == 0) continue;
        run.events.resize(batch, layers[l].n_in(), layers[l].front());
        run.inputs.resize(batch * layers[l].n_in());
    }
}

template <class Real>
std::size_t run(const std::vector<Layer<Real>>& layers, const std::vector<Span2<const Real>>& noise, std::size_t offset,
                Range samples, bool charged, std::vector<LayerRun<Real>>& runs, Sorting<Real>& sort) {
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const TwoPhase<Real>& neurons = layers[l].neurons;
        const Span2<Real> v = runs[l].voltages();
        if (l > 0 || !charged) charge(layers[l], runs[l].events, samples, {0, layers[l].n_tiles()}, v);

        const bool last = l + 1 == layers.size();
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            const std::size_t n = v.cols;
            neurons.subtract_offsets(v.row(s));
            const Real* shift = noise.empty() ? nullptr : noise[l].row(offset + s);
            if (last && shift) Readout(neurons.ramp).delay(shift, n, v.row(s));
            if (!all_finite(v.row(s), n)) return l;
            if (last) continue;
            Real* t = runs[l].times.data() + s * n;
            neurons.ramp.times(v.row(s), n, t);
            for (std::size_t i = 0; shift && i < n; ++i) t[i] = std::max(t[i] + shift[i], Real(0));
            LayerRun<Real>& next = runs[l + 1];
            next.events.set(s, sort({t, n}, n, next.inputs.data() + s * n), layers[l + 1].front());
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

#define RCSPIKE_INSTANTIATE(Real)                                                                                   \
    template void check_noise(const std::vector<Layer<Real>>&, const std::vector<Span2<const Real>>&, std::size_t); \
    template void resize(const std::vector<Layer<Real>>&, std::size_t, std::vector<LayerRun<Real>>&);               \
    template std::size_t run(const std::vector<Layer<Real>>&, const std::vector<Span2<const Real>>&, std::size_t,   \
                             Range, bool, std::vector<LayerRun<Real>>&, Sorting<Real>&);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
