// NumPy arrays as the views of the C++ library, without copies, and back.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rcspike/charge.h"
#include "rcspike/circuit.h"
#include "rcspike/loss.h"
#include "rcspike/phases.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"
#include "rcspike/wiring.h"

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

template <class Real>
AffineSynapses<Real> affine(const Array<Real>& drive, const Array<Real>& conductance,
                            const std::optional<Array<Real>>& drive0, const std::optional<Array<Real>>& conductance0) {
    return {matrix(drive, "drive"), matrix(conductance, "conductance"), optional_row(drive0, "drive0"),
            optional_row(conductance0, "conductance0")};
}

/// None is all the cores this process may use.
inline Threads threads(std::optional<int> n) { return n ? Threads::exactly(*n) : Threads::all(); }

/// The circuit of each layer, or one for all of them.
using Circuits = std::variant<Circuit, std::vector<Circuit>>;
inline std::vector<Circuit> circuits(const Circuits& given, std::size_t n_layers) {
    const auto* one = std::get_if<Circuit>(&given);
    return one ? std::vector<Circuit>(n_layers, *one) : std::get<std::vector<Circuit>>(given);
}

/// The loss whose fields are given by name; those that are missing have their defaults.
Loss loss_of(const py::kwargs& arguments);

/// forward of a kind of network, from spike times or from their schedule.
template <class Real, class Network>
void bind_forward(py::class_<Network>& network) {
    using Input = std::variant<const Schedule<Real>*, Array<Real>>;
    network.def(
        "forward",
        [](const Network& network, const Input& times, const std::vector<Array<Real>>& noise, std::optional<int> n) {
            const auto* prepared = std::get_if<const Schedule<Real>*>(&times);
            const auto spikes = prepared ? Span2<const Real>{} : matrix(std::get<Array<Real>>(times), "times");
            const auto shifts = matrices(noise, "noise");
            auto v =
                new_matrix<Real>(prepared ? (*prepared)->batch() : spikes.rows, network.n_out(network.n_layers() - 1));
            const auto to = writable(v);
            const py::gil_scoped_release released;
            if (prepared) network.forward(**prepared, shifts, to, threads(n));
            if (!prepared) network.forward(spikes, shifts, to, threads(n));
            return v;
        },
        py::arg("times").noconvert().none(false), py::arg("noise").noconvert(), py::arg("threads") = py::none());
}

/// One line for each concept of the library; each in a file of its own.
void bind_adam(py::module_& m);
void bind_build_config(py::module_& m);
void bind_threads(py::module_& m);
void bind_circuit(py::module_& m);
void bind_schedule(py::module_& m);
void bind_charge(py::module_& m);
void bind_layer(py::module_& m);
void bind_rectified(py::module_& m);
void bind_energy(py::module_& m);
void bind_fire(py::module_& m);
void bind_first_spike(py::module_& m);
void bind_loss(py::module_& m);
void bind_trace(py::module_& m);
void bind_network(py::module_& m);
void bind_network_pass(py::module_& m);
void bind_noise(py::module_& m);
void bind_device_network(py::module_& m);
void bind_device_model(py::module_& m);
void bind_trainer(py::module_& m);
void bind_wires(py::module_& m);
void bind_wiring(py::module_& m);

}  // namespace rcspike::bindings
