#include "network/activity.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <variant>

#include "common/check.h"

namespace rcspike::detail {
namespace {

/// Spike times of one sample's n neurons from v(1), which become voltages of neurons without offsets, and in the last
/// layer those of delayed spikes. Returns whether all are finite.
template <class Real>
bool spike(const TwoPhase<Real>& neurons, Real* v, const Real* shift, std::size_t n, bool last, Real* times) {
    neurons.subtract_offsets(v);
    if (last && shift) Readout(neurons.ramp).delay(shift, n, v);
    if (!all_finite(v, n)) return false;
    if (last) return true;
    neurons.ramp.times(v, n, times);
    for (std::size_t i = 0; shift && i < n; ++i) times[i] = std::max(times[i] + shift[i], Real(0));
    return true;
}

/// The same from the times at which the membranes cross their thresholds, which stay as they are.
template <class Real>
bool spike(const SinglePhase<Real>& neurons, const Real* t, const Real* shift, std::size_t n, bool, Real* times) {
    bool valid = true;
    for (std::size_t i = 0; i < n; ++i) {
        valid = valid && t[i] >= 0;  // not NaN
        const Real own = t[i] + neurons.delay;
        times[i] = shift ? std::max(own + shift[i], Real(0)) : own;
    }
    return valid;
}

}  // namespace

template <class Real>
void check_noise(const std::vector<Layer<Real>>& layers, const std::vector<Span2<const Real>>& noise, std::size_t batch,
                 Threads threads) {
    if (noise.empty()) return;
    if (noise.size() != layers.size())
        reject("noise must be given for all ", layers.size(), " layers, got ", noise.size());
    for (std::size_t l = 0; l < layers.size(); ++l) {
        check_shape("noise", noise[l], batch, layers[l].n_out());
        if (!all_within(noise[l], std::numeric_limits<Real>::max(), threads)) check_finite("noise", noise[l]);
    }
}

template <class Real>
void resize(const std::vector<Layer<Real>>& layers, std::size_t batch, std::vector<LayerRun<Real>>& runs) {
    runs.resize(layers.size());
    for (std::size_t l = 0; l < layers.size(); ++l) {
        LayerRun<Real>& run = runs[l];
        run.n_out = layers[l].n_out();
        run.v.resize(batch * run.n_out);
        run.phases = layers[l].phases();
        if (l + 1 < layers.size() || run.phases == Phases::single) run.times.resize(batch * run.n_out);
        if (l == 0) continue;
        run.events.resize(batch, layers[l].n_in(), layers[l].front());
        run.n_inputs = layers[l].n_in();
        run.inputs.resize(batch * run.n_inputs);
    }
}

template <class Real>
std::size_t run(const std::vector<Layer<Real>>& layers, const std::vector<Span2<const Real>>& noise, std::size_t offset,
                Range samples, bool charged, std::vector<LayerRun<Real>>& runs, Sorting<Real>& sort) {
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const Span2<Real> v = runs[l].voltages();
        if (l > 0 || !charged) charge(layers[l], runs[l].events, samples, {0, layers[l].n_tiles()}, v);

        const bool last = l + 1 == layers.size();
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            const std::size_t n = v.cols;
            const Real* shift = noise.empty() ? nullptr : noise[l].row(offset + s);
            Real* const t = runs[l].times.size() > 0 ? runs[l].times.data() + s * n : nullptr;
            const bool valid = std::visit(
                [&](const auto& neurons) { return spike(neurons, v.row(s), shift, n, last, t); }, layers[l].neurons);
            if (!valid) return l;
            if (last) continue;
            LayerRun<Real>& next = runs[l + 1];
            const Phases phases = layers[l + 1].phases();
            next.events.set(s, sort({t, n}, phases, n, next.inputs.data() + s * next.n_inputs), layers[l + 1].front());
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

#define RCSPIKE_INSTANTIATE(Real)                                                                                  \
    template void check_noise(const std::vector<Layer<Real>>&, const std::vector<Span2<const Real>>&, std::size_t, \
                              Threads);                                                                            \
    template void resize(const std::vector<Layer<Real>>&, std::size_t, std::vector<LayerRun<Real>>&);              \
    template std::size_t run(const std::vector<Layer<Real>>&, const std::vector<Span2<const Real>>&, std::size_t,  \
                             Range, bool, std::vector<LayerRun<Real>>&, Sorting<Real>&);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
