#include "rcspike/circuit.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

/// The parameter of a name; null if there is none.
double* parameter(Circuit& circuit, const std::string& name) {
    if (name == "injection_plus") return &circuit.injection_plus;
    if (name == "injection_minus") return &circuit.injection_minus;
    if (name == "body") return &circuit.load.body;
    if (name == "position") return &circuit.load.position;
    if (name == "junction_plus") return &circuit.load.junction_plus;
    if (name == "junction_minus") return &circuit.load.junction_minus;
    if (name == "width_plus") return &circuit.load.width_plus;
    if (name == "width_minus") return &circuit.load.width_minus;
    for (const CircuitParameter& known : circuit_parameters) {
        if (name == known.name) return &(circuit.*known.value);
    }
    return nullptr;
}

}  // namespace

void bind_circuit(py::module_& m) {
    py::class_<Circuit>(m, "Circuit").def(py::init([](const py::kwargs& parameters) {
        Circuit circuit;
        for (const auto& [name, value] : parameters) {
            double* const to = parameter(circuit, py::cast<std::string>(name));
            if (!to) throw py::type_error("a circuit has no parameter " + py::cast<std::string>(name));
            *to = py::cast<double>(value);
        }
        validate(circuit);
        return circuit;
    }));
}

}  // namespace rcspike::bindings
