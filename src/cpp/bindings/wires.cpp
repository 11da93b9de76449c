#include "rcspike/wires.h"

#include <utility>

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_wires(py::module_& m) {
    using Row = std::optional<Array<Real>>;
    m.def(
        "charge_wired",
        [](const Schedule<Real>& schedule, const std::vector<std::pair<Array<Real>, Array<Real>>>& wires,
           const Array<Real>& resistance, double off, const Row& drive0, const Row& conductance0,
           std::optional<int> n) {
            WiredSynapses<Real> synapses{{},
                                         row(resistance, "resistance"),
                                         static_cast<Real>(off),
                                         optional_row(drive0, "drive0"),
                                         optional_row(conductance0, "conductance0")};
            for (const auto& [drive, conductance] : wires) {
                synapses.wires.push_back({matrix(drive, "drive"), matrix(conductance, "conductance")});
            }
            auto v = new_matrix<Real>(schedule.batch(), static_cast<std::size_t>(resistance.size()));
            const auto to = writable(v);
            const py::gil_scoped_release released;
            charge(schedule, synapses, to, threads(n));
            return v;
        },
        py::arg("schedule"), py::arg("wires").noconvert(), py::arg("resistance").noconvert(), py::arg("off") = 0.0,
        py::arg("drive0").noconvert() = py::none(), py::arg("conductance0").noconvert() = py::none(),
        py::arg("threads") = py::none());
}

}  // namespace

void bind_wires(py::module_& m) {
    bind_wires<float>(m);
    bind_wires<double>(m);
}

}  // namespace rcspike::bindings
