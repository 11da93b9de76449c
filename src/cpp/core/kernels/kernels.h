// The table of hot loops. Each instruction set fills one; dispatch.cpp chooses once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rcspike/phases.h"

namespace rcspike::kernels {

/// Outputs are computed in tiles of one cache line: one AVX-512 register, two of AVX2, four of SSE2 or NEON. The width
/// is the same for every instruction set, so sums over the outputs of a tile have the same bits everywhere.
template <class Real>
inline constexpr std::size_t lanes = 64 / sizeof(Real);

/// Upper bound of Kernels::tiles_at_once over all instruction sets.
inline constexpr std::size_t max_tiles = 3;

/// Maximum number of tiles that a backward pass merges.
inline constexpr std::size_t max_merged = 4;
/// The same where neurons spike while they charge: each number is compiled by itself, and takes 9 KB.
inline constexpr std::size_t max_merged_spiking = 2;

/// How the sign of a resistive weight acts: D = a w, G = b |w|, with a and b of the rail of that sign (docs/model.md).
/// All 1 for affine synapses.
template <class Real>
struct Coupling {
    Real a_plus, a_minus;
    Real b_plus, b_minus;
};

/// On symmetric rails both signs have the same factors.
template <class Real>
constexpr bool is_symmetric(const Coupling<Real>& c) {
    return c.a_plus == c.a_minus && c.b_plus == c.b_minus;
}

/// A stretch of the charging phase between spikes, with the factors that turn sums over the conducting synapses into
/// A d and -x = -B d: sum D and sum G of affine synapses, sum w and sum |w| of resistive ones on symmetric rails.
template <class Real>
struct Step {
    Real start, length;
    Real a, y;
    std::uint32_t end;  // one past the last input that conducts
};

template <class Real>
constexpr Step<Real> make_step(const Coupling<Real>& c, Real start, Real length, std::uint32_t end) {
    return {start, length, c.a_plus * length, -c.b_plus * length, end};
}

/// The input spikes of a sample as one layer sees them. The first step lasts until the first spike.
template <class Real>
struct Events {
    const std::uint32_t* inputs;
    const Step<Real>* steps;
    std::size_t n_steps;

    std::size_t n_spikes() const { return steps[n_steps - 1].end; }
};

/// The events of one image patch (events/patches.h), as numbers of the image's spikes that it sees. Each spike begins a
/// step; a step of length 0 changes no voltage.
template <class Real>
struct PatchSpikes {
    const std::uint32_t* spikes;  // indices of the image's spikes, in order; entry n is the image's spike count
    std::size_t n;
    const Real* times;           // of the image's spikes, and 1 behind them
    const std::uint32_t* codes;  // of the image's spikes; a spike's synapse row is its code minus the patch's code
    std::uint32_t code;

    Real time(std::size_t k) const { return times[spikes[k]]; }
    std::size_t row(std::size_t k) const { return codes[spikes[k]] - code; }
};

/// One address stands for neighbouring tiles: each has n_in rows of `lanes` numbers, and tiles are `stride` numbers
/// apart. Each kind of synapses has its own tile type; `rows` is the array that every sweep reads.

/// How the device of a weight loads its membrane (docs/row-loads.md), on either rail: capacitances of the body of a
/// weight of 1 and of the narrowest open switch, the width that a weight of 1 needs of it, the charge that it injects,
/// and the voltage that the device drives to; and what each capacitance contributes to the change of the load as the
/// device closes, to the kick of the membrane, and to the charge as it opens at the end.
template <class Real>
struct WeightLoads {
    Real body_plus, body_minus, junction_plus, junction_minus, width_plus, width_minus;
    Real injection_plus, injection_minus, rail_plus, rail_minus;
    Real closing_body, closing_junction, kick_body, kick_junction, end_body, end_junction;
};

/// Numbers that describe the load of each affine synapse: change of capacitance as it closes, kick and its drive, and
/// what it adds at the end and its drive.
inline constexpr std::size_t n_row_loads = 5;

/// Devices of g V_0 sinh(V/V_0) (docs/sinh-devices.md): D = a w and G = b |w| count the sum of their g V_0 sinh(E/V_0)
/// and of g cosh(E/V_0). `rest` is the difference b - a/V_0 for either rail, most of whose digits cancel where E/V_0 is
/// large.
template <class Real>
struct SinhDevices {
    Real v_0, rest_plus, rest_minus;
};

/// The amplifier of every column (docs/virtual-ground.md): g = g_m C/(C + C_L), with C_e = C_p + C C_L/(C + C_L), in
/// C/T and in C.
template <class Real>
struct Amplifier {
    Real gain, capacitance, per_capacitance;
};

/// Resistive synapses: signed weights.
template <class Real>
struct ResistiveTile {
    const Real* weights;
    std::size_t stride;
    Coupling<Real> coupling;
    // That of the kind of the columns; the others are null, and so are all for ohmic devices on a capacitor.
    const WeightLoads<Real>* loads;
    const SinhDevices<Real>* sinh;
    const Amplifier<Real>* amplifier;

    const Real* rows() const { return weights; }
};

/// Affine synapses: drive D and conductance G of each, and one row for the always-on synapses.
template <class Real>
struct AffineTile {
    const Real* drive;
    const Real* conductance;
    const Real* drive0;
    const Real* conductance0;
    std::size_t stride;
    const Real* loads;  // n_row_loads rows for each input; null if the rows do not load the membrane

    const Real* rows() const { return drive; }
};

/// Pairs of devices p and m in the units of the weights, D = a+ p - a- m and G = b+ p + b- m, as two arrays:
///
///     rails        first    second
///     symmetric    p - m    p + m
///     others       p        -m
///
/// If one device of each pair is 0, the two arrays are w and |w|, or the positive and the negative weights, and pairs
/// give the same bits as resistive synapses.
template <class Real>
struct PairTile {
    const Real* first;
    const Real* second;
    const Real* drive0;        // one row, always conducting
    const Real* conductance0;  // one row
    const Real* weights;       // the pairs were drawn for these; null unless their gradient is wanted
    std::size_t stride;
    Coupling<Real> coupling;

    const Real* rows() const { return first; }
};

/// Devices behind diodes, in rows of one tile. The rail of a device without conductance is out of reach.
template <class Real>
struct RectifiedTile {
    const Real* drive;        // of both devices while they conduct
    const Real* conductance;  // of both
    const Real* g_plus;
    const Real* rail_plus;
    const Real* g_minus;
    const Real* rail_minus;
    const Real* drive0;        // one row
    const Real* conductance0;  // one row
};

/// Devices on one or two wires of each column, in rows of one tile.
template <class Real>
struct WiredTile {
    const Real* drive[2];
    const Real* conductance[2];
    const Real* resistance;    // of one wire segment; one row
    const Real* drive0;        // one row
    const Real* conductance0;  // one row
    Real off;                  // fraction of its conductance that an open switch has
};

/// Joins two neighbouring stretches of a wire into a longer one.
struct Junction {
    std::uint32_t near, far, both;
};

/// The stretches of a sample's wires, the same for all neurons: leaves, numbered from the near end, hold one device
/// each, and junctions join them up to the root.
template <class Real>
struct WirePlan {
    std::size_t n_leaves, n_nodes, root;
    const std::uint32_t* rows;     // of each leaf's device
    const Real* segments;          // wire segments before each leaf
    const std::uint32_t* leaf_of;  // leaf of each spike's device
    const Junction* junctions;     // first the whole tree, then for each step the junctions that its spikes change
    const std::size_t* ends;       // one past the last junction of each step
};

/// Where the backward pass adds dL/dw of resistive synapses, or of drawn pairs before the slope of the draw.
template <class Real>
struct WeightGradient {
    Real* weights;
    Real* times;  // dL/dt before the sum over outputs: one row of lanes per spike of the sample or image; or null

    Real* rows() const { return weights; }
};

/// The same for affine synapses; the rows of the always-on synapses may be null, and loads are where the tile has them.
template <class Real>
struct AffineGradient {
    Real* drive;
    Real* conductance;
    Real* drive0;
    Real* conductance0;
    Real* loads;
    Real* times;

    Real* rows() const { return drive; }
};

/// Constants of one Adam step (Kingma and Ba 2015); corrections are 1 / (1 - beta^step). Before the step every weight
/// is multiplied by `keep`; after it, every weight is cut to +-w_max.
template <class Real>
struct Adam {
    Real learning_rate, beta1, beta2, epsilon;
    Real correction1, correction2, keep, w_max;
};

/// A draw of devices for weights (DeviceModel), in the units of the weights.
template <class Real>
struct DeviceDraw {
    std::uint32_t seed[2], step, layer;
    bool symmetric;  // rails, which decides how pairs are stored: see PairTile
    Real w_max, g_min, g_max;
    Real level;  // between two neighbouring ones; 0: any conductance
    float lognormal, proportional, absolute, stuck_off, stuck_on;
};

/// Charges that the positive and the negative rail deliver to the neurons of a tile, one row of lanes each, in C V_th.
template <class Real>
struct RailRows {
    Real* plus;
    Real* minus;
};

/// dL/dv(1), dL/dQ+ and dL/dQ- of a tile, a row of lanes each.
template <class Real>
struct RailUpstream {
    const Real* v;
    const Real* plus;
    const Real* minus;
};

/// Reals of scratch memory that the backward pass of a sample of n steps needs.
template <class Real>
constexpr std::size_t backward_scratch(std::size_t n_steps) {
    return 6 * lanes<Real> * n_steps;
}
template <class Real>
constexpr std::size_t loaded_scratch(std::size_t n_steps) {
    return 10 * lanes<Real> * n_steps;
}
template <class Real>
constexpr std::size_t supply_scratch(std::size_t n_steps) {
    return 8 * lanes<Real> * n_steps;
}

/// Reals of scratch memory that a wired tile with n_nodes nodes in the tree of each wire needs.
template <class Real>
constexpr std::size_t wired_scratch(std::size_t n_nodes, std::size_t n_wires) {
    return 5 * lanes<Real> * n_nodes * n_wires;
}

/// The charging phase of one kind of synapses, and its backward pass, from Events or PatchSpikes.
template <class Spikes, class Tile, class Gradient, class Real>
struct Charging {
    /// v(1) of n tiles of neurons, a row of lanes each; n is at most Kernels::tiles_at_once.
    void (*charge)(const Spikes& events, const Tile& tile, std::size_t n_tiles, Real* v);
    /// Adds the gradients of one tile; grad_v is dL/dv(1), a row of lanes.
    void (*backward)(const Spikes& events, const Tile& tile, const Real* grad_v, const Gradient& gradient,
                     Real* scratch);
    /// The same for 2 to max_merged neighbouring tiles on symmetric rails, merged, with the same bits: at most `lanes`
    /// of their entries in grad_v may differ from 0. Null where merging does not pay.
    void (*backward_merged)(const Spikes& events, const Tile& tile, std::size_t n_tiles, const Real* grad_v,
                            const Gradient& gradient, Real* scratch);
};

/// Output spikes of a tile whose gradient is wanted, a row of lanes each.
template <class Real>
struct SpikeUpstream {
    const Real* times;  // 0 where dL/dt is 0
    const Real* grad;   // dL/dt
    const Real* drive;  // derivative of L with respect to the summed drives of all spikes, or null
    const Real* thresholds;
    Real min_slope;  // lower bound of dv/dt at the threshold, in V_th / T
};

/// Neurons that spike while they charge, and their backward pass. The events have no end: their last step has the
/// length 1.
template <class Tile, class Gradient, class Real>
struct Spiking {
    /// First spikes of the first n_neurons of n tiles, a row of lanes each; infinity where there is none, NaN where a
    /// voltage overflows. n is at most Crossings::tiles_at_once.
    void (*first_spike)(const Events<Real>& events, const Tile& tile, std::size_t n_tiles, std::size_t n_neurons,
                        const Real* thresholds, Real* times);
    /// Adds the gradients of one tile. Returns how many neurons with a gradient have a slope below min_slope.
    std::size_t (*backward)(const Events<Real>& events, const Tile& tile, const SpikeUpstream<Real>& upstream,
                            const Gradient& gradient, Real* scratch);
    /// The same for 2 to max_merged_spiking neighbouring tiles, as in Charging: at most `lanes` neurons may have a
    /// gradient.
    std::size_t (*backward_merged)(const Events<Real>& events, const Tile& tile, std::size_t n_tiles,
                                   const SpikeUpstream<Real>& upstream, const Gradient& gradient, Real* scratch);
};

/// Kernels for spikes while charging; each instruction set compiles this table in a separate file.
template <class Real>
struct Crossings {
    std::size_t tiles_at_once;
    Spiking<ResistiveTile<Real>, WeightGradient<Real>, Real> resistive;
    Spiking<AffineTile<Real>, AffineGradient<Real>, Real> affine;
    Spiking<PairTile<Real>, WeightGradient<Real>, Real> pairs;
};

constexpr std::size_t normals_in_block = 2 * lanes<float>;

template <class Real>
struct Kernels {
    /// Maximum number of neighbouring tiles that `charge` takes in one sweep.
    std::size_t tiles_at_once;
    Charging<Events<Real>, ResistiveTile<Real>, WeightGradient<Real>, Real> resistive;
    Charging<Events<Real>, AffineTile<Real>, AffineGradient<Real>, Real> affine;
    Charging<Events<Real>, PairTile<Real>, WeightGradient<Real>, Real> pairs;
    /// The same where the rows load the membrane.
    Charging<Events<Real>, ResistiveTile<Real>, WeightGradient<Real>, Real> loaded_resistive;
    Charging<Events<Real>, AffineTile<Real>, AffineGradient<Real>, Real> loaded_affine;
    /// Resistive synapses of devices that are not ohmic.
    Charging<Events<Real>, ResistiveTile<Real>, WeightGradient<Real>, Real> sinh_resistive;
    /// Resistive synapses of columns with amplifiers.
    Charging<Events<Real>, ResistiveTile<Real>, WeightGradient<Real>, Real> amplified_resistive;
    /// Resistive synapses of patches, on symmetric rails.
    Charging<PatchSpikes<Real>, ResistiveTile<Real>, WeightGradient<Real>, Real> patches;
    /// v(1) of one tile of neurons behind diodes, a row of lanes. The coupling of the events is 1.
    void (*charge_rectified)(const Events<Real>& events, const RectifiedTile<Real>& tile, Real* v);
    /// v(1) of one tile of neurons with one or two wires each, a row of lanes. The coupling of the events is 1.
    void (*charge_wired[2])(const Events<Real>& events, const WiredTile<Real>& tile, const WirePlan<Real>& plan,
                            Real* v, Real* scratch);
    /// Charges that the rails deliver to one resistive tile.
    void (*supply)(const Events<Real>& events, const ResistiveTile<Real>& tile, const RailRows<Real>& charges);
    /// Adds the gradients of one resistive tile for a loss that includes these charges, and writes the charges.
    void (*supply_backward)(const Events<Real>& events, const ResistiveTile<Real>& tile,
                            const RailUpstream<Real>& upstream, const WeightGradient<Real>& gradient,
                            const RailRows<Real>& charges, Real* scratch);
    /// v of one resistive tile at sorted times, a row of lanes each; and the same of devices that are not ohmic.
    void (*trace)(const Events<Real>& events, const ResistiveTile<Real>& tile, const Real* at, std::size_t n_at,
                  Real* v);
    void (*trace_sinh)(const Events<Real>& events, const ResistiveTile<Real>& tile, const Real* at, std::size_t n_at,
                       Real* v);
    /// One Adam step on n numbers (a multiple of lanes); the gradient is the sum of n_parts arrays, stride apart, in
    /// order, times `slope` unless `slope` is null.
    void (*adam)(const Adam<Real>& adam, std::size_t n, const Real* gradient, std::size_t n_parts, std::size_t stride,
                 const Real* slope, Real* weights, Real* moment1, Real* moment2);
    /// Pairs of devices for n weights (a multiple of lanes) of a layer, from number `first_weight` on, and d|g|/d|w|
    /// of the device that is not at its minimum; `first` and `second` as in PairTile.
    void (*draw)(const DeviceDraw<Real>& devices, std::size_t first_weight, std::size_t n, const Real* weights,
                 Real* first, Real* second, Real* slope);
    /// Some blocks of the normal numbers of a key, `normals_in_block` each.
    void (*normal_numbers)(const std::uint32_t* key, std::size_t first_block, std::size_t n_blocks, float* to);
};

/// The table of the instruction set in use.
template <class Real>
const Kernels<Real>& table();
template <class Real>
const Crossings<Real>& crossings();

}  // namespace rcspike::kernels
