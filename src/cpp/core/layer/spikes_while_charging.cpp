#include "rcspike/first_spike.h"

#include <atomic>
#include <cmath>

#include "common/check.h"
#include "layer/backward.h"
#include "layer/layer.h"

namespace rcspike {
namespace {

template <class Real>
detail::Layer<Real> layer_of(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                             Threads threads) {
    return detail::layer_of_weights("weights", weights, schedule.n_in(), circuit, threads, Dense{}, Phases::single);
}

template <class Real>
detail::Layer<Real> layer_of(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses, Threads threads) {
    return {detail::pack_affine(synapses, schedule.n_in(), threads), detail::SinglePhase<Real>{}};
}

template <class Real>
void spike(const detail::Layer<Real>& layer, const detail::EventBatch<Real>& events, Span2<Real> times,
           Threads threads) {
    detail::run_membranes(layer, events, times, threads);
    for (std::size_t i = 0; i < times.size(); ++i) {
        if (std::isnan(times.data[i])) throw std::runtime_error("voltages are no longer finite");
    }
}

template <class Real>
void spike(const detail::Layer<Real>& layer, const Schedule<Real>& schedule, Span2<Real> times, Threads threads) {
    detail::check_shape("times", times, schedule.batch(), layer.n_out());
    detail::EventBatch<Real> events;
    events.set(schedule, layer.event_target(), threads);
    spike(layer, events, times, threads);
}

/// The backward pass of one layer, with the gradient of its kind of synapses; returns how many slopes were bounded.
template <class Gradient, class Real>
std::size_t backward(const detail::Layer<Real>& layer, const Schedule<Real>& schedule, Span2<const Real> grad_spikes,
                     double max_slope, Span2<Real> grad_times, Gradient& gradient, Threads threads) {
    detail::check_shape("grad_spikes", grad_spikes, schedule.batch(), layer.n_out());
    detail::check_finite("grad_spikes", grad_spikes);
    detail::check_shape("grad_times", grad_times, schedule.batch(), layer.n_in());
    if (!(max_slope > 0) || std::isinf(max_slope)) {
        detail::reject("max_slope must be above 0 and finite, got ", max_slope);
    }
    detail::EventBatch<Real> events;
    events.set(schedule, layer.event_target(), threads);
    detail::Buffer<Real> times(schedule.batch() * layer.n_out()), grad(times.size());
    const Span2<Real> spikes{times.data(), schedule.batch(), layer.n_out()};
    spike(layer, events, spikes, threads);
    for (std::size_t i = 0; i < grad.size(); ++i) {
        grad.data()[i] = std::isinf(spikes.data[i]) ? Real(0) : grad_spikes.data[i];
    }
    std::atomic<std::size_t> n_steep{0};
    detail::Scratch<Real> scratch;
    detail::BackwardPass<Real> pass{layer, events};
    pass.upstream = {{grad.data(), spikes.rows, spikes.cols}, {}, spikes, max_slope, &n_steep};
    pass.grad_times = grad_times;
    detail::backward(pass, gradient, scratch, threads);
    return n_steep;
}

}  // namespace

template <class Real>
void first_spike(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit, Span2<Real> times,
                 Threads threads) {
    spike(layer_of(schedule, weights, circuit, threads), schedule, times, threads);
    const auto delay = static_cast<Real>(circuit.delay);
    for (std::size_t i = 0; delay > 0 && i < times.size(); ++i) times.data[i] += delay;
}

template <class Real>
void first_spike(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses, Span2<Real> times,
                 Threads threads) {
    spike(layer_of(schedule, synapses, threads), schedule, times, threads);
}

template <class Real>
std::size_t first_spike_vjp(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                            Span2<const Real> grad_spikes, double max_slope, Span2<Real> grad_times,
                            Span2<Real> grad_weights, Threads threads) {
    const detail::Layer<Real> layer = layer_of(schedule, weights, circuit, threads);
    detail::check_shape("grad_weights", grad_weights, weights.rows, weights.cols);
    detail::WeightGradient<Real> gradient;
    const std::size_t n_steep = backward(layer, schedule, grad_spikes, max_slope, grad_times, gradient, threads);
    gradient.weights.add_up(grad_weights, threads);
    return n_steep;
}

template <class Real>
std::size_t first_spike_vjp(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses,
                            Span2<const Real> grad_spikes, double max_slope, Span2<Real> grad_times,
                            const AffineGradient<Real>& gradient, Threads threads) {
    const detail::Layer<Real> layer = layer_of(schedule, synapses, threads);
    detail::check_gradient(gradient, layer.n_rows(), layer.n_load_rows(), layer.n_columns());
    detail::AffineSynapseGradient<Real> parts;
    const std::size_t n_steep = backward(layer, schedule, grad_spikes, max_slope, grad_times, parts, threads);
    detail::write(parts, gradient, threads);
    return n_steep;
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                     \
    template void first_spike(const Schedule<Real>&, Span2<const Real>, const Circuit&, Span2<Real>, Threads);        \
    template void first_spike(const Schedule<Real>&, const AffineSynapses<Real>&, Span2<Real>, Threads);              \
    template std::size_t first_spike_vjp(const Schedule<Real>&, Span2<const Real>, const Circuit&, Span2<const Real>, \
                                         double, Span2<Real>, Span2<Real>, Threads);                                  \
    template std::size_t first_spike_vjp(const Schedule<Real>&, const AffineSynapses<Real>&, Span2<const Real>,       \
                                         double, Span2<Real>, const AffineGradient<Real>&, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
