// NumPy arrays as the views of the C++ library, without copies, and back.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike::bindings {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;

template <class T>
Span2<const T> matrix(const Array<T>& a, const char* name) {
    if (a.ndim() != 2)
        throw std::invalid_argument(std::string(name) + " must have 2 dimensions, got " + std::to_string(a.ndim()));
    return {a.data(), static_cast<std::size_t>(a.shape(0)), static_cast<std::size_t>(a.shape(1))};
}

template <class T>
Span1<const T> row(const Array<T>& a, const char* name) {
    if (a.ndim() != 1)
        throw std::invalid_argument(std::string(name) + " must have 1 dimension, got " + std::to_string(a.ndim()));
    return {a.data(), static_cast<std::size_t>(a.shape(0))};
}

template <class T>
Span1<const T> optional_row(const std::optional<Array<T>>& a, const char* name) {
    return a ? row(*a, name) : Span1<const T>{};
}

template <class T>
std::vector<Span2<const T>> matrices(const std::vector<Array<T>>& arrays, const char* name) {
    std::vector<Span2<const T>> spans;
    for (const auto& a : arrays) spans.push_back(matrix(a, name));
    return spans;
}

template <class T>
Array<T> new_matrix(std::size_t rows, std::size_t cols) {
    return Array<T>({static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(cols)});
}

template <class T>
Span2<T> writable(Array<T>& a) {
    return {a.mutable_data(), static_cast<std::size_t>(a.shape(0)), static_cast<std::size_t>(a.shape(1))};
}

template <class T>
Span1<T> writable_row(Array<T>& a) {
    return {a.mutable_data(), static_cast<std::size_t>(a.shape(0))};
}

/// None is all the cores this process may use.
inline Threads threads(std::optional<int> n) { return n ? Threads::exactly(*n) : Threads::all(); }

/// One line for each concept of the library; each in a file of its own.
void bind_build_config(py::module_& m);
void bind_circuit(py::module_& m);
void bind_schedule(py::module_& m);
void bind_charge(py::module_& m);
void bind_energy(py::module_& m);
void bind_fire(py::module_& m);
void bind_trace(py::module_& m);
void bind_network(py::module_& m);
void bind_trainer(py::module_& m);

}  // namespace rcspike::bindings
