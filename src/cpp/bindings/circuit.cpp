#include "rcspike/circuit.h"

#include "arrays.h"

namespace rcspike::bindings {

void bind_circuit(py::module_& m) {
    py::class_<Circuit>(m, "Circuit")
        .def(py::init([](double e_plus, double e_minus, double diode_drop, double ramp, double injection_plus,
                         double injection_minus, double delay) {
                 const Circuit circuit{e_plus, e_minus, diode_drop, ramp, injection_plus, injection_minus, delay};
                 validate(circuit);
                 return circuit;
             }),
             py::kw_only(), py::arg("e_plus"), py::arg("e_minus"), py::arg("diode_drop"), py::arg("ramp"),
             py::arg("injection_plus") = 0.0, py::arg("injection_minus") = 0.0, py::arg("delay") = 0.0);
}

}  // namespace rcspike::bindings
