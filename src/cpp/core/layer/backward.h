// The backward pass of one layer: from dL/dv(1) to the gradients of its synapses and of its input spikes.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>

#include "layer/layer.h"
#include "memory/buffer.h"
#include "parallel/workers.h"

namespace rcspike::detail {

/// A gradient before the sum over the chunks of a batch: `count` arrays of the layout of Tiles, one behind the other.
template <class Real>
struct Parts {
    Buffer<Real> values;
    std::size_t count = 0, size = 0, tile_size = 0;

    void resize(std::size_t n_chunks, std::size_t n_rows, std::size_t n_tiles);
    /// Tile t of a chunk's array.
    Real* tile(std::size_t chunk, std::size_t t) { return values.data() + chunk * size + t * tile_size; }
    void zero(std::size_t chunk, Range tiles);
    /// The sum over the chunks, in order, as a matrix.
    void add_up(Span2<Real> matrix, Threads threads) const;
    /// The same as tasks. This and the matrix must live until they have run.
    ExtraTasks sum(Span2<Real> matrix) const;
};

/// Of resistive synapses, or of the weights that pairs were drawn for, before the slope of the draw.
template <class Real>
struct WeightGradient {
    Parts<Real> weights;

    void resize(std::size_t n_chunks, const Tiles<Real>& rows);
    void zero(std::size_t chunk, Range tiles);
    kernels::WeightGradient<Real> tile(std::size_t chunk, std::size_t t, Real* times);
};

template <class Real>
struct AffineSynapseGradient {
    Parts<Real> drive, conductance, drive0, conductance0;

    void resize(std::size_t n_chunks, const Tiles<Real>& rows);
    void zero(std::size_t chunk, Range tiles);
    kernels::AffineGradient<Real> tile(std::size_t chunk, std::size_t t, Real* times);
};

/// Throws std::invalid_argument if a gradient does not have the shapes of a layer's affine synapses.
template <class Real>
void check_gradient(const AffineGradient<Real>& gradient, const Layer<Real>& layer);

/// Writes the gradient of a layer's affine synapses.
template <class Real>
void write(const AffineSynapseGradient<Real>& parts, const AffineGradient<Real>& to, Threads threads);

/// Memory of the backward pass, kept from one call to the next.
template <class Real>
struct Scratch {
    Buffer<Real> sweep;        // per worker: the intermediate results that a backward sweep keeps of its forward one
    Buffer<Real> spike_lanes;  // per worker: dL/dt of each spike before the sum over the outputs of a tile
    Buffer<Real> times;        // [group but the first][sample][n_in]: dL/dt before the sum over groups
};

/// Charges that the rails deliver, where the loss counts them (energy.h): dL/dQ of either rail, and where to write Q
/// itself, or null; batch x n_out each.
template <class Real>
struct Supply {
    Span2<const Real> grad_plus, grad_minus;
    Span2<Real> plus, minus;
};

/// Spikes of a layer of a single phase, and how their gradient is taken (docs/single-phase.md).
template <class Real>
struct SpikePass {
    Span2<const Real> times{};                    ///< without noise, batch x n_out
    double max_slope = 0;                         ///< bound of |dt/dv| at the threshold, in T / V_th
    std::atomic<std::size_t>* n_steep = nullptr;  ///< to which the spikes at that bound are added; optional
};

/// The backward pass of one layer. Views without data stand for inputs that are not given and results that are not
/// wanted.
template <class Real>
struct BackwardPass {
    const Layer<Real>& layer;
    const EventBatch<Real>& events;
    Span2<const Real> grad_v{};                     ///< dL/dv(1), batch x n_out; optional if there is a supply. In a
                                                    ///< single phase dL/dt of neurons that spike, and of those that do
                                                    ///< not the derivative against the sum of all drives
    SpikePass<Real> spikes{};                       ///< of neurons of a single phase
    Supply<Real> supply{};                          ///< of resistive layers, if the loss counts it
    Span2<Real> grad_times{};                       ///< where to write dL/dt, batch x n_in; optional
    std::function<void(Range samples)> on_times{};  ///< called, on any thread, for samples whose dL/dt is complete
    ExtraTasks extra_tasks{};                       ///< run concurrently with the pass
};

/// Writes the gradient of the layer's synapses, and dL/dt and Q where they are wanted. Throws std::invalid_argument if
/// the layer's synapses have no such gradient.
template <class Real>
void backward(const BackwardPass<Real>& pass, WeightGradient<Real>& gradient, Scratch<Real>& scratch, Threads threads);
template <class Real>
void backward(const BackwardPass<Real>& pass, AffineSynapseGradient<Real>& gradient, Scratch<Real>& scratch,
              Threads threads);

}  // namespace rcspike::detail
