#include "rcspike/wires.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "common/check.h"
#include "layer/layer.h"

namespace rcspike {
namespace {

using detail::Tiles;

/// The arrays that kernels::WiredTile points into.
template <class Real>
struct Wired {
    std::vector<Tiles<Real>> drive, conductance;  // of each wire
    Tiles<Real> resistance;
    detail::AlwaysOn<Real> always_on;
    Real off;

    kernels::WiredTile<Real> tile(std::size_t t) const {
        kernels::WiredTile<Real> tile{
            {}, {}, resistance.tile(t), always_on.drive0.tile(t), always_on.conductance0.tile(t), off};
        for (std::size_t w = 0; w < drive.size(); ++w) {
            tile.drive[w] = drive[w].tile(t);
            tile.conductance[w] = conductance[w].tile(t);
        }
        return tile;
    }
};

/// Throws if the voltage along the wire of a column could leave the range of the type.
template <class Real>
void check_wire(const WireDevices<Real>& devices, Span1<const Real> resistance) {
    const std::size_t n_in = devices.drive.rows, n_out = devices.drive.cols;
    std::vector<double> sums(n_out, 1.0);
    for (const Span2<const Real> matrix : {devices.drive, devices.conductance}) {
        for (std::size_t k = 0; k < matrix.size(); ++k)
            sums[k % n_out] += std::abs(static_cast<double>(matrix.data[k]));
    }
    const double limit = std::numeric_limits<Real>::max() / 8 / static_cast<double>(std::max<std::size_t>(n_in, 1));
    for (std::size_t i = 0; i < n_out; ++i) {
        if (static_cast<double>(resistance[i]) * sums[i] <= limit) continue;
        detail::reject("resistance[", i, "] is ", resistance[i], ", too large for ", 8 * sizeof(Real),
                       "-bit floating point: with these devices it must stay below ", limit / sums[i]);
    }
}

template <class Real>
Wired<Real> pack(const WiredSynapses<Real>& synapses, std::size_t n_in, Threads threads) {
    if (synapses.wires.empty() || synapses.wires.size() > 2) {
        detail::reject("a column must have 1 or 2 wires, got ", synapses.wires.size());
    }
    if (!(synapses.off >= 0 && synapses.off <= 1)) detail::reject("off must lie in [0, 1], got ", synapses.off);
    const std::size_t n_out = synapses.wires[0].drive.cols;
    detail::check_size("resistance", synapses.resistance, n_out);
    detail::check_finite("resistance", synapses.resistance);
    detail::check_not_negative("resistance", synapses.resistance);
    Wired<Real> packed;
    for (const WireDevices<Real>& wire : synapses.wires) {
        detail::check_shape("drive", wire.drive, n_in, n_out);
        detail::check_shape("conductance", wire.conductance, n_in, n_out);
        detail::check_range("drive", wire.drive, 2, threads);
        detail::check_range("conductance", wire.conductance, 2, threads);
        detail::check_not_negative("conductance", wire.conductance);
        check_wire(wire, synapses.resistance);
        packed.drive.emplace_back().pack(wire.drive, threads);
        packed.conductance.emplace_back().pack(wire.conductance, threads);
    }
    packed.resistance.pack({synapses.resistance.data, 1, n_out}, Threads{1});
    packed.always_on = {synapses.drive0, synapses.conductance0, n_out};
    packed.off = synapses.off;
    return packed;
}

/// Makes the plan of one sample after another in the same memory.
template <class Real>
class Planner {
public:
    /// Without conducting devices but those that spike, the others are only wire, and do not become leaves.
    Planner(std::size_t n_rows, bool all_rows) : all_rows_(all_rows), leaf_(n_rows) {}

    kernels::WirePlan<Real> plan(const kernels::Events<Real>& events) {
        set_leaves(events);
        set_tree();
        junctions_ = tree_;
        ends_.assign(1, tree_.size());
        std::size_t spike = 0;
        for (std::size_t k = 1; k < events.n_steps; ++k) {
            add_junctions(spike, events.steps[k].end);
            spike = events.steps[k].end;
        }
        const std::size_t n_nodes = rows_.size() + tree_.size();
        return {rows_.size(),     n_nodes,         n_nodes - 1,       rows_.data(),
                segments_.data(), leaf_of_.data(), junctions_.data(), ends_.data()};
    }

private:
    void set_leaves(const kernels::Events<Real>& events) {
        const std::size_t n_spikes = events.n_spikes();
        if (all_rows_) {
            rows_.resize(leaf_.size());
            std::iota(rows_.begin(), rows_.end(), 0u);
        } else {
            rows_.assign(events.inputs, events.inputs + n_spikes);
            std::sort(rows_.begin(), rows_.end());
        }
        segments_.clear();
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            segments_.push_back(static_cast<Real>(i == 0 ? rows_[0] + 1 : rows_[i] - rows_[i - 1]));
            leaf_[rows_[i]] = static_cast<std::uint32_t>(i);
        }
        leaf_of_.resize(n_spikes);
        for (std::size_t i = 0; i < n_spikes; ++i) leaf_of_[i] = leaf_[events.inputs[i]];
    }

    /// Neighbours are joined in pairs, level by level; a last one that has no partner waits for the next level. A node
    /// has a higher number than those that it joins.
    void set_tree() {
        const auto n = static_cast<std::uint32_t>(rows_.size());
        tree_.clear();
        level_.resize(n);
        std::iota(level_.begin(), level_.end(), 0u);
        parent_.assign(2 * std::size_t{n}, none);
        while (level_.size() > 1) {
            const std::size_t pairs = level_.size() / 2;
            for (std::size_t i = 0; i < pairs; ++i) {
                const auto node = n + static_cast<std::uint32_t>(tree_.size());
                tree_.push_back({level_[2 * i], level_[2 * i + 1], node});
                parent_[level_[2 * i]] = parent_[level_[2 * i + 1]] = node;
                level_[i] = node;
            }
            if (level_.size() % 2 == 1) level_[pairs] = level_.back();
            level_.resize(level_.size() - pairs);
        }
        changed_.assign(2 * std::size_t{n}, 0);
    }

    /// The junctions above the devices of some spikes, each once, children first.
    void add_junctions(std::size_t first, std::size_t last) {
        nodes_.clear();
        for (std::size_t i = first; i < last; ++i) {
            for (std::uint32_t node = parent_[leaf_of_[i]]; node != none && !changed_[node]; node = parent_[node]) {
                changed_[node] = 1;
                nodes_.push_back(node);
            }
        }
        std::sort(nodes_.begin(), nodes_.end());
        for (const std::uint32_t node : nodes_) {
            changed_[node] = 0;
            junctions_.push_back(tree_[node - rows_.size()]);
        }
        ends_.push_back(junctions_.size());
    }

    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    bool all_rows_;
    std::vector<std::uint32_t> leaf_;  // of each row
    std::vector<std::uint32_t> rows_, leaf_of_, level_, parent_, nodes_;
    std::vector<Real> segments_;
    std::vector<kernels::Junction> tree_, junctions_;
    std::vector<std::size_t> ends_;
    std::vector<char> changed_;
};

}  // namespace

template <class Real>
void charge(const Schedule<Real>& schedule, const WiredSynapses<Real>& synapses, Span2<Real> v, Threads threads) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    const std::size_t n_in = schedule.n_in();
    const Wired<Real> packed = pack(synapses, n_in, threads);
    const Tiles<Real>& tiling = packed.drive[0];
    detail::check_shape("v", v, schedule.batch(), tiling.cols);
    detail::EventBatch<Real> events;
    const Wiring wiring;
    const kernels::Coupling<Real> coupling{1, 1, 1, 1};
    events.set(schedule, {wiring, n_in, coupling}, threads);
    const std::size_t n_wires = packed.drive.size();
    const auto charge_tile = kernels::table<Real>().charge_wired[n_wires - 1];
    const detail::Split split(events.size(), n_in, tiling.count());
    detail::for_each_task(split.tasks(), threads, [&](std::size_t task, std::size_t) {
        const detail::Range samples = split.samples(task), tiles = split.tiles(task);
        alignas(64) Real row[lanes];
        Planner<Real> planner(n_in, packed.off > 0);
        detail::Buffer<Real> scratch;
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            const kernels::WirePlan<Real> plan = planner.plan(events[s]);
            scratch.resize(kernels::wired_scratch<Real>(plan.n_nodes, n_wires));
            for (std::size_t t = tiles.first; t < tiles.last; ++t) {
                charge_tile(events[s], packed.tile(t), plan, row, scratch.data());
                std::copy_n(row, tiling.width(t), v.row(s) + t * lanes);
            }
        }
    });
}

template void charge(const Schedule<float>&, const WiredSynapses<float>&, Span2<float>, Threads);
template void charge(const Schedule<double>&, const WiredSynapses<double>&, Span2<double>, Threads);

}  // namespace rcspike
