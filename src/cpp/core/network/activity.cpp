#include "network/activity.h"

#include <limits>
#include <variant>

#include "common/check.h"

namespace rcspike::detail {
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
        run.state.resize(batch * run.n_out);
        run.times.resize(batch * run.n_out);
        if (l == 0) continue;
        run.events.resize(batch, layers[l].n_in(), layers[l].event_target());
        run.n_inputs = layers[l].n_in();
        run.inputs.resize(batch * run.n_inputs);
    }
}

template <class Real>
std::size_t run(const std::vector<Layer<Real>>& layers, const std::vector<Span2<const Real>>& noise, std::size_t offset,
                Range samples, bool charged, std::vector<LayerRun<Real>>& runs, Sorting<Real>& sort) {
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const Span2<Real> states = runs[l].states();
        if (l > 0 || !charged) run_membranes(layers[l], runs[l].events, samples, {0, layers[l].n_tiles()}, states);

        const bool last = l + 1 == layers.size();
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            const std::size_t n = states.cols;
            const Real* const of_sample = noise.empty() ? nullptr : noise[l].row(offset + s);
            Real* const t = runs[l].times.data() + s * n;
            const auto spike = [&](const auto& neurons) {
                return last ? neurons.read({states.row(s)}, of_sample, n, t)
                            : neurons.spike({states.row(s)}, of_sample, n, t);
            };
            if (!std::visit(spike, layers[l].neurons)) return l;
            if (last) continue;
            LayerRun<Real>& next = runs[l + 1];
            const EventTarget<Real> target = layers[l + 1].event_target();
            std::uint32_t* const inputs = next.inputs.data() + s * next.n_inputs;
            next.events.set(s, sort({t, n}, window_of(target.phases), n, inputs), target);
        }
    }
    return layers.size();
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
