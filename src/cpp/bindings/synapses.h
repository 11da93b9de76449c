// The functions of a schedule and the synapses of one layer: what the bindings of charging, of first spikes and of
// energy have in common.
#pragma once

#include "arrays.h"

namespace rcspike::bindings {

/// Binds run(schedule, weights, circuit, result, threads), whose result is batch x n_out.
template <class Real, class Run>
void bind_resistive(py::module_& m, const char* name, const Run& run) {
    m.def(
        name,
        [run](const Schedule<Real>& schedule, const Array<Real>& weights, const Circuit& circuit,
              std::optional<int> n) {
            const auto w = matrix(weights, "weights");
            auto result = new_matrix<Real>(schedule.batch(), w.cols);
            const auto to = writable(result);
            const py::gil_scoped_release released;
            run(schedule, w, circuit, to, threads(n));
            return result;
        },
        py::arg("schedule"), py::arg("weights").noconvert(), py::arg("circuit"), py::arg("threads") = py::none());
}

/// The same of run(schedule, synapses, result, threads) for affine synapses.
template <class Real, class Run>
void bind_affine(py::module_& m, const char* name, const Run& run) {
    using std::optional;
    const auto none = py::none();
    m.def(
        name,
        [run](const Schedule<Real>& schedule, const Array<Real>& drive, const Array<Real>& conductance,
              const optional<Array<Real>>& drive0, const optional<Array<Real>>& conductance0, optional<int> n) {
            const auto synapses = affine(drive, conductance, drive0, conductance0);
            auto result = new_matrix<Real>(schedule.batch(), synapses.drive.cols);
            const auto to = writable(result);
            const py::gil_scoped_release released;
            run(schedule, synapses, to, threads(n));
            return result;
        },
        py::arg("schedule"), py::arg("drive").noconvert(), py::arg("conductance").noconvert(),
        py::arg("drive0").noconvert() = none, py::arg("conductance0").noconvert() = none, py::arg("threads") = none);
}

/// The gradients that backward(grad_times, grad_weights) writes.
template <class Real, class Backward>
py::tuple resistive_gradients(const Schedule<Real>& schedule, Span2<const Real> weights, const Backward& backward) {
    auto grad_times = new_matrix<Real>(schedule.batch(), schedule.n_in());
    auto grad_weights = new_matrix<Real>(weights.rows, weights.cols);
    const auto to_times = writable(grad_times), to_weights = writable(grad_weights);
    {
        const py::gil_scoped_release released;
        backward(to_times, to_weights);
    }
    return py::make_tuple(grad_times, grad_weights);
}

/// The gradients that backward(grad_times, gradient) writes for affine synapses.
template <class Real, class Backward>
py::tuple affine_gradients(const Schedule<Real>& schedule, const AffineSynapses<Real>& synapses,
                           const Backward& backward) {
    const std::size_t n_in = synapses.drive.rows, n_out = synapses.drive.cols;
    auto grad_times = new_matrix<Real>(schedule.batch(), schedule.n_in());
    auto grad_drive = new_matrix<Real>(n_in, n_out), grad_conductance = new_matrix<Real>(n_in, n_out);
    Array<Real> grad_drive0(static_cast<py::ssize_t>(n_out)), grad_conductance0(static_cast<py::ssize_t>(n_out));
    const auto to_times = writable(grad_times);
    const AffineGradient<Real> to{writable(grad_drive), writable(grad_conductance), writable_row(grad_drive0),
                                  writable_row(grad_conductance0)};
    {
        const py::gil_scoped_release released;
        backward(to_times, to);
    }
    return py::make_tuple(grad_times, grad_drive, grad_conductance, grad_drive0, grad_conductance0);
}

}  // namespace rcspike::bindings
