#include "rcspike/charge.h"

#include <algorithm>

#include "synapses.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_charge(py::module_& m) {
    using std::optional;
    const auto none = py::none();
    bind_resistive<Real>(m, "charge", [](const auto&... arguments) { charge(arguments...); });
    bind_affine<Real>(m, "charge_affine", [](const auto&... arguments) { charge(arguments...); });
    m.def(
        "charge_vjp",
        [](const Schedule<Real>& schedule, const Array<Real>& weights, const Circuit& circuit,
           const Array<Real>& grad_v, optional<int> n) {
            const auto w = matrix(weights, "weights"), g = matrix(grad_v, "grad_v");
            return resistive_gradients(schedule, w, [&](Span2<Real> times, Span2<Real> to) {
                charge_vjp(schedule, w, circuit, g, times, to, threads(n));
            });
        },
        py::arg("schedule"), py::arg("weights").noconvert(), py::arg("circuit"), py::arg("grad_v").noconvert(),
        py::arg("threads") = none);
    m.def(
        "charge_affine_vjp",
        [](const Schedule<Real>& schedule, const Array<Real>& drive, const Array<Real>& conductance,
           const optional<Array<Real>>& drive0, const optional<Array<Real>>& conductance0, const Array<Real>& grad_v,
           optional<int> n) {
            const auto synapses = affine(drive, conductance, drive0, conductance0);
            const auto g = matrix(grad_v, "grad_v");
            return affine_gradients(schedule, synapses, [&](Span2<Real> times, const AffineGradient<Real>& to) {
                charge_vjp(schedule, synapses, g, times, to, threads(n));
            });
        },
        py::arg("schedule"), py::arg("drive").noconvert(), py::arg("conductance").noconvert(),
        py::arg("drive0").noconvert(), py::arg("conductance0").noconvert(), py::arg("grad_v").noconvert(),
        py::arg("threads") = none);
    m.def(
        "charge_loaded",
        [](const Schedule<Real>& schedule, const Array<Real>& drive, const Array<Real>& conductance,
           const Array<Real>& loads, const optional<Array<Real>>& drive0, const optional<Array<Real>>& conductance0,
           optional<int> n) {
            auto synapses = affine(drive, conductance, drive0, conductance0);
            synapses.loads = matrix(loads, "loads");
            auto v = new_matrix<Real>(schedule.batch(), synapses.drive.cols);
            const auto to = writable(v);
            const py::gil_scoped_release released;
            charge(schedule, synapses, to, threads(n));
            return v;
        },
        py::arg("schedule"), py::arg("drive").noconvert(), py::arg("conductance").noconvert(),
        py::arg("loads").noconvert(), py::arg("drive0").noconvert(), py::arg("conductance0").noconvert(),
        py::arg("threads") = none);
    m.def(
        "charge_loaded_vjp",
        [](const Schedule<Real>& schedule, const Array<Real>& drive, const Array<Real>& conductance,
           const Array<Real>& loads, const optional<Array<Real>>& drive0, const optional<Array<Real>>& conductance0,
           const Array<Real>& grad_v, optional<int> n) {
            auto synapses = affine(drive, conductance, drive0, conductance0);
            synapses.loads = matrix(loads, "loads");
            const auto g = matrix(grad_v, "grad_v");
            auto grad_loads = new_matrix<Real>(synapses.loads.rows, synapses.loads.cols);
            const auto to_loads = writable(grad_loads);
            const auto others = affine_gradients(schedule, synapses, [&](Span2<Real> times, AffineGradient<Real> to) {
                to.loads = to_loads;
                charge_vjp(schedule, synapses, g, times, to, threads(n));
            });
            return py::tuple(others + py::make_tuple(grad_loads));
        },
        py::arg("schedule"), py::arg("drive").noconvert(), py::arg("conductance").noconvert(),
        py::arg("loads").noconvert(), py::arg("drive0").noconvert(), py::arg("conductance0").noconvert(),
        py::arg("grad_v").noconvert(), py::arg("threads") = none);
    m.def(
        "switch_injection",
        [](const Schedule<Real>& schedule, const Array<Real>& injection, optional<int> n) {
            const auto rows = matrix(injection, "injection");
            auto v = new_matrix<Real>(schedule.batch(), rows.cols);
            const auto to = writable(v);
            const py::gil_scoped_release released;
            std::fill_n(to.data, to.size(), Real(0));
            inject(schedule, rows, to, threads(n));
            return v;
        },
        py::arg("schedule"), py::arg("injection").noconvert(), py::arg("threads") = none);
}

}  // namespace

void bind_charge(py::module_& m) {
    bind_charge<float>(m);
    bind_charge<double>(m);
}

}  // namespace rcspike::bindings
