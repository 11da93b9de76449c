#include "rcspike/first_spike.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_first_spike(py::module_& m) {
    using std::optional;
    const auto none = py::none();
    m.def(
        "first_spike",
        [](const Schedule<Real>& schedule, const Array<Real>& weights, const Circuit& circuit, optional<int> n) {
            const auto w = matrix(weights, "weights");
            auto times = new_matrix<Real>(schedule.batch(), w.cols);
            const auto to = writable(times);
            const py::gil_scoped_release released;
            first_spike(schedule, w, circuit, to, threads(n));
            return times;
        },
        py::arg("schedule"), py::arg("weights").noconvert(), py::arg("circuit"), py::arg("threads") = none);
    m.def(
        "first_spike_vjp",
        [](const Schedule<Real>& schedule, const Array<Real>& weights, const Circuit& circuit,
           const Array<Real>& grad_spikes, double max_slope, optional<int> n) {
            const auto w = matrix(weights, "weights");
            const auto g = matrix(grad_spikes, "grad_spikes");
            auto grad_times = new_matrix<Real>(schedule.batch(), schedule.n_in());
            auto grad_weights = new_matrix<Real>(w.rows, w.cols);
            const auto to_times = writable(grad_times), to_weights = writable(grad_weights);
            {
                const py::gil_scoped_release released;
                first_spike_vjp(schedule, w, circuit, g, max_slope, to_times, to_weights, threads(n));
            }
            return py::make_tuple(grad_times, grad_weights);
        },
        py::arg("schedule"), py::arg("weights").noconvert(), py::arg("circuit"), py::arg("grad_spikes").noconvert(),
        py::kw_only(), py::arg("max_slope"), py::arg("threads") = none);
    m.def(
        "first_spike_affine",
        [](const Schedule<Real>& schedule, const Array<Real>& drive, const Array<Real>& conductance,
           const optional<Array<Real>>& drive0, const optional<Array<Real>>& conductance0, optional<int> n) {
            const auto synapses = affine(drive, conductance, drive0, conductance0);
            auto times = new_matrix<Real>(schedule.batch(), synapses.drive.cols);
            const auto to = writable(times);
            const py::gil_scoped_release released;
            first_spike(schedule, synapses, to, threads(n));
            return times;
        },
        py::arg("schedule"), py::arg("drive").noconvert(), py::arg("conductance").noconvert(),
        py::arg("drive0").noconvert() = none, py::arg("conductance0").noconvert() = none, py::arg("threads") = none);
    m.def(
        "first_spike_affine_vjp",
        [](const Schedule<Real>& schedule, const Array<Real>& drive, const Array<Real>& conductance,
           const optional<Array<Real>>& drive0, const optional<Array<Real>>& conductance0,
           const Array<Real>& grad_spikes, double max_slope, optional<int> n) {
            const auto synapses = affine(drive, conductance, drive0, conductance0);
            const auto g = matrix(grad_spikes, "grad_spikes");
            const std::size_t n_in = synapses.drive.rows, n_out = synapses.drive.cols;
            auto grad_times = new_matrix<Real>(schedule.batch(), schedule.n_in());
            auto grad_drive = new_matrix<Real>(n_in, n_out), grad_conductance = new_matrix<Real>(n_in, n_out);
            Array<Real> grad_drive0(static_cast<py::ssize_t>(n_out)),
                grad_conductance0(static_cast<py::ssize_t>(n_out));
            const auto to_times = writable(grad_times);
            const AffineGradient<Real> to{writable(grad_drive), writable(grad_conductance), writable_row(grad_drive0),
                                          writable_row(grad_conductance0)};
            {
                const py::gil_scoped_release released;
                first_spike_vjp(schedule, synapses, g, max_slope, to_times, to, threads(n));
            }
            return py::make_tuple(grad_times, grad_drive, grad_conductance, grad_drive0, grad_conductance0);
        },
        py::arg("schedule"), py::arg("drive").noconvert(), py::arg("conductance").noconvert(),
        py::arg("drive0").noconvert(), py::arg("conductance0").noconvert(), py::arg("grad_spikes").noconvert(),
        py::kw_only(), py::arg("max_slope"), py::arg("threads") = none);
}

}  // namespace

void bind_first_spike(py::module_& m) {
    bind_first_spike<float>(m);
    bind_first_spike<double>(m);
}

}  // namespace rcspike::bindings
