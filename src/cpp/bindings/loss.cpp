#include "rcspike/loss.h"

#include <algorithm>
#include <iterator>

#include "arrays.h"

namespace rcspike::bindings {

Loss loss_of(const py::kwargs& arguments) {
    Loss loss;
    for (const auto& [key, value] : arguments) {
        const std::string name = py::cast<std::string>(key);
        const auto* const field = std::find_if(std::begin(loss_fields), std::end(loss_fields),
                                               [&](const auto& one) { return name == one.first; });
        if (field == std::end(loss_fields)) throw py::type_error("the loss has no " + name);
        loss.*(field->second) = py::cast<double>(value);
    }
    return loss;
}

namespace {

template <class Real>
void bind_loss(py::module_& m) {
    m.def(
        "output_loss",
        [](const Array<Real>& v, const Array<std::int64_t>& labels, const Circuit& circuit,
           const py::kwargs& arguments) {
            const Loss loss = loss_of(arguments);
            const auto from = matrix(v, "v");
            const auto classes = row(labels, "labels");
            Array<double> losses(static_cast<py::ssize_t>(from.rows));
            auto grad_v = new_matrix<Real>(from.rows, from.cols);
            const Span1<double> values{losses.mutable_data(), from.rows};
            const auto slopes = writable(grad_v);
            const py::gil_scoped_release released;
            output_loss(from, classes, circuit, loss, values, slopes);
            return std::pair(losses, grad_v);
        },
        py::arg("v").noconvert(), py::arg("labels").noconvert(), py::arg("circuit"));
}

}  // namespace

void bind_loss(py::module_& m) {
    m.def("check_loss", [](const py::kwargs& arguments) { validate(loss_of(arguments)); });
    bind_loss<float>(m);
    bind_loss<double>(m);
}

}  // namespace rcspike::bindings
