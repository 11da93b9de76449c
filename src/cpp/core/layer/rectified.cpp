#include "rcspike/rectified.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/check.h"
#include "layer/layer.h"

namespace rcspike {
namespace {

using detail::Tiles;

/// The arrays that kernels::RectifiedTile points into.
template <class Real>
struct Rectified {
    Tiles<Real> drive, conductance, g_plus, rail_plus, g_minus, rail_minus;
    detail::AlwaysOn<Real> always_on;

    kernels::RectifiedTile<Real> tile(std::size_t t) const {
        return {drive.tile(t),   conductance.tile(t), g_plus.tile(t),           rail_plus.tile(t),
                g_minus.tile(t), rail_minus.tile(t),  always_on.drive0.tile(t), always_on.conductance0.tile(t)};
    }
};

/// Throws if the sum of currents g rail could leave the range of the type.
template <class Real>
void check_current(const char* name, Span2<const Real> g, Span2<const Real> rail) {
    const double limit = std::numeric_limits<Real>::max() / 8 / static_cast<double>(std::max<std::size_t>(g.rows, 1));
    for (std::size_t i = 0; i < g.size(); ++i) {
        if (std::abs(double(g.data[i]) * rail.data[i]) <= limit) continue;
        detail::reject(name, "[", i / g.cols, ", ", i % g.cols, "] is ", g.data[i], ", too large for its rail of ",
                       rail.data[i], ": ", g.rows, " such currents must stay below ", limit * double(g.rows));
    }
}

template <class Real>
Rectified<Real> pack(const RectifiedSynapses<Real>& synapses, std::size_t n_in, Threads threads) {
    const std::size_t n_out = synapses.g_plus.cols;
    const auto check = [&](const char* name, Span2<const Real> matrix) {
        detail::check_shape(name, matrix, n_in, n_out);
        detail::check_range(name, matrix, 2, threads);
    };
    check("g_plus", synapses.g_plus);
    check("rail_plus", synapses.rail_plus);
    check("g_minus", synapses.g_minus);
    check("rail_minus", synapses.rail_minus);
    detail::check_not_negative("g_plus", synapses.g_plus);
    detail::check_not_negative("g_minus", synapses.g_minus);
    check_current("g_plus", synapses.g_plus, synapses.rail_plus);
    check_current("g_minus", synapses.g_minus, synapses.rail_minus);

    Rectified<Real> packed;
    packed.g_plus.pack(synapses.g_plus, threads);
    packed.rail_plus.pack(synapses.rail_plus, threads);
    packed.g_minus.pack(synapses.g_minus, threads);
    packed.rail_minus.pack(synapses.rail_minus, threads);
    packed.drive.resize(n_in, n_out);  // the sums over both devices of a pair
    packed.conductance.resize(n_in, n_out);
    constexpr Real out_of_reach = std::numeric_limits<Real>::max();
    for (std::size_t i = 0; i < packed.drive.values.size(); ++i) {
        Real &g_plus = packed.g_plus.values.data()[i], &rail_plus = packed.rail_plus.values.data()[i];
        Real &g_minus = packed.g_minus.values.data()[i], &rail_minus = packed.rail_minus.values.data()[i];
        packed.drive.values.data()[i] = g_plus * rail_plus + g_minus * rail_minus;
        packed.conductance.values.data()[i] = g_plus + g_minus;
        if (g_plus == 0) rail_plus = out_of_reach;
        if (g_minus == 0) rail_minus = -out_of_reach;
    }
    packed.always_on = {synapses.drive0, synapses.conductance0, n_out};
    return packed;
}

}  // namespace

template <class Real>
void charge(const Schedule<Real>& schedule, const RectifiedSynapses<Real>& synapses, Span2<Real> v, Threads threads) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const Rectified<Real> packed = pack(synapses, schedule.n_in(), threads);
    detail::check_shape("v", v, schedule.batch(), synapses.g_plus.cols);
    detail::EventBatch<Real> events;
    const Wiring wiring;
    const kernels::Coupling<Real> coupling{1, 1, 1, 1};
    events.set(schedule, {wiring, schedule.n_in(), coupling}, threads);
    const detail::Split split(events.size(), schedule.n_in(), packed.drive.count());
    detail::for_each_task(split.tasks(), threads, [&](std::size_t task, std::size_t) {
        const detail::Range samples = split.samples(task), tiles = split.tiles(task);
        alignas(64) Real row[lanes];
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            for (std::size_t t = tiles.first; t < tiles.last; ++t) {
                kernels::table<Real>().charge_rectified(events[s], packed.tile(t), row);
                std::copy_n(row, packed.drive.width(t), v.row(s) + t * lanes);
            }
        }
    });
}

template void charge(const Schedule<float>&, const RectifiedSynapses<float>&, Span2<float>, Threads);
template void charge(const Schedule<double>&, const RectifiedSynapses<double>&, Span2<double>, Threads);

}  // namespace rcspike
