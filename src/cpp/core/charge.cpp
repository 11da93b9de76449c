#include "rcspike/charge.h"

#include "backward.h"
#include "check.h"
#include "layer.h"

namespace rcspike {
namespace {

using detail::Layer;
using detail::LayerGradient;
using detail::Parts;
using detail::Tiles;

template <class Real>
Layer<Real> pack(Span2<const Real> weights, const Circuit& circuit, const Schedule<Real>& schedule, Threads threads) {
    return detail::resistive_layer("weights", weights, schedule.n_in(), circuit, threads);
}

template <class Real>
Layer<Real> pack(const AffineSynapses<Real>& synapses, const Schedule<Real>& schedule, Threads threads) {
    const std::size_t n_out = synapses.drive.cols;
    detail::check_shape("drive", synapses.drive, schedule.n_in(), n_out);
    detail::check_shape("conductance", synapses.conductance, schedule.n_in(), n_out);
    detail::check_range("drive", synapses.drive, 1, threads);
    detail::check_range("conductance", synapses.conductance, 1, threads);
    detail::check_not_negative("conductance", synapses.conductance);
    Layer<Real> layer;
    layer.kind = kernels::Synapses::affine;
    layer.drive.pack(synapses.drive, threads);
    layer.conductance.pack(synapses.conductance, threads);
    detail::pack_always_on(synapses.drive0, synapses.conductance0, layer);
    return layer;
}

template <class Real>
void charge(const Schedule<Real>& schedule, const Layer<Real>& layer, Span2<Real> v, Threads threads) {
    detail::check_shape("v", v, schedule.batch(), layer.n_out());
    detail::EventBatch<Real> events;
    events.set(schedule, layer.coupling, threads);
    detail::charge(layer, events, v, threads);
}

template <class Real>
LayerGradient<Real> charge_vjp(const Schedule<Real>& schedule, const Layer<Real>& layer, Span2<const Real> grad_v,
                               Span2<Real> grad_times, Threads threads) {
    detail::check_shape("grad_v", grad_v, schedule.batch(), layer.n_out());
    detail::check_finite("grad_v", grad_v);
    detail::check_shape("grad_times", grad_times, schedule.batch(), schedule.n_in());
    LayerGradient<Real> gradient;
    detail::Scratch<Real> scratch;
    detail::EventBatch<Real> events;
    events.set(schedule, layer.coupling, threads);
    detail::BackwardPass<Real> pass{layer, events};
    pass.grad_v = grad_v;
    pass.grad_times = grad_times;
    detail::backward(pass, gradient, scratch, threads);
    return gradient;
}

}  // namespace

template <class Real>
void charge(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit, Span2<Real> v,
            Threads threads) {
    charge(schedule, pack(weights, circuit, schedule, threads), v, threads);
}

template <class Real>
void charge(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses, Span2<Real> v, Threads threads) {
    charge(schedule, pack(synapses, schedule, threads), v, threads);
}

template <class Real>
void charge_vjp(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                Span2<const Real> grad_v, Span2<Real> grad_times, Span2<Real> grad_weights, Threads threads) {
    detail::check_shape("grad_weights", grad_weights, weights.rows, weights.cols);
    const auto gradient = charge_vjp(schedule, pack(weights, circuit, schedule, threads), grad_v, grad_times, threads);
    gradient.drive.add_up(grad_weights, threads);
}

template <class Real>
void charge_vjp(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses, Span2<const Real> grad_v,
                Span2<Real> grad_times, const AffineGradient<Real>& gradient, Threads threads) {
    const std::size_t n_in = synapses.drive.rows, n_out = synapses.drive.cols;
    detail::check_shape("gradient of drive", gradient.drive, n_in, n_out);
    detail::check_shape("gradient of conductance", gradient.conductance, n_in, n_out);
    const auto parts = charge_vjp(schedule, pack(synapses, schedule, threads), grad_v, grad_times, threads);
    parts.drive.add_up(gradient.drive, threads);
    parts.conductance.add_up(gradient.conductance, threads);
    const auto unpack_row = [&](const char* name, const Parts<Real>& part, Span1<Real> row) {
        if (!row.data) return;
        detail::check_size(name, row, n_out);
        part.add_up({row.data, 1, row.size}, threads);
    };
    unpack_row("gradient of drive0", parts.drive0, gradient.drive0);
    unpack_row("gradient of conductance0", parts.conductance0, gradient.conductance0);
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                      \
    template void charge(const Schedule<Real>&, Span2<const Real>, const Circuit&, Span2<Real>, Threads);              \
    template void charge(const Schedule<Real>&, const AffineSynapses<Real>&, Span2<Real>, Threads);                    \
    template void charge_vjp(const Schedule<Real>&, Span2<const Real>, const Circuit&, Span2<const Real>, Span2<Real>, \
                             Span2<Real>, Threads);                                                                    \
    template void charge_vjp(const Schedule<Real>&, const AffineSynapses<Real>&, Span2<const Real>, Span2<Real>,       \
                             const AffineGradient<Real>&, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
