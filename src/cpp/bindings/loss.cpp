#include "rcspike/loss.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind(py::module_& m) {
    m.def(
        "output_loss",
        [](const Array<Real>& v, const Array<std::int64_t>& labels, const Circuit& circuit, double temperature,
           double temporal_penalty, double t_ref) {
            const auto from = matrix(v, "v");
            const auto classes = row(labels, "labels");
            Array<double> losses(static_cast<py::ssize_t>(from.rows));
            auto grad_v = new_matrix<Real>(from.rows, from.cols);
            const Span1<double> values{losses.mutable_data(), from.rows};
            const auto slopes = writable(grad_v);
            const py::gil_scoped_release released;
            output_loss(from, classes, circuit, Loss{temperature, temporal_penalty, t_ref}, values, slopes);
            return std::pair(losses, grad_v);
        },
        py::arg("v").noconvert(), py::arg("labels").noconvert(), py::arg("circuit"), py::kw_only(),
        py::arg("temperature"), py::arg("temporal_penalty"), py::arg("t_ref"));
}

}  // namespace

void bind_loss(py::module_& m) {
    bind<float>(m);
    bind<double>(m);
}

}  // namespace rcspike::bindings
