#include "rcspike/schedule.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_schedule(py::module_& m, const char* name) {
    using S = Schedule<Real>;
    py::class_<S>(m, name).def_property_readonly("batch", &S::batch).def_property_readonly("n_in", &S::n_in);
    m.def(
        "schedule",
        [](const Array<Real>& times, std::optional<int> n) {
            const auto view = matrix(times, "times");
            const py::gil_scoped_release released;
            return S(view, threads(n));
        },
        py::arg("times").noconvert(), py::arg("threads") = py::none());
}

}  // namespace

void bind_schedule(py::module_& m) {
    bind_schedule<float>(m, "Schedule32");
    bind_schedule<double>(m, "Schedule64");
}

}  // namespace rcspike::bindings
