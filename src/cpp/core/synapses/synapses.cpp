#include "synapses/synapses.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>

#include "common/check.h"
#include "common/elementary.h"
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

/// A device of weight 1 on the rail E, which is not ohmic: g = 1/(V_0 sinh(E/V_0)).
struct SinhDevice {
    double drive;        // g V_0 sinh((E - V_D)/V_0)
    double conductance;  // g cosh((E - V_D)/V_0)
    double rest;         // conductance - drive/V_0 = g exp(-(E - V_D)/V_0)

    /// From exp(-2E/V_0): no digits are lost where V_0 is small, nor where it is large.
    SinhDevice(const Circuit& circuit, double e) {
        const double v_0 = circuit.v_0, left = e - circuit.diode_drop,
                     behind = exp_of_negative(-circuit.diode_drop / v_0);
        const double rail = -expm1(-2 * e / v_0), device = -expm1(-2 * left / v_0);
        drive = behind * device / rail;
        conductance = behind * (2 - device) / (v_0 * rail);
        rest = 2 * exp_of_negative(-(e + left) / v_0) / (v_0 * rail);
    }
};

template <class Real>
kernels::WeightLoads<Real> loads_of(const Circuit& circuit, const kernels::Coupling<Real>& coupling) {
    const RowLoad& load = circuit.load;
    const double x = load.position;
    const auto real = [](double value) { return static_cast<Real>(value); };
    return {real(load.body / coupling.b_plus),
            real(load.body / coupling.b_minus),
            real(load.junction_plus),
            real(load.junction_minus),
            real(load.width_plus * coupling.b_plus),
            real(load.width_minus * coupling.b_minus),
            real(circuit.injection_plus),
            real(circuit.injection_minus),
            coupling.a_plus / coupling.b_plus,
            -coupling.a_minus / coupling.b_minus,
            real(1.0 / 3 - (1 - x)),
            real(x * x - 1),
            real(1.0 / 6 - x * x / 2),
            real(x * (1 - x)),
            real((1 - x) * (1 - x) / 2),
            real(1 - x)};
}

template <class Real>
kernels::Amplifier<Real> amplifier_of(const Circuit& circuit) {
    const double feedback = 1 / (1 + circuit.output_capacitance);
    const double capacitance = circuit.summing_capacitance + circuit.output_capacitance * feedback;
    return {static_cast<Real>(circuit.transconductance * feedback), static_cast<Real>(capacitance),
            static_cast<Real>(1 / capacitance)};
}

template <class Real>
kernels::SinhDevices<Real> sinh_of(const Circuit& circuit) {
    return {static_cast<Real>(circuit.v_0), static_cast<Real>(SinhDevice(circuit, circuit.e_plus).rest),
            static_cast<Real>(SinhDevice(circuit, -circuit.e_minus).rest)};
}

/// Of a valid circuit, which has one of them at most.
template <class Real>
Column<Real> column_of(const Circuit& circuit, const kernels::Coupling<Real>& coupling) {
    if (circuit.has_amplifier()) return amplifier_of<Real>(circuit);
    if (std::isfinite(circuit.v_0)) return sinh_of<Real>(circuit);
    if (!circuit.load.is_absent()) return loads_of(circuit, coupling);
    return Ohmic{};
}

/// Throws unless closing rows leave each membrane a capacitance, whichever of them close.
template <class Real>
void check_capacitance(Span2<const Real> loads) {
    check_range("loads", loads, 1, Threads::all());
    for (std::size_t i = 0; i < loads.cols; ++i) {
        double lost = 0;
        for (std::size_t row = 0; row < loads.rows; row += kernels::n_row_loads) {
            lost -= std::min(0.0, static_cast<double>(loads.row(row)[i]));
        }
        if (!(lost < 1))
            reject("loads: the rows of column ", i, " take ", lost, " C as they close; it must be below 1");
    }
}

}  // namespace

template <class Error, class Real>
void check_loads(const char* name, const Resistive<Real>& synapses) {
    const auto* loads = std::get_if<kernels::WeightLoads<Real>>(&synapses.column);
    if (!loads) return;
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const kernels::WeightLoads<Real>& of = *loads;
    const Tiles<Real>& weights = synapses.weights;
    for (std::size_t t = 0; t < weights.count(); ++t) {
        double sum[lanes] = {}, smallest[lanes];
        std::fill_n(smallest, lanes, std::numeric_limits<double>::infinity());
        for (std::size_t i = 0; i < weights.tile_size(); ++i) {
            const double w = weights.tile(t)[i], size = std::abs(w);
            if (size < std::numeric_limits<Real>::min()) continue;
            const double body = (w > 0 ? of.body_plus : of.body_minus) / size;
            const double width = std::max(1.0, (w > 0 ? of.width_plus : of.width_minus) * size);
            sum[i % lanes] += of.end_junction * body + width * (w > 0 ? of.junction_plus : of.junction_minus);
            smallest[i % lanes] = std::min(smallest[i % lanes], size);
        }
        for (std::size_t i = 0; i < weights.width(t); ++i) {
            if (sum[i] < 1) continue;
            std::ostringstream text;
            text << name << ": the open rows of column " << t * lanes + i << " load its membrane with " << sum[i]
                 << " C, of which there must be less than 1; its smallest weight is " << smallest[i]
                 << ": leave out small weights, which have large bodies, or choose a larger C";
            throw Error(text.str());
        }
    }
}

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
    const double v_0 = circuit.v_0, drop = circuit.diode_drop;
    const auto drive = [&](double rail) {
        if (std::isinf(rail)) return Real(1);
        return static_cast<Real>(std::isinf(v_0) ? (rail - drop) / rail : SinhDevice(circuit, rail).drive);
    };
    const auto conductance = [&](const char* name, double rail) {
        const double e = std::abs(rail);
        const auto g = static_cast<Real>(std::isinf(v_0) ? 1 / e : SinhDevice(circuit, e).conductance);
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
    packed.column = column_of(circuit, packed.coupling);
    check_loads<std::invalid_argument>(name, packed);
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
    if (synapses.loads.data) {
        check_shape("loads", synapses.loads, kernels::n_row_loads * n_rows, n_out);
        check_capacitance(synapses.loads);
        packed.loads.pack(synapses.loads, threads);
    }
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
    template void check_loads<std::invalid_argument>(const char*, const Resistive<Real>&);                             \
    template void check_loads<std::runtime_error>(const char*, const Resistive<Real>&);                                \
    template Affine<Real> pack_affine(const AffineSynapses<Real>&, std::size_t, Threads);                              \
    template Pairs<Real> pack_pairs(const char*, const DevicePairs<Real>&, std::size_t, const Circuit&, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
