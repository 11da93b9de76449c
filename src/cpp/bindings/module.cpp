#include "arrays.h"

namespace py = pybind11;

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
    using namespace rcspike::bindings;
    m.doc() = "The compiled engine of rcspike; use it through rcspike.functional, rcspike.Network and rcspike.train.";
    bind_build_config(m);
    bind_threads(m);
    bind_circuit(m);
    bind_wiring(m);
    bind_schedule(m);
    bind_charge(m);
    bind_layer(m);
    bind_rectified(m);
    bind_wires(m);
    bind_energy(m);
    bind_fire(m);
    bind_first_spike(m);
    bind_loss(m);
    bind_trace(m);
    bind_network(m);
    bind_network_pass(m);
    bind_noise(m);
    bind_device_network(m);
    bind_device_model(m);
    bind_trainer(m);
    bind_adam(m);
}
