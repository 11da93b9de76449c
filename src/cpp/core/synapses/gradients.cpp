#include "synapses/gradients.h"

#include <algorithm>

#include "common/check.h"

namespace rcspike::detail {

template <class Real>
void PartialGradient<Real>::resize(std::size_t n_chunks, std::size_t n_rows, std::size_t n_tiles) {
    count = n_chunks;
    tile_size = n_rows * kernels::lanes<Real>;
    size = n_tiles * tile_size;
    values.resize(count * size);
}

template <class Real>
void PartialGradient<Real>::zero(std::size_t chunk, Range tiles) {
    std::fill_n(tile(chunk, tiles.first), (tiles.last - tiles.first) * tile_size, Real(0));
}

template <class Real>
void PartialGradient<Real>::add_up(Span2<Real> matrix, Threads threads) const {
    const ExtraTasks tasks = sum(matrix);
    for_each_task(tasks.count, threads, [&](std::size_t task, std::size_t) { tasks.run(task); });
}

template <class Real>
ExtraTasks PartialGradient<Real>::sum(Span2<Real> matrix) const {
    constexpr std::size_t lanes = kernels::lanes<Real>, block = 64;
    const auto add_rows = [this, matrix](std::size_t task) {
        const std::size_t end = std::min(matrix.rows, (task + 1) * block);
        // Tile by tile, so that what is read is contiguous.
        for (std::size_t first = 0; first < matrix.cols; first += lanes) {
            const std::size_t width = matrix.cols - first < lanes ? matrix.cols - first : lanes;
            for (std::size_t row = task * block; row < end; ++row) {
                const Real* const from = values.data() + first / lanes * tile_size + row * lanes;
                Real sum[kernels::lanes<Real>];
                for (std::size_t i = 0; i < lanes; ++i) sum[i] = from[i];
                for (std::size_t part = 1; part < count; ++part) {
                    for (std::size_t i = 0; i < lanes; ++i) sum[i] += from[part * size + i];
                }
                Real* const to = matrix.row(row) + first;
                if (width == lanes) {
                    std::copy_n(sum, lanes, to);  // a constant number: no call of memcpy
                } else {
                    std::copy_n(sum, width, to);
                }
            }
        }
    };
    return {divide_up(matrix.rows, block), add_rows};
}

template <class Real>
void WeightGradient<Real>::resize(std::size_t n_chunks, std::size_t n_rows, std::size_t, std::size_t n_tiles) {
    weights.resize(n_chunks, n_rows, n_tiles);
}

template <class Real>
void WeightGradient<Real>::zero(std::size_t chunk, Range tiles) {
    weights.zero(chunk, tiles);
}

template <class Real>
kernels::WeightGradient<Real> WeightGradient<Real>::tile(std::size_t chunk, std::size_t t, Real* times) {
    return {weights.tile(chunk, t), times};
}

template <class Real>
void AffineSynapseGradient<Real>::resize(std::size_t n_chunks, std::size_t n_rows, std::size_t n_load_rows,
                                         std::size_t n_tiles) {
    drive.resize(n_chunks, n_rows, n_tiles);
    conductance.resize(n_chunks, n_rows, n_tiles);
    drive0.resize(n_chunks, 1, n_tiles);
    conductance0.resize(n_chunks, 1, n_tiles);
    loads.resize(n_chunks, n_load_rows, n_tiles);
}

template <class Real>
void AffineSynapseGradient<Real>::zero(std::size_t chunk, Range tiles) {
    for (PartialGradient<Real>* parts : {&drive, &conductance, &drive0, &conductance0, &loads})
        parts->zero(chunk, tiles);
}

template <class Real>
kernels::AffineGradient<Real> AffineSynapseGradient<Real>::tile(std::size_t chunk, std::size_t t, Real* times) {
    return {drive.tile(chunk, t),        conductance.tile(chunk, t), drive0.tile(chunk, t),
            conductance0.tile(chunk, t), loads.tile(chunk, t),       times};
}

template <class Real>
void check_gradient(const AffineGradient<Real>& gradient, std::size_t n_rows, std::size_t n_load_rows,
                    std::size_t n_columns) {
    check_shape("gradient of loads", gradient.loads, n_load_rows, n_load_rows == 0 ? 0 : n_columns);
    check_shape("gradient of drive", gradient.drive, n_rows, n_columns);
    check_shape("gradient of conductance", gradient.conductance, n_rows, n_columns);
    if (gradient.drive0.data) check_size("gradient of drive0", gradient.drive0, n_columns);
    if (gradient.conductance0.data) check_size("gradient of conductance0", gradient.conductance0, n_columns);
}

template <class Real>
void write(const AffineSynapseGradient<Real>& parts, const AffineGradient<Real>& to, Threads threads) {
    parts.drive.add_up(to.drive, threads);
    parts.conductance.add_up(to.conductance, threads);
    parts.loads.add_up(to.loads, threads);
    const auto unpack_row = [&](const PartialGradient<Real>& part, Span1<Real> row) {
        if (row.data) part.add_up({row.data, 1, row.size}, threads);
    };
    unpack_row(parts.drive0, to.drive0);
    unpack_row(parts.conductance0, to.conductance0);
}

#define RCSPIKE_INSTANTIATE(Real)                                                                     \
    template struct PartialGradient<Real>;                                                            \
    template struct WeightGradient<Real>;                                                             \
    template struct AffineSynapseGradient<Real>;                                                      \
    template void check_gradient(const AffineGradient<Real>&, std::size_t, std::size_t, std::size_t); \
    template void write(const AffineSynapseGradient<Real>&, const AffineGradient<Real>&, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
