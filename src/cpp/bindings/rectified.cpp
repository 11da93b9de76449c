#include "rcspike/rectified.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_rectified(py::module_& m) {
    using Row = std::optional<Array<Real>>;
    m.def(
        "charge_rectified",
        [](const Schedule<Real>& schedule, const Array<Real>& g_plus, const Array<Real>& rail_plus,
           const Array<Real>& g_minus, const Array<Real>& rail_minus, const Row& drive0, const Row& conductance0,
           std::optional<int> n) {
            const RectifiedSynapses<Real> synapses{
                matrix(g_plus, "g_plus"),       matrix(rail_plus, "rail_plus"),
                matrix(g_minus, "g_minus"),     matrix(rail_minus, "rail_minus"),
                optional_row(drive0, "drive0"), optional_row(conductance0, "conductance0")};
            auto v = new_matrix<Real>(schedule.batch(), synapses.g_plus.cols);
            const auto to = writable(v);
            const py::gil_scoped_release released;
            charge(schedule, synapses, to, threads(n));
            return v;
        },
        py::arg("schedule"), py::arg("g_plus").noconvert(), py::arg("rail_plus").noconvert(),
        py::arg("g_minus").noconvert(), py::arg("rail_minus").noconvert(), py::arg("drive0").noconvert() = py::none(),
        py::arg("conductance0").noconvert() = py::none(), py::arg("threads") = py::none());
}

}  // namespace

void bind_rectified(py::module_& m) {
    bind_rectified<float>(m);
    bind_rectified<double>(m);
}

}  // namespace rcspike::bindings
