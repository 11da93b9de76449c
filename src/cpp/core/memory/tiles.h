// Matrices in the layout of the kernels: tiles of `lanes` columns, each tile contiguous, the last one padded with
// zeros.
#pragma once

#include <algorithm>
#include <cstddef>

#include "kernels/kernels.h"
#include "memory/buffer.h"
#include "parallel/workers.h"
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

    void pack(Span2<const Real> matrix, Threads threads) {
        resize(matrix.rows, matrix.cols);
        for_each_part_of_row(threads, [&](std::size_t row, std::size_t t) {
            const Real* from = matrix.row(row) + t * lanes;
            Real* to = tile(t) + row * lanes;
            std::fill(std::copy(from, from + width(t), to), to + lanes, Real(0));
        });
    }

    void unpack(Span2<Real> matrix, Threads threads) const {
        for_each_part_of_row(threads, [&](std::size_t row, std::size_t t) {
            const Real* from = tile(t) + row * lanes;
            std::copy(from, from + width(t), matrix.row(row) + t * lanes);
        });
    }

    /// Columns of tile t that are not padding.
    std::size_t width(std::size_t t) const { return std::min(lanes, cols - t * lanes); }

    /// Calls f(row, tile) for all of them, rows in blocks on several threads.
    template <class Function>
    void for_each_part_of_row(Threads threads, const Function& f) const {
        constexpr std::size_t block = 64;
        for_each_task((rows + block - 1) / block, threads, [&](std::size_t task, std::size_t) {
            for (std::size_t row = task * block; row < std::min(rows, (task + 1) * block); ++row) {
                for (std::size_t t = 0; t < count(); ++t) f(row, t);
            }
        });
    }
};

}  // namespace rcspike::detail
