#include "rcspike/schedule.h"

#include "arrays.h"

namespace rcspike::bindings {

namespace {

template <class Real>
void bind_schedule(py::module_& m, const char* name) {
    using S = Schedule<Real>;
    py::class_<S>(m, name)
        .def_property_readonly("batch", &S::batch)
        .def_property_readonly("n_in", &S::n_in)
        .def_property_readonly("phases", [](const S& schedule) { return name_of(schedule.phases()); });
    m.def(
        "schedule",
        [](const Array<Real>& times, std::optional<int> n, const std::string& phases) {
            const auto view = matrix(times, "times");
            const Phases wanted = phases_of(phases);
            const py::gil_scoped_release released;
            return S(view, threads(n), wanted);
        },
        py::arg("times").noconvert(), py::arg("threads") = py::none(), py::kw_only(), py::arg("phases") = "two");
}

}  // namespace

void bind_schedule(py::module_& m) {
    bind_schedule<float>(m, "Schedule32");
    bind_schedule<double>(m, "Schedule64");
}

}  // namespace rcspike::bindings
