#include "synapses/synapses.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "common/check.h"
#include "parallel/split.h"

namespace rcspike::detail {
namespace {

/// Throws if the conductance of a pair is negative by more than rounding explains.
template <class Real>
void check_conductance(const std::string& name, const DevicePairs<Real>& pairs,
                       const kernels::Coupling<Real>& coupling) {
    for (std::size_t i = 0; i < pairs.plus.size(); ++i) {
        const Real p = pairs.plus.data[i], m = pairs.minus.data[i];
        const Real g_plus = coupling.b_plus * p, g_minus = coupling.b_minus * m;
        const Real rounding = 4 * std::numeric_limits<Real>::epsilon() * (std::abs(g_plus) + std::abs(g_minus));
        if (g_plus + g_minus >= -rounding) continue;
        reject(name, "[", i / pairs.plus.cols, ", ", i % pairs.plus.cols, "] are ", p, " and ", m,
               ", a pair of negative conductance");
    }
}

}  // namespace

template <class Real>
AlwaysOn<Real>::AlwaysOn(Span1<const Real> d0, Span1<const Real> g0, std::size_t n_out) {
    const auto pack = [&](const char* name, Span1<const Real> row, Tiles<Real>& tiles) {
        tiles.resize(1, n_out);
        if (!row.data) return tiles.values.zero();
        check_size(name, row, n_out);
        check_finite(name, row);
        check_range(name, row);
        tiles.pack({row.data, 1, row.size}, Threads{1});
    };
    pack("drive0", d0, drive0);
    pack("conductance0", g0, conductance0);
    if (g0.data) check_not_negative("conductance0", g0);
}

template <class Real>
kernels::Coupling<Real> coupling_of(const Circuit& circuit) {
    validate(circuit);
    // An infinite rail has conductance 0 and no diode to speak of: D = w, G = 0. The drop may be next to the rail, so
    // nothing is rounded before it is taken off.
    const auto drive = [&](double rail) {
        return static_cast<Real>(std::isinf(rail) ? 1 : (rail - circuit.diode_drop) / rail);
    };
    const auto conductance = [](const char* name, double rail) {
        const auto g = static_cast<Real>(1 / std::abs(rail));
        if (std::isinf(g)) reject(name, " is ", rail, ", too near to 0 for ", 8 * sizeof(Real), "-bit floating point");
        return g;
    };
    return {drive(circuit.e_plus), drive(-circuit.e_minus), conductance("e_plus", circuit.e_plus),
            conductance("e_minus", circuit.e_minus)};
}

template <class Real>
void check_weights(const char* name, Span2<const Real> weights, std::size_t n_rows,
                   const kernels::Coupling<Real>& coupling, Threads threads) {
    check_shape(name, weights, n_rows, weights.cols);
    check_range(name, weights, std::max<double>({coupling.b_plus, coupling.b_minus, 1.0}), threads);
}

template <class Real>
void pack_weights(Span2<const Real> weights, Tiles<Real>& to, Threads threads) {
    constexpr std::size_t lanes = kernels::lanes<Real>, block = 16;
    to.resize(weights.rows, weights.cols);
    // Tile by tile, so that what is written is contiguous.
    const std::size_t n_blocks = divide_up(weights.rows, block);
    for_each_task(to.count() * n_blocks, threads, [&](std::size_t task, std::size_t) {
        const std::size_t t = task / n_blocks, first = task % n_blocks * block, width = to.width(t);
        Real* w = to.tile(t) + first * lanes;
        for (std::size_t row = first; row < std::min(weights.rows, first + block); ++row, w += lanes) {
            const Real* const from = weights.row(row) + t * lanes;
            // -0 becomes 0: the kernels go by the sign bit.
            if (width == lanes) {  // a constant number: the loop becomes a few vector operations
                for (std::size_t i = 0; i < lanes; ++i) w[i] = from[i] + 0;
            } else {
                for (std::size_t i = 0; i < lanes; ++i) w[i] = i < width ? from[i] + 0 : Real(0);
            }
        }
    });
}

template <class Real>
Synapses<Real> pack_synapses(const char* name, Span2<const Real> weights, std::size_t n_rows, const Circuit& circuit,
                             Threads threads) {
    Resistive<Real> packed;
    packed.coupling = coupling_of<Real>(circuit);
    check_weights(name, weights, n_rows, packed.coupling, threads);
    pack_weights(weights, packed.weights, threads);
    return packed;
}

template <class Real>
Affine<Real> pack_affine(const AffineSynapses<Real>& synapses, std::size_t n_rows, Threads threads) {
    const std::size_t n_out = synapses.drive.cols;
    check_shape("drive", synapses.drive, n_rows, n_out);
    check_shape("conductance", synapses.conductance, n_rows, n_out);
    check_range("drive", synapses.drive, 1, threads);
    check_range("conductance", synapses.conductance, 1, threads);
    check_not_negative("conductance", synapses.conductance);
    Affine<Real> packed;
    packed.drive.pack(synapses.drive, threads);
    packed.conductance.pack(synapses.conductance, threads);
    packed.always_on = {synapses.drive0, synapses.conductance0, n_out};
    return packed;
}

template <class Real>
Pairs<Real> pack_pairs(const char* name, const DevicePairs<Real>& pairs, std::size_t n_rows, const Circuit& circuit,
                       Threads threads) {
    const Span2<const Real> plus = pairs.plus, minus = pairs.minus;
    const std::string name_plus = std::string(name) + ".plus", name_minus = std::string(name) + ".minus";
    check_shape(name_plus.c_str(), plus, n_rows, plus.cols);
    check_shape(name_minus.c_str(), minus, n_rows, plus.cols);
    Pairs<Real> packed;
    packed.coupling = coupling_of<Real>(circuit);
    // Twice, since a pair may add up.
    const double factor = 2 * std::max<double>({packed.coupling.b_plus, packed.coupling.b_minus, 1.0});
    check_range(name_plus.c_str(), plus, factor, threads);
    check_range(name_minus.c_str(), minus, factor, threads);
    check_conductance(name, pairs, packed.coupling);

    packed.first.pack(plus, threads);
    packed.second.pack(minus, threads);
    const bool symmetric = kernels::is_symmetric(packed.coupling);
    packed.first.for_each_part_of_row(threads, [&](std::size_t row, std::size_t t) {
        Real* first = packed.first.tile(t) + row * kernels::lanes<Real>;
        Real* second = packed.second.tile(t) + row * kernels::lanes<Real>;
        for (std::size_t i = 0; i < kernels::lanes<Real>; ++i) {
            const Real p = first[i], m = second[i];
            first[i] = symmetric ? p - m : p;
            second[i] = symmetric ? p + m : -m;
        }
    });
    packed.always_on = {pairs.drive0, pairs.conductance0, plus.cols};
    return packed;
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                      \
    template struct AlwaysOn<Real>;                                                                                    \
    template kernels::Coupling<Real> coupling_of(const Circuit&);                                                      \
    template Synapses<Real> pack_synapses(const char*, Span2<const Real>, std::size_t, const Circuit&, Threads);       \
    template void check_weights(const char*, Span2<const Real>, std::size_t, const kernels::Coupling<Real>&, Threads); \
    template void pack_weights(Span2<const Real>, Tiles<Real>&, Threads);                                              \
    template Affine<Real> pack_affine(const AffineSynapses<Real>&, std::size_t, Threads);                              \
    template Pairs<Real> pack_pairs(const char*, const DevicePairs<Real>&, std::size_t, const Circuit&, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
