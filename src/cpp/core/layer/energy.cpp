#include "rcspike/energy.h"

#include <algorithm>

#include "common/check.h"
#include "layer/backward.h"
#include "layer/layer.h"

namespace rcspike {

template <class Real>
void supply_charge(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                   Span2<Real> q_plus, Span2<Real> q_minus, Threads threads) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const detail::Layer<Real> layer = detail::resistive_layer("weights", weights, schedule.n_in(), circuit, threads);
    detail::check_shape("q_plus", q_plus, schedule.batch(), layer.n_out());
    detail::check_shape("q_minus", q_minus, schedule.batch(), layer.n_out());
    detail::EventBatch<Real> events;
    events.set(schedule, layer.front(), threads);
    const detail::Resistive<Real>& synapses = detail::resistive_of(layer, "charges of the rails");
    const detail::Split split(events.size(), layer.n_rows(), layer.n_tiles());
    detail::for_each_task(split.tasks(), threads, [&](std::size_t task, std::size_t) {
        const detail::Range samples = split.samples(task), tiles = split.tiles(task);
        alignas(64) Real plus[lanes], minus[lanes];
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            for (std::size_t t = tiles.first; t < tiles.last; ++t) {
                kernels::table<Real>().supply(events[s], synapses.tile(t), {plus, minus});
                std::copy_n(plus, layer.width(t), q_plus.row(s) + t * lanes);
                std::copy_n(minus, layer.width(t), q_minus.row(s) + t * lanes);
            }
        }
    });
}

template <class Real>
void supply_charge_vjp(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                       Span2<const Real> grad_q_plus, Span2<const Real> grad_q_minus, Span2<Real> grad_times,
                       Span2<Real> grad_weights, Threads threads) {
    const detail::Layer<Real> layer = detail::resistive_layer("weights", weights, schedule.n_in(), circuit, threads);
    detail::check_shape("grad_q_plus", grad_q_plus, schedule.batch(), layer.n_out());
    detail::check_shape("grad_q_minus", grad_q_minus, schedule.batch(), layer.n_out());
    detail::check_finite("grad_q_plus", grad_q_plus);
    detail::check_finite("grad_q_minus", grad_q_minus);
    detail::check_shape("grad_times", grad_times, schedule.batch(), schedule.n_in());
    detail::check_shape("grad_weights", grad_weights, weights.rows, weights.cols);
    detail::WeightGradient<Real> gradient;
    detail::Scratch<Real> scratch;
    detail::EventBatch<Real> events;
    events.set(schedule, layer.front(), threads);
    detail::BackwardPass<Real> pass{layer, events};
    pass.supply = {grad_q_plus, grad_q_minus, {}, {}};
    pass.grad_times = grad_times;
    detail::backward(pass, gradient, scratch, threads);
    gradient.weights.add_up(grad_weights, threads);
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                   \
    template void supply_charge(const Schedule<Real>&, Span2<const Real>, const Circuit&, Span2<Real>, Span2<Real>, \
                                Threads);                                                                           \
    template void supply_charge_vjp(const Schedule<Real>&, Span2<const Real>, const Circuit&, Span2<const Real>,    \
                                    Span2<const Real>, Span2<Real>, Span2<Real>, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
