// Gradients of the synapses of a layer, as the tasks of a backward pass make them.
#pragma once

#include <cstddef>

#include "common/check.h"
#include "memory/buffer.h"
#include "parallel/split.h"
#include "parallel/workers.h"
#include "synapses/synapses.h"

namespace rcspike::detail {

/// A gradient before the sum over the chunks of a batch: `count` arrays of the layout of Tiles, one behind the other.
template <class Real>
struct PartialGradient {
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
    PartialGradient<Real> weights;

    void resize(std::size_t n_chunks, std::size_t n_rows, std::size_t n_load_rows, std::size_t n_tiles);
    void zero(std::size_t chunk, Range tiles);
    kernels::WeightGradient<Real> tile(std::size_t chunk, std::size_t t, Real* times);
};

template <class Real>
struct AffineSynapseGradient {
    PartialGradient<Real> drive, conductance, drive0, conductance0;
    PartialGradient<Real> loads;  // without rows unless they load the membrane

    void resize(std::size_t n_chunks, std::size_t n_rows, std::size_t n_load_rows, std::size_t n_tiles);
    void zero(std::size_t chunk, Range tiles);
    kernels::AffineGradient<Real> tile(std::size_t chunk, std::size_t t, Real* times);
};

/// Throws std::invalid_argument if a gradient does not have the shapes of n_rows x n_columns affine synapses, which
/// load the membrane or do not.
template <class Real>
void check_gradient(const AffineGradient<Real>& gradient, std::size_t n_rows, std::size_t n_load_rows,
                    std::size_t n_columns);

/// Writes the gradient of a layer's affine synapses.
template <class Real>
void write(const AffineSynapseGradient<Real>& parts, const AffineGradient<Real>& to, Threads threads);

}  // namespace rcspike::detail
