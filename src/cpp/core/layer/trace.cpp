#include "rcspike/trace.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "common/check.h"
#include "layer/layer.h"
#include "parallel/workers.h"
#include "synapses/ohmic.h"

namespace rcspike {

template <class Real>
void trace(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit, Span1<const Real> at,
           Span2<Real> v, Threads threads) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const detail::Layer<Real> layer = detail::layer_of_weights("weights", weights, schedule.n_in(), circuit, threads);
    for (std::size_t i = 0; i < at.size; ++i) {
        if (!(at[i] >= 0 && at[i] <= 1))
            detail::reject("at[", i, "] must lie in the charging phase [0, 1], got ", at[i]);
    }
    detail::check_shape("v", v, schedule.batch(), weights.cols * at.size);

    std::vector<std::size_t> order(at.size);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return at[a] < at[b]; });
    std::vector<Real> sorted(at.size);
    for (std::size_t i = 0; i < at.size; ++i) sorted[i] = at[order[i]];

    detail::EventBatch<Real> events;
    events.set(schedule, layer.event_target(), threads);
    const detail::Resistive<Real>& synapses = detail::resistive_of(layer, "voltages within the phase");
    detail::check_no_amplifier(circuit, "voltages within the phase");
    const auto kernel = synapses.is_ohmic() ? kernels::table<Real>().trace : kernels::table<Real>().trace_sinh;
    std::vector<detail::Buffer<Real>> rows(detail::worker_count(threads));
    for (auto& buffer : rows) buffer.resize(at.size * lanes);
    detail::for_each_task(schedule.batch(), threads, [&](std::size_t s, std::size_t worker) {
        const Real* row = rows[worker].data();
        for (std::size_t t = 0; t < layer.n_tiles(); ++t) {
            kernel(events[s], synapses.tile(t), sorted.data(), sorted.size(), rows[worker].data());
            for (std::size_t lane = 0; lane < layer.width(t); ++lane) {
                Real* out = v.row(s) + (t * lanes + lane) * at.size;
                for (std::size_t i = 0; i < at.size; ++i) out[order[i]] = row[i * lanes + lane];
            }
        }
    });
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                 \
    template void trace(const Schedule<Real>&, Span2<const Real>, const Circuit&, Span1<const Real>, Span2<Real>, \
                        Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
