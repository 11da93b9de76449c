// Matrices in the layout of the kernels: tiles of `lanes` columns, each tile contiguous, the last one padded with
// zeros.
#pragma once

#include <algorithm>
#include <cstddef>

#include "buffer.h"
#include "kernels/kernels.h"
#include "rcspike/span.h"

namespace rcspike::detail {

template <class Real>
struct Tiles {
    static constexpr std::size_t lanes = kernels::lanes<Real>;

    std::size_t rows = 0, cols = 0;
    Buffer<Real> values;

    std::size_t count() const { return (cols + lanes - 1) / lanes; }
    std::size_t tile_size() const { return rows * lanes; }
    Real* tile(std::size_t i) { return values.data() + i * tile_size(); }
    const Real* tile(std::size_t i) const { return values.data() + i * tile_size(); }

    void resize(std::size_t n_rows, std::size_t n_cols) {
        rows = n_rows;
        cols = n_cols;
        values.resize(count() * tile_size());
    }

    void pack(Span2<const Real> matrix) {
        resize(matrix.rows, matrix.cols);
        if (cols % lanes != 0) std::fill(tile(count() - 1), values.end(), Real(0));
        for (std::size_t i = 0; i < rows; ++i) {
            for (std::size_t t = 0; t < count(); ++t) {
                const Real* from = matrix.row(i) + t * lanes;
                std::copy(from, from + width(t), tile(t) + i * lanes);
            }
        }
    }

    void unpack(Span2<Real> matrix) const {
        for (std::size_t i = 0; i < rows; ++i) {
            for (std::size_t t = 0; t < count(); ++t) {
                const Real* from = tile(t) + i * lanes;
                std::copy(from, from + width(t), matrix.row(i) + t * lanes);
            }
        }
    }

    /// Columns of tile t that are not padding.
    std::size_t width(std::size_t t) const { return std::min(lanes, cols - t * lanes); }
};

}  // namespace rcspike::detail
