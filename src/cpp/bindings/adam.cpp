#include "rcspike/adam.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_adam(py::module_& m) {
    m.def(
        "adam_step",
        [](const Array<Real>& gradient, std::uint64_t step, double learning_rate, Array<Real> values, Array<Real> first,
           Array<Real> second, double weight_decay, std::optional<int> n) {
            const Span1<const Real> g{gradient.data(), static_cast<std::size_t>(gradient.size())};
            const auto all = [](Array<Real>& a) {
                return Span1<Real>{a.mutable_data(), static_cast<std::size_t>(a.size())};
            };
            const auto w = all(values), m1 = all(first), m2 = all(second);
            const py::gil_scoped_release released;
            adam_step<Real>(g, step, learning_rate, w, m1, m2, weight_decay, threads(n));
        },
        py::arg("gradient").noconvert(), py::kw_only(), py::arg("step"), py::arg("learning_rate"),
        py::arg("values").noconvert(), py::arg("first_moments").noconvert(), py::arg("second_moments").noconvert(),
        py::arg("weight_decay") = 0.0, py::arg("threads") = 1);
}

}  // namespace

void bind_adam(py::module_& m) {
    bind_adam<float>(m);
    bind_adam<double>(m);
}

}  // namespace rcspike::bindings
