#include "rcspike/energy.h"

#include "synapses.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_energy(py::module_& m) {
    m.def(
        "supply_charge",
        [](const Schedule<Real>& schedule, const Array<Real>& weights, const Circuit& circuit, std::optional<int> n) {
            const auto w = matrix(weights, "weights");
            auto q_plus = new_matrix<Real>(schedule.batch(), w.cols);
            auto q_minus = new_matrix<Real>(schedule.batch(), w.cols);
            const auto to_plus = writable(q_plus), to_minus = writable(q_minus);
            {
                const py::gil_scoped_release released;
                supply_charge(schedule, w, circuit, to_plus, to_minus, threads(n));
            }
            return py::make_tuple(q_plus, q_minus);
        },
        py::arg("schedule"), py::arg("weights").noconvert(), py::arg("circuit"), py::arg("threads") = py::none());
    m.def(
        "supply_charge_until",
        [](const Schedule<Real>& schedule, const Array<Real>& weights, const Circuit& circuit, const Array<Real>& until,
           std::optional<int> n) {
            const auto w = matrix(weights, "weights"), ends = matrix(until, "until");
            auto q_plus = new_matrix<Real>(schedule.batch(), w.cols);
            auto q_minus = new_matrix<Real>(schedule.batch(), w.cols);
            const auto to_plus = writable(q_plus), to_minus = writable(q_minus);
            {
                const py::gil_scoped_release released;
                supply_charge_until(schedule, w, circuit, ends, to_plus, to_minus, threads(n));
            }
            return py::make_tuple(q_plus, q_minus);
        },
        py::arg("schedule"), py::arg("weights").noconvert(), py::arg("circuit"), py::arg("until").noconvert(),
        py::arg("threads") = py::none());
    m.def(
        "supply_charge_vjp",
        [](const Schedule<Real>& schedule, const Array<Real>& weights, const Circuit& circuit,
           const Array<Real>& grad_q_plus, const Array<Real>& grad_q_minus, std::optional<int> n) {
            const auto w = matrix(weights, "weights");
            const auto plus = matrix(grad_q_plus, "grad_q_plus"), minus = matrix(grad_q_minus, "grad_q_minus");
            return resistive_gradients(schedule, w, [&](Span2<Real> times, Span2<Real> to) {
                supply_charge_vjp(schedule, w, circuit, plus, minus, times, to, threads(n));
            });
        },
        py::arg("schedule"), py::arg("weights").noconvert(), py::arg("circuit"), py::arg("grad_q_plus").noconvert(),
        py::arg("grad_q_minus").noconvert(), py::arg("threads") = py::none());
}

}  // namespace

void bind_energy(py::module_& m) {
    bind_energy<float>(m);
    bind_energy<double>(m);
}

}  // namespace rcspike::bindings
