#include "rcspike/trace.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_trace(py::module_& m) {
    m.def(
        "trace",
        [](const Schedule<Real>& schedule, const Array<Real>& weights, const Circuit& circuit, const Array<Real>& at,
           std::optional<int> n) {
            const auto w = matrix(weights, "weights");
            const auto when = row(at, "at");
            Array<Real> v({static_cast<py::ssize_t>(schedule.batch()), static_cast<py::ssize_t>(w.cols),
                           static_cast<py::ssize_t>(when.size)});
            const Span2<Real> to{v.mutable_data(), schedule.batch(), w.cols * when.size};
            const py::gil_scoped_release released;
            trace(schedule, w, circuit, when, to, threads(n));
            return v;
        },
        py::arg("schedule"), py::arg("weights").noconvert(), py::arg("circuit"), py::arg("at").noconvert(),
        py::arg("threads") = py::none());
}

}  // namespace

void bind_trace(py::module_& m) {
    bind_trace<float>(m);
    bind_trace<double>(m);
}

}  // namespace rcspike::bindings
