#include "rcspike/layer.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_layer(py::module_& m, const char* name) {
    using L = Layer<Real>;
    using std::optional;
    const auto none = py::none();
    py::class_<L>(m, name)
        .def_property_readonly("n_in", &L::n_in)
        .def_property_readonly("n_out", &L::n_out)
        .def(
            "charge",
            [](const L& layer, const Schedule<Real>& schedule, optional<int> n) {
                auto v = new_matrix<Real>(schedule.batch(), layer.n_out());
                const auto to = writable(v);
                const py::gil_scoped_release released;
                layer.charge(schedule, to, threads(n));
                return v;
            },
            py::arg("schedule"), py::arg("threads") = none)
        .def(
            "charge_vjp",
            [](const L& layer, const Schedule<Real>& schedule, const Array<Real>& grad_v, optional<int> n) {
                const auto g = matrix(grad_v, "grad_v");
                auto grad_times = new_matrix<Real>(schedule.batch(), layer.n_in());
                auto grad_weights = new_matrix<Real>(layer.n_rows(), layer.n_columns());
                const auto to_times = writable(grad_times), to_weights = writable(grad_weights);
                {
                    const py::gil_scoped_release released;
                    layer.charge_vjp(schedule, g, to_times, to_weights, threads(n));
                }
                return py::make_tuple(grad_times, grad_weights);
            },
            py::arg("schedule"), py::arg("grad_v").noconvert(), py::arg("threads") = none);
    m.def(
        "layer",
        [](const Array<Real>& weights, const Circuit& circuit, const Wiring& wiring, optional<int> n) {
            const auto w = matrix(weights, "weights");
            const py::gil_scoped_release released;
            return L(w, circuit, wiring, threads(n));
        },
        py::arg("weights").noconvert(), py::arg("circuit"), py::kw_only(), py::arg_v("wiring", Wiring{}, "..."),
        py::arg("threads") = none);
}

}  // namespace

void bind_layer(py::module_& m) {
    bind_layer<float>(m, "Layer32");
    bind_layer<double>(m, "Layer64");
}

}  // namespace rcspike::bindings
