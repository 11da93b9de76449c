// Views of row-major arrays, used by all public functions. They do not own memory.
#pragma once

#include <cstddef>

namespace rcspike {

/// A row-major matrix view, rows x cols, without padding between rows.
template <class T>
struct Span2 {
    T* data = nullptr;
    std::size_t rows = 0;
    std::size_t cols = 0;

    T* row(std::size_t i) const { return data + i * cols; }
    std::size_t size() const { return rows * cols; }
    operator Span2<const T>() const { return {data, rows, cols}; }
};

/// A vector view; data == nullptr stands for "not given" where an argument is optional.
template <class T>
struct Span1 {
    T* data = nullptr;
    std::size_t size = 0;

    T& operator[](std::size_t i) const { return data[i]; }
    operator Span1<const T>() const { return {data, size}; }
};

}  // namespace rcspike
