#include "rcspike/charge.h"

#include <utility>
#include <variant>

#include "common/check.h"
#include "layer/backward.h"
#include "layer/layer.h"
#include "rcspike/layer.h"

namespace rcspike {
namespace {

template <class Real>
detail::Layer<Real> affine_layer(const AffineSynapses<Real>& synapses, std::size_t n_in, Threads threads) {
    return {detail::pack_affine(synapses, n_in, threads), detail::TwoPhase<Real>(Circuit{}, {})};
}

template <class Real>
void check_inputs(const Schedule<Real>& schedule, std::size_t n_in) {
    if (schedule.n_in() == n_in) return;
    detail::reject("times must have shape (batch, ", n_in, "), got (", schedule.batch(), ", ", schedule.n_in(), ")");
}

/// The backward pass of one layer, with the gradient of its kind of synapses.
template <class Gradient, class Real>
Gradient gradient_of(const detail::Layer<Real>& layer, const Schedule<Real>& schedule, Span2<const Real> grad_v,
                     Span2<Real> grad_times, Threads threads) {
    check_inputs(schedule, layer.n_in());
    detail::check_shape("grad_v", grad_v, schedule.batch(), layer.n_out());
    detail::check_finite("grad_v", grad_v);
    detail::check_shape("grad_times", grad_times, schedule.batch(), layer.n_in());
    Gradient gradient;
    detail::Scratch<Real> scratch;
    detail::EventBatch<Real> events;
    events.set(schedule, layer.event_target(), threads);
    detail::BackwardPass<Real> pass{layer, events};
    pass.upstream.grad = grad_v;
    pass.grad_times = grad_times;
    detail::backward(pass, gradient, scratch, threads);
    return gradient;
}

/// Replaces synapses by others of the same kind.
template <class Real>
void replace(detail::Layer<Real>& layer, detail::Synapses<Real> synapses) {
    if (synapses.index() != layer.synapses.index()) detail::reject("the layer has synapses of another kind");
    const std::size_t n = std::visit([](const auto& kind) { return kind.rows().cols; }, synapses);
    if (n != layer.n_columns()) detail::reject("a layer of ", layer.n_columns(), " neurons cannot get synapses of ", n);
    layer.synapses = std::move(synapses);
}

}  // namespace

template <class Real>
Layer<Real>::Layer(Span2<const Real> weights, const Circuit& circuit, const Wiring& wiring, Threads threads)
    : circuit_(circuit),
      packed_(std::make_unique<detail::Layer<Real>>(
          detail::layer_of_weights("weights", weights, weights.rows, circuit, threads, wiring))) {}

template <class Real>
Layer<Real>::Layer(const AffineSynapses<Real>& synapses, Threads threads)
    : packed_(std::make_unique<detail::Layer<Real>>(affine_layer(synapses, synapses.drive.rows, threads))) {}

template <class Real>
Layer<Real>::Layer(Layer&&) noexcept = default;
template <class Real>
Layer<Real>& Layer<Real>::operator=(Layer&&) noexcept = default;
template <class Real>
Layer<Real>::~Layer() = default;

template <class Real>
std::size_t Layer<Real>::n_in() const {
    return packed_->n_in();
}

template <class Real>
std::size_t Layer<Real>::n_rows() const {
    return packed_->n_rows();
}

template <class Real>
std::size_t Layer<Real>::n_columns() const {
    return packed_->n_columns();
}

template <class Real>
std::size_t Layer<Real>::n_out() const {
    return packed_->n_out();
}

template <class Real>
void Layer<Real>::set(Span2<const Real> weights, Threads threads) {
    replace(*packed_, detail::pack_synapses("weights", weights, packed_->n_rows(), circuit_, threads));
}

template <class Real>
void Layer<Real>::set(const AffineSynapses<Real>& synapses, Threads threads) {
    replace<Real>(*packed_, detail::pack_affine(synapses, packed_->n_rows(), threads));
}

template <class Real>
void Layer<Real>::charge(const Schedule<Real>& schedule, Span2<Real> v, Threads threads) const {
    check_inputs(schedule, n_in());
    detail::check_shape("v", v, schedule.batch(), n_out());
    detail::EventBatch<Real> events;
    events.set(schedule, packed_->event_target(), threads);
    detail::run_membranes(*packed_, events, v, threads);
}

template <class Real>
void Layer<Real>::charge_vjp(const Schedule<Real>& schedule, Span2<const Real> grad_v, Span2<Real> grad_times,
                             Span2<Real> grad_weights, Threads threads) const {
    detail::check_shape("grad_weights", grad_weights, packed_->n_rows(), n_columns());
    gradient_of<detail::WeightGradient<Real>>(*packed_, schedule, grad_v, grad_times, threads)
        .weights.add_up(grad_weights, threads);
}

template <class Real>
void Layer<Real>::charge_vjp(const Schedule<Real>& schedule, Span2<const Real> grad_v, Span2<Real> grad_times,
                             const AffineGradient<Real>& gradient, Threads threads) const {
    detail::check_gradient(gradient, n_rows(), packed_->n_load_rows(), n_columns());
    const auto parts =
        gradient_of<detail::AffineSynapseGradient<Real>>(*packed_, schedule, grad_v, grad_times, threads);
    detail::write(parts, gradient, threads);
}

template <class Real>
void charge(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit, Span2<Real> v,
            Threads threads) {
    detail::check_shape("weights", weights, schedule.n_in(), weights.cols);
    Layer<Real>(weights, circuit, Dense{}, threads).charge(schedule, v, threads);
}

template <class Real>
void charge(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses, Span2<Real> v, Threads threads) {
    detail::check_shape("drive", synapses.drive, schedule.n_in(), synapses.drive.cols);
    Layer<Real>(synapses, threads).charge(schedule, v, threads);
}

template <class Real>
void charge_vjp(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                Span2<const Real> grad_v, Span2<Real> grad_times, Span2<Real> grad_weights, Threads threads) {
    detail::check_shape("weights", weights, schedule.n_in(), weights.cols);
    Layer<Real>(weights, circuit, Dense{}, threads).charge_vjp(schedule, grad_v, grad_times, grad_weights, threads);
}

template <class Real>
void charge_vjp(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses, Span2<const Real> grad_v,
                Span2<Real> grad_times, const AffineGradient<Real>& gradient, Threads threads) {
    detail::check_shape("drive", synapses.drive, schedule.n_in(), synapses.drive.cols);
    Layer<Real>(synapses, threads).charge_vjp(schedule, grad_v, grad_times, gradient, threads);
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                      \
    template class Layer<Real>;                                                                                        \
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
