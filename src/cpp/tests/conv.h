// Convolutions for the tests: maps of spike times, and the rows that a window sees at each of its positions.
#pragma once

#include <cstddef>
#include <vector>

#include "fixture.h"
#include "rcspike/wiring.h"

namespace rcspike::test {

/// Sizes that fill no vector; edges and strides of all kinds; the last one has more patches than stay in a cache.
inline const std::vector<Conv2d>& convolutions() {
    static const std::vector<Conv2d> all{
        {{6, 5, 2}, 3, 3, 1, 1}, {{7, 4, 3}, 2, 3, 2, 0},    {{5, 9, 1}, 1, 2, 3, 0},
        {{8, 8, 2}, 5, 4, 2, 3}, {{20, 20, 16}, 3, 3, 1, 1},
    };
    return all;
}

/// Input that row r of the synapses has at a position, or none if it lies outside.
inline long input_at(const Conv2d& conv, std::size_t position, std::size_t r) {
    const auto width = static_cast<long>(conv.out(1).width);
    const auto at = [&](long out, std::size_t in_kernel) {
        return out * static_cast<long>(conv.stride) - static_cast<long>(conv.padding) + static_cast<long>(in_kernel);
    };
    const long y = at(static_cast<long>(position) / width, r / conv.in.channels / conv.kernel_width);
    const long x = at(static_cast<long>(position) % width, r / conv.in.channels % conv.kernel_width);
    const auto height = static_cast<long>(conv.in.height), in_width = static_cast<long>(conv.in.width);
    if (y < 0 || x < 0 || y >= height || x >= in_width) return -1;
    return (y * in_width + x) * static_cast<long>(conv.in.channels) + static_cast<long>(r % conv.in.channels);
}

/// Times of the rows at each position of each sample, one behind the other.
template <class Real>
Matrix<Real> rows_of(const Conv2d& conv, const Matrix<Real>& times) {
    const std::size_t n_positions = conv.out(1).size();
    Matrix<Real> rows(times.rows * n_positions, conv.n_rows());
    for (std::size_t i = 0; i < rows.rows; ++i) {
        for (std::size_t r = 0; r < rows.cols; ++r) {
            const long input = input_at(conv, i % n_positions, r);
            rows(i, r) = input < 0 ? Real(inf) : times(i / n_positions, static_cast<std::size_t>(input));
        }
    }
    return rows;
}

}  // namespace rcspike::test
