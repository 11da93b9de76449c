#include "rcspike/first_spike.h"

#include "synapses.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_first_spike(py::module_& m) {
    using std::optional;
    const auto none = py::none();
    bind_resistive<Real>(m, "first_spike", [](const auto&... arguments) { first_spike(arguments...); });
    bind_affine<Real>(m, "first_spike_affine", [](const auto&... arguments) { first_spike(arguments...); });
    m.def(
        "first_spike_vjp",
        [](const Schedule<Real>& schedule, const Array<Real>& weights, const Circuit& circuit,
           const Array<Real>& grad_spikes, double max_slope, optional<int> n) {
            const auto w = matrix(weights, "weights"), g = matrix(grad_spikes, "grad_spikes");
            return resistive_gradients(schedule, w, [&](Span2<Real> times, Span2<Real> to) {
                first_spike_vjp(schedule, w, circuit, g, max_slope, times, to, threads(n));
            });
        },
        py::arg("schedule"), py::arg("weights").noconvert(), py::arg("circuit"), py::arg("grad_spikes").noconvert(),
        py::kw_only(), py::arg("max_slope"), py::arg("threads") = none);
    m.def(
        "first_spike_affine_vjp",
        [](const Schedule<Real>& schedule, const Array<Real>& drive, const Array<Real>& conductance,
           const optional<Array<Real>>& drive0, const optional<Array<Real>>& conductance0,
           const Array<Real>& grad_spikes, double max_slope, optional<int> n) {
            const auto synapses = affine(drive, conductance, drive0, conductance0);
            const auto g = matrix(grad_spikes, "grad_spikes");
            return affine_gradients(schedule, synapses, [&](Span2<Real> times, const AffineGradient<Real>& to) {
                first_spike_vjp(schedule, synapses, g, max_slope, times, to, threads(n));
            });
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
