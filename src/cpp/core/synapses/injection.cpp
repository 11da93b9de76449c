#include "synapses/injection.h"

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <variant>

#include "common/check.h"
#include "parallel/workers.h"
#include "rcspike/charge.h"

namespace rcspike {
namespace detail {
namespace {

/// As wide as the numbers that are compared, so that compilers count lane by lane.
template <class Real>
using Count = std::conditional_t<sizeof(Real) == 4, std::int32_t, std::int64_t>;

/// Whether a synapse has a device on the positive and on the negative rail.
template <class Real>
struct OfWeights {
    const Real* weights;

    bool plus(std::size_t i) const { return weights[i] > 0; }
    bool minus(std::size_t i) const { return weights[i] < 0; }
};

/// As kernels::PairTile stores pairs: p - m and p + m on symmetric rails, otherwise p and -m.
template <class Real>
struct OfSymmetricPairs {
    const Real* first;
    const Real* second;

    bool plus(std::size_t i) const { return first[i] > -second[i]; }
    bool minus(std::size_t i) const { return first[i] < second[i]; }
};
template <class Real>
struct OfPairs {
    const Real* first;
    const Real* second;

    bool plus(std::size_t i) const { return first[i] > 0; }
    bool minus(std::size_t i) const { return second[i] < 0; }
};

/// Counts are exact in any order, so that only the last line rounds.
template <class Real, class Devices>
void count(const Injection<Real>& injection, const kernels::Events<Real>& events, const Devices& devices, Real* v,
           std::size_t width) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    Count<Real> n_plus[lanes] = {}, n_minus[lanes] = {};
    for (std::size_t k = 0; k < events.n_spikes(); ++k) {
        const std::size_t row = events.inputs[k] * lanes;
        for (std::size_t i = 0; i < lanes; ++i) {
            n_plus[i] += devices.plus(row + i);
            n_minus[i] += devices.minus(row + i);
        }
    }
    for (std::size_t i = 0; i < width; ++i) {
        v[i] += injection.plus * static_cast<Real>(n_plus[i]) + injection.minus * static_cast<Real>(n_minus[i]);
    }
}

template <class Real>
void add_rows(const Tiles<Real>& rows, const kernels::Events<Real>& events, std::size_t t, Real* v) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    Real sum[lanes] = {};
    for (std::size_t k = 0; k < events.n_spikes(); ++k) {
        const Real* const row = rows.tile(t) + events.inputs[k] * lanes;
        for (std::size_t i = 0; i < lanes; ++i) sum[i] += row[i];
    }
    for (std::size_t i = 0; i < rows.width(t); ++i) v[i] += sum[i];
}

template <class Real>
void inject(const Injection<Real>& injection, const Resistive<Real>& synapses, const kernels::Events<Real>& events,
            std::size_t t, Real* v) {
    count(injection, events, OfWeights<Real>{synapses.weights.tile(t)}, v, synapses.weights.width(t));
}

template <class Real>
void inject(const Injection<Real>& injection, const Pairs<Real>& pairs, const kernels::Events<Real>& events,
            std::size_t t, Real* v) {
    const std::size_t width = pairs.first.width(t);
    const Real *const first = pairs.first.tile(t), *const second = pairs.second.tile(t);
    if (injection.every_device) {
        const auto n = static_cast<Real>(events.n_spikes());
        for (std::size_t i = 0; i < width; ++i) v[i] += injection.plus * n + injection.minus * n;
    } else if (kernels::is_symmetric(pairs.coupling)) {
        count(injection, events, OfSymmetricPairs<Real>{first, second}, v, width);
    } else {
        count(injection, events, OfPairs<Real>{first, second}, v, width);
    }
}

template <class Real>
void inject(const Injection<Real>&, const Affine<Real>&, const kernels::Events<Real>&, std::size_t, Real*) {
    reject("affine synapses have no switches that inject charge");
}

}  // namespace

template <class Real>
void inject(const Injection<Real>& injection, const Synapses<Real>& synapses, const kernels::Events<Real>& events,
            Range tiles, Real* v) {
    for (std::size_t t = tiles.first; t < tiles.last; ++t) {
        Real* const to = v + t * kernels::lanes<Real>;
        if (injection.of_rows.cols > 0) {
            add_rows(injection.of_rows, events, t, to);
        } else {
            std::visit([&](const auto& kind) { inject(injection, kind, events, t, to); }, synapses);
        }
    }
}

template void inject(const Injection<float>&, const Synapses<float>&, const kernels::Events<float>&, Range, float*);
template void inject(const Injection<double>&, const Synapses<double>&, const kernels::Events<double>&, Range, double*);

}  // namespace detail

template <class Real>
void inject(const Schedule<Real>& schedule, Span2<const Real> injection, Span2<Real> v, Threads threads) {
    detail::check_shape("injection", injection, schedule.n_in(), injection.cols);
    detail::check_range("injection", injection, 1, threads);
    detail::check_shape("v", v, schedule.batch(), injection.cols);
    detail::Injection<Real> of_switches;
    of_switches.of_rows.pack(injection, threads);
    const detail::Synapses<Real> none{};
    const Wiring wiring{};
    const kernels::Coupling<Real> coupling{1, 1, 1, 1};
    detail::EventBatch<Real> events;
    events.set(schedule, {wiring, schedule.n_in(), coupling}, threads);
    const detail::Split split(events.size(), schedule.n_in(), of_switches.of_rows.count());
    detail::for_each_task(split.tasks(), threads, [&](std::size_t task, std::size_t) {
        for (std::size_t s = split.samples(task).first; s < split.samples(task).last; ++s) {
            detail::inject(of_switches, none, events[s], split.tiles(task), v.row(s));
        }
    });
}

template void inject(const Schedule<float>&, Span2<const float>, Span2<float>, Threads);
template void inject(const Schedule<double>&, Span2<const double>, Span2<double>, Threads);

}  // namespace rcspike
