// Synapses of one layer in the kernels' layout, a type for each kind.
#pragma once

#include <cstddef>
#include <variant>

#include "common/check.h"
#include "kernels/kernels.h"
#include "memory/tiles.h"
#include "rcspike/charge.h"
#include "rcspike/circuit.h"
#include "rcspike/device_network.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike::detail {

template <class Real>
struct WeightGradient;
template <class Real>
struct AffineSynapseGradient;

/// Synapses of each neuron that conduct from the start of the phase: D0 and G0, one row each. They are zeros where they
/// are not given, since their gradient may be wanted.
template <class Real>
struct AlwaysOn {
    Tiles<Real> drive0, conductance0;

    AlwaysOn() = default;
    /// Throws std::invalid_argument if a row does not fit n_out neurons or has an invalid number.
    AlwaysOn(Span1<const Real> drive0, Span1<const Real> conductance0, std::size_t n_out);
};

[[noreturn]] inline void reject_without_weights(const char* wanted) {
    reject(wanted, " can be computed for synapses of trainable weights only");
}

/// Columns of ohmic devices on a capacitor, which need no further numbers.
struct Ohmic {};

/// What a column of resistive synapses is: its rows load the membrane, its devices are not ohmic, or it has an
/// amplifier.
template <class Real>
using Column = std::variant<Ohmic, kernels::WeightLoads<Real>, kernels::SinhDevices<Real>, kernels::Amplifier<Real>>;

/// The entry of a kind of columns in the table of kernels.
template <class Real>
const auto& charging(const kernels::Kernels<Real>& table, const Ohmic&) {
    return table.resistive;
}
template <class Real>
const auto& charging(const kernels::Kernels<Real>& table, const kernels::WeightLoads<Real>&) {
    return table.loaded_resistive;
}
template <class Real>
const auto& charging(const kernels::Kernels<Real>& table, const kernels::SinhDevices<Real>&) {
    return table.sinh_resistive;
}
template <class Real>
const auto& charging(const kernels::Kernels<Real>& table, const kernels::Amplifier<Real>&) {
    return table.amplified_resistive;
}

/// Each kind has the tiles that all sweeps read (`rows`, n_rows x n_out), one of them as the kernels take it (`tile`),
/// the factors that a step needs (`coupling`), its entries in the tables of kernels that charge for a phase and that
/// charge until a threshold is crossed, the type of its gradient, the weights that training changes, and a check that
/// it has what a gradient needs. The last two throw std::invalid_argument where there are none.
template <class Real>
struct Resistive {
    using Gradient = WeightGradient<Real>;
    Tiles<Real> weights;
    kernels::Coupling<Real> coupling{1, 1, 1, 1};
    Column<Real> column{};

    const Tiles<Real>& rows() const { return weights; }
    Tiles<Real>& weights_for(const char*) { return weights; }
    kernels::ResistiveTile<Real> tile(std::size_t t) const {
        return {weights.tile(t),
                weights.tile_size(),
                coupling,
                std::get_if<kernels::WeightLoads<Real>>(&column),
                std::get_if<kernels::SinhDevices<Real>>(&column),
                std::get_if<kernels::Amplifier<Real>>(&column)};
    }
    void check_gradient() const {}
    bool is_ohmic() const { return std::holds_alternative<Ohmic>(column); }
    bool loads_membranes() const { return std::holds_alternative<kernels::WeightLoads<Real>>(column); }
    /// Whether the kernels for the patches of an image can run them.
    bool by_patches() const { return kernels::is_symmetric(coupling) && is_ohmic(); }
    const auto& kernel() const {
        return std::visit([](const auto& kind) -> const auto& { return charging(kernels::table<Real>(), kind); },
                          column);
    }
    static const auto& crossing() { return kernels::crossings<Real>().resistive; }
};

template <class Real>
struct Affine {
    using Gradient = AffineSynapseGradient<Real>;
    Tiles<Real> drive, conductance;
    AlwaysOn<Real> always_on;
    Tiles<Real> loads;  // kernels::n_row_loads rows for each input; empty if the rows do not load the membrane
    kernels::Coupling<Real> coupling{1, 1, 1, 1};

    const Tiles<Real>& rows() const { return drive; }
    Tiles<Real>& weights_for(const char* wanted) { reject_without_weights(wanted); }
    kernels::AffineTile<Real> tile(std::size_t t) const {
        return {drive.tile(t),
                conductance.tile(t),
                always_on.drive0.tile(t),
                always_on.conductance0.tile(t),
                drive.tile_size(),
                loads_membranes() ? loads.tile(t) : nullptr};
    }
    void check_gradient() const {}
    bool loads_membranes() const { return loads.cols > 0; }
    const auto& kernel() const {
        const kernels::Kernels<Real>& table = kernels::table<Real>();
        return loads_membranes() ? table.loaded_affine : table.affine;
    }
    static const auto& crossing() { return kernels::crossings<Real>().affine; }
};

template <class Real>
struct Pairs {
    using Gradient = WeightGradient<Real>;
    Tiles<Real> first, second;  // as kernels::PairTile stores them
    AlwaysOn<Real> always_on;
    kernels::Coupling<Real> coupling{1, 1, 1, 1};
    const Tiles<Real>* weights = nullptr;  // that the pairs were drawn for, if their gradient is wanted

    const Tiles<Real>& rows() const { return first; }
    Tiles<Real>& weights_for(const char* wanted) { reject_without_weights(wanted); }
    kernels::PairTile<Real> tile(std::size_t t) const {
        return {first.tile(t),
                second.tile(t),
                always_on.drive0.tile(t),
                always_on.conductance0.tile(t),
                weights ? weights->tile(t) : nullptr,
                first.tile_size(),
                coupling};
    }
    void check_gradient() const {
        if (!weights) reject("gradients of weights need the weights that pairs were drawn for");
    }
    static bool loads_membranes() { return false; }
    static const auto& kernel() { return kernels::table<Real>().pairs; }
    static const auto& crossing() { return kernels::crossings<Real>().pairs; }
};

template <class Real>
using Synapses = std::variant<Resistive<Real>, Affine<Real>, Pairs<Real>>;

/// How the sign of a weight couples to the rails of a circuit.
template <class Real>
kernels::Coupling<Real> coupling_of(const Circuit& circuit);

/// Synapses of the kind that weights have on a circuit. Throws std::invalid_argument unless there are n_rows rows of
/// finite weights whose sums cannot overflow, on a valid circuit; `name` is that of the weights in the message.
template <class Real>
Synapses<Real> pack_synapses(const char* name, Span2<const Real> weights, std::size_t n_rows, const Circuit& circuit,
                             Threads threads);

/// Throws Error unless what the open rows of each column load its membrane with is less than C.
template <class Error, class Real>
void check_loads(const char* name, const Resistive<Real>& synapses);

/// Its checks, and how it packs weights that have passed them.
template <class Real>
void check_weights(const char* name, Span2<const Real> weights, std::size_t n_rows,
                   const kernels::Coupling<Real>& coupling, Threads threads);
template <class Real>
void pack_weights(Span2<const Real> weights, Tiles<Real>& to, Threads threads);

/// Affine synapses, with the same checks.
template <class Real>
Affine<Real> pack_affine(const AffineSynapses<Real>& synapses, std::size_t n_rows, Threads threads);

/// Device pairs, with the same checks; those for which no weights are known.
template <class Real>
Pairs<Real> pack_pairs(const char* name, const DevicePairs<Real>& pairs, std::size_t n_rows, const Circuit& circuit,
                       Threads threads);

}  // namespace rcspike::detail
