#include "rcspike/fire.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind(py::module_& m) {
    m.def(
        "fire",
        [](const Array<Real>& v, const Circuit& circuit) {
            const auto from = matrix(v, "v");
            auto times = new_matrix<Real>(from.rows, from.cols);
            const auto to = writable(times);
            const py::gil_scoped_release released;
            fire(from, circuit, to);
            return times;
        },
        py::arg("v").noconvert(), py::arg("circuit"));
    m.def(
        "fire_vjp",
        [](const Array<Real>& v, const Circuit& circuit, const Array<Real>& grad_times) {
            const auto from = matrix(v, "v");
            const auto g = matrix(grad_times, "grad_times");
            auto grad_v = new_matrix<Real>(from.rows, from.cols);
            const auto to = writable(grad_v);
            const py::gil_scoped_release released;
            fire_vjp(from, circuit, g, to);
            return grad_v;
        },
        py::arg("v").noconvert(), py::arg("circuit"), py::arg("grad_times").noconvert());
    m.def(
        "readout_times",
        [](const Array<Real>& v, const Circuit& circuit) {
            const auto from = matrix(v, "v");
            auto times = new_matrix<Real>(from.rows, from.cols);
            const auto to = writable(times);
            const py::gil_scoped_release released;
            readout_times(from, circuit, to);
            return times;
        },
        py::arg("v").noconvert(), py::arg("circuit"));
    m.def(
        "readout_voltages",
        [](const Array<Real>& times, const Circuit& circuit) {
            const auto from = matrix(times, "times");
            auto v = new_matrix<Real>(from.rows, from.cols);
            const auto to = writable(v);
            const py::gil_scoped_release released;
            readout_voltages(from, circuit, to);
            return v;
        },
        py::arg("times").noconvert(), py::arg("circuit"));
}

}  // namespace

void bind_fire(py::module_& m) {
    bind<float>(m);
    bind<double>(m);
}

}  // namespace rcspike::bindings
