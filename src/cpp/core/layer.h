// One layer in the kernels' layout, and its forward pass over a batch cut into tasks. The public functions pack, call
// these and unpack; a network keeps its layers packed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "buffer.h"
#include "kernels/kernels.h"
#include "rcspike/circuit.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"
#include "tiles.h"

namespace rcspike::detail {

/// Synapses of one layer. kernels::Tile says what `drive` and `conductance` hold for each kind; resistive synapses have
/// `drive` alone.
template <class Real>
struct Layer {
    kernels::Synapses kind = kernels::Synapses::resistive;
    Tiles<Real> drive, conductance, drive0, conductance0;
    kernels::Coupling<Real> coupling{1, 1, 1, 1};
    const Tiles<Real>* weights = nullptr;  // that pairs were drawn for, if their gradient is wanted
    std::vector<Real> offset;              // of the neurons' thresholds, in V_th; empty if there is none

    std::size_t n_in() const { return drive.rows; }
    std::size_t n_out() const { return drive.cols; }
    kernels::Tile<Real> tile(std::size_t i) const;
    /// Resistive, on symmetric rails.
    bool is_symmetric() const { return kind == kernels::Synapses::resistive && kernels::is_symmetric(coupling); }
};

/// How the sign of a weight couples to the rails of a circuit.
template <class Real>
kernels::Coupling<Real> coupling_of(const Circuit& circuit);

/// Resistive synapses, checked: the circuit, the shape (n_in rows), and that no sum can overflow.
template <class Real>
Layer<Real> resistive_layer(const char* name, Span2<const Real> weights, std::size_t n_in, const Circuit& circuit,
                            Threads threads);

/// Adds synapses that are always on to those that the layer has already: D0 and G0, checked. They are zeros where they
/// are not given, since their gradient may be wanted.
template <class Real>
void pack_always_on(Span1<const Real> drive0, Span1<const Real> conductance0, Layer<Real>& layer);

/// A run of samples, or of tiles.
struct Range {
    std::size_t first, last;
};

/// How a batch is cut: groups of tiles whose synapses stay in the cache while a chunk of samples passes by. Depends on
/// the problem alone, never on the threads, and with it the order in which the chunks' gradients are added.
struct Split {
    Split(std::size_t batch, std::size_t n_in, std::size_t n_tiles);

    std::size_t batch, n_tiles;
    std::size_t tiles_per_group, groups;
    std::size_t samples_per_chunk, chunks;

    std::size_t tasks() const { return groups * chunks; }
    Range tiles(std::size_t task) const { return part(task / chunks, tiles_per_group, n_tiles); }
    Range samples(std::size_t task) const { return part(task % chunks, samples_per_chunk, batch); }
    std::size_t group(std::size_t task) const { return task / chunks; }
    std::size_t chunk(std::size_t task) const { return task % chunks; }

private:
    static Range part(std::size_t i, std::size_t size, std::size_t count) {
        return {std::min(i * size, count), std::min((i + 1) * size, count)};
    }
};

/// The input spikes of a batch as the kernels of one layer take them.
template <class Real>
class EventBatch {
public:
    /// For samples of at most max_intervals intervals; the earlier contents are lost.
    void resize(std::size_t batch, std::size_t max_intervals);
    void set(std::size_t sample, const SpikeTrain<Real>& spikes, const kernels::Coupling<Real>& coupling);
    void set(const Schedule<Real>& schedule, const kernels::Coupling<Real>& coupling, Threads threads);

    std::size_t size() const { return events_.size(); }
    const kernels::Events<Real>& operator[](std::size_t sample) const { return events_[sample]; }

private:
    std::vector<kernels::Events<Real>> events_;
    Buffer<kernels::Step<Real>> steps_;
    std::size_t stride_ = 0;
};

/// v(1) of some samples and tiles into their place in v, batch x n_out.
template <class Real>
void charge(const Layer<Real>& layer, const EventBatch<Real>& events, Range samples, Range tiles, Span2<Real> v);

/// v(1) of all of them.
template <class Real>
void charge(const Layer<Real>& layer, const EventBatch<Real>& events, Span2<Real> v, Threads threads);

/// Throws std::invalid_argument on other synapses, for which `wanted` cannot be computed.
template <class Real>
void check_resistive(const Layer<Real>& layer, const char* wanted);

/// Voltages of tile t at sorted times within the phase, a row of lanes each. Throws std::invalid_argument unless the
/// layer is resistive.
template <class Real>
void trace(const Layer<Real>& layer, const kernels::Events<Real>& events, std::size_t t, Span1<const Real> at, Real* v);

/// Charges that the rails deliver to tile t. Throws std::invalid_argument unless the layer is resistive.
template <class Real>
void supply(const Layer<Real>& layer, const kernels::Events<Real>& events, std::size_t t,
            const kernels::RailRows<Real>& charges);

}  // namespace rcspike::detail
