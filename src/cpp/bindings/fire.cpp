#include "rcspike/fire.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

/// Binds a function that makes one matrix of another of the same shape.
template <class Real>
void bind_map(py::module_& m, const char* name, const char* argument,
              void (*function)(Span2<const Real>, const Circuit&, Span2<Real>)) {
    m.def(
        name,
        [function, argument](const Array<Real>& from, const Circuit& circuit) {
            const auto view = matrix(from, argument);
            auto result = new_matrix<Real>(view.rows, view.cols);
            const auto to = writable(result);
            const py::gil_scoped_release released;
            function(view, circuit, to);
            return result;
        },
        py::arg(argument).noconvert(), py::arg("circuit"));
}

template <class Real>
void bind_fire(py::module_& m) {
    bind_map<Real>(m, "fire", "v", fire);
    bind_map<Real>(m, "readout_times", "v", readout_times);
    bind_map<Real>(m, "readout_voltages", "times", readout_voltages);
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
}

}  // namespace

void bind_fire(py::module_& m) {
    bind_fire<float>(m);
    bind_fire<double>(m);
}

}  // namespace rcspike::bindings
