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

/// The same with neurons that share charge, and with joined inputs.
inline const std::vector<Conv2d>& pooled_convolutions() {
    static const std::vector<Conv2d> all{
        {{6, 4, 2}, 3, 3, 1, 1, 1, 2},   {{8, 5, 1}, 3, 2, 1, 0, 1, 2},    {{6, 6, 2}, 2, 2, 1, 1, 2, 1},
        {{12, 12, 2}, 3, 3, 1, 1, 2, 3}, {{20, 20, 16}, 3, 3, 1, 1, 1, 2},
    };
    return all;
}

/// Some whose positions or pixels fill no pool or window at the edges.
inline const std::vector<Conv2d>& cut_convolutions() {
    static const std::vector<Conv2d> all{
        {{7, 7, 2}, 3, 3, 1, 1, 1, 2},
        {{8, 5, 1}, 3, 3, 2, 1, 1, 3},
        {{7, 5, 2}, 2, 2, 1, 1, 2, 1},
        {{11, 8, 1}, 3, 3, 1, 1, 3, 2},
    };
    return all;
}

/// Input that row r of the synapses has at a position, or none if it lies outside.
inline long input_at(const Conv2d& conv, std::size_t position, std::size_t r) {
    const auto width = static_cast<long>(conv.positions().width);
    const auto at = [&](long out, std::size_t in_kernel) {
        return out * static_cast<long>(conv.stride) - static_cast<long>(conv.padding) + static_cast<long>(in_kernel);
    };
    const long y = at(static_cast<long>(position) / width, r / conv.in.channels / conv.kernel_width);
    const long x = at(static_cast<long>(position) % width, r / conv.in.channels % conv.kernel_width);
    const auto height = static_cast<long>(conv.seen().height), in_width = static_cast<long>(conv.seen().width);
    if (y < 0 || x < 0 || y >= height || x >= in_width) return -1;
    return (y * in_width + x) * static_cast<long>(conv.in.channels) + static_cast<long>(r % conv.in.channels);
}

/// Times of the rows at each position of each sample, one behind the other.
template <class Real>
Matrix<Real> rows_of(const Conv2d& conv, const Matrix<Real>& times) {
    const std::size_t n_positions = conv.positions().size();
    Matrix<Real> rows(times.rows * n_positions, conv.n_rows());
    for (std::size_t i = 0; i < rows.rows; ++i) {
        for (std::size_t r = 0; r < rows.cols; ++r) {
            const long input = input_at(conv, i % n_positions, r);
            rows(i, r) = input < 0 ? Real(inf) : times(i / n_positions, static_cast<std::size_t>(input));
        }
    }
    return rows;
}

/// The first spike of each window of maps, and the input that it comes from.
template <class Real>
struct FirstOfMaps {
    Matrix<Real> times;
    std::vector<std::size_t> input;

    FirstOfMaps(const Maps& maps, std::size_t window, const Matrix<Real>& all)
        : times(all.rows, FirstSpike2d{maps, window}.out().size()), input(all.rows * times.cols) {
        const std::size_t width = maps.width / window, c = maps.channels;
        for (std::size_t i = 0; i < times.values.size(); ++i) {
            const std::size_t s = i / times.cols, y = i % times.cols / c / width * window,
                              x = i % times.cols / c % width * window;
            input[i] = (y * maps.width + x) * c + i % c;
            for (std::size_t k = 0; k < window * window; ++k) {
                const std::size_t other = ((y + k / window) * maps.width + x + k % window) * c + i % c;
                if (all(s, other) < all(s, input[i])) input[i] = other;
            }
            times.values[i] = all(s, input[i]);
        }
    }
};

}  // namespace rcspike::test
