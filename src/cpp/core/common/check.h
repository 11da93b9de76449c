// Errors that name the value, what was expected and the way out.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>

#include "parallel/workers.h"
#include "rcspike/span.h"

namespace rcspike::detail {

/// Throws std::invalid_argument with the parts put together.
template <class... Parts>
[[noreturn]] void reject(const Parts&... parts) {
    std::ostringstream text;
    text.precision(9);
    (text << ... << parts);
    throw std::invalid_argument(text.str());
}

template <class T>
void check_shape(const char* name, Span2<T> a, std::size_t rows, std::size_t cols) {
    if (a.rows != rows || a.cols != cols) {
        reject(name, " must have shape (", rows, ", ", cols, "), got (", a.rows, ", ", a.cols, ")");
    }
}

template <class T>
void check_size(const char* name, Span1<T> a, std::size_t size) {
    if (a.size != size) reject(name, " must have shape (", size, ",), got (", a.size, ",)");
}

/// Without a branch for each: x - x is 0, or NaN where x is not finite.
template <class T>
bool all_finite(const T* x, std::size_t n) {
    T excess = 0;
    for (std::size_t i = 0; i < n; ++i) excess += x[i] - x[i];
    return excess == 0;
}

template <class T>
void check_finite(const char* name, Span2<const T> a) {
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!std::isfinite(a.data[i]))
            reject(name, "[", i / a.cols, ", ", i % a.cols, "] must be finite, got ", a.data[i]);
    }
}

template <class T>
void check_finite(const char* name, Span1<const T> a) {
    for (std::size_t i = 0; i < a.size; ++i) {
        if (!std::isfinite(a[i])) reject(name, "[", i, "] must be finite, got ", a[i]);
    }
}

template <class T>
void check_not_negative(const char* name, Span2<const T> a) {
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a.data[i] < 0) reject(name, "[", i / a.cols, ", ", i % a.cols, "] must not be negative, got ", a.data[i]);
    }
}

template <class T>
void check_not_negative(const char* name, Span1<const T> a) {
    for (std::size_t i = 0; i < a.size; ++i) {
        if (a[i] < 0) reject(name, "[", i, "] must not be negative, got ", a[i]);
    }
}

/// Whether all numbers are at most `limit` in size, which NaN is not.
template <class T>
bool all_within(Span2<const T> a, T limit, Threads threads) {
    constexpr std::size_t block = 1 << 16;
    std::atomic<bool> within{true};
    for_each_task((a.size() + block - 1) / block, threads, [&](std::size_t task, std::size_t) {
        int beyond = 0;
        for (std::size_t i = task * block; i < std::min(a.size(), (task + 1) * block); ++i) {
            beyond += !(std::abs(a.data[i]) <= limit);
        }
        if (beyond > 0) within.store(false, std::memory_order_relaxed);
    });
    return within;
}

/// Rejects numbers that are not finite, or whose sum over a column, each times `factor`, could leave the range of the
/// type.
template <class T>
void check_range(const char* name, Span2<const T> a, double factor, Threads threads) {
    const double limit = std::numeric_limits<T>::max() / 4;
    const double each = limit / factor / static_cast<double>(a.rows);
    if (all_within(a, std::nextafter(static_cast<T>(each), T(0)), threads)) return;
    check_finite(name, a);
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (std::abs(static_cast<double>(a.data[i])) <= each) continue;
        reject(name, "[", i / a.cols, ", ", i % a.cols, "] is ", a.data[i], ", too large for ", 8 * sizeof(T),
               "-bit floating point: sums of ", a.rows, " such synapses must stay below ", limit / factor);
    }
}

/// The same for numbers that are added to such a sum once.
template <class T>
void check_range(const char* name, Span1<const T> a) {
    const T limit = std::numeric_limits<T>::max() / 4;
    for (std::size_t i = 0; i < a.size; ++i) {
        if (std::abs(a[i]) > limit) {
            reject(name, "[", i, "] is ", a[i], ", too large for ", 8 * sizeof(T),
                   "-bit floating point: it must stay below ", limit);
        }
    }
}

}  // namespace rcspike::detail
