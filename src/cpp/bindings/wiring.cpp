#include "rcspike/wiring.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

void bind(py::module_& m, Dense) { py::class_<Dense>(m, "Dense").def(py::init<>()); }

void bind(py::module_& m, FirstSpike) {
    py::class_<FirstSpike>(m, "FirstSpike")
        .def(py::init([](std::size_t window) { return FirstSpike{window}; }), py::kw_only(), py::arg("window"));
}

void bind(py::module_& m, FirstSpike2d) {
    py::class_<FirstSpike2d>(m, "FirstSpike2d")
        .def(py::init([](std::size_t height, std::size_t width, std::size_t channels, std::size_t window) {
                 return FirstSpike2d{{height, width, channels}, window};
             }),
             py::kw_only(), py::arg("height"), py::arg("width"), py::arg("channels"), py::arg("window"));
}

void bind(py::module_& m, const Conv2d&) {
    py::class_<Conv2d>(m, "Conv2d")
        .def(py::init([](std::size_t height, std::size_t width, std::size_t channels, std::size_t kernel_height,
                         std::size_t kernel_width, std::size_t stride, std::size_t padding, std::size_t first,
                         std::size_t pool) {
                 return Conv2d{{height, width, channels}, kernel_height, kernel_width, stride, padding, first, pool};
             }),
             py::kw_only(), py::arg("height"), py::arg("width"), py::arg("channels"), py::arg("kernel_height"),
             py::arg("kernel_width"), py::arg("stride") = 1, py::arg("padding") = 0, py::arg("first") = 1,
             py::arg("pool") = 1);
}

template <class... Kinds>
void bind_all(py::module_& m, const std::variant<Kinds...>&) {
    (bind(m, Kinds{}), ...);
}

}  // namespace

void bind_wiring(py::module_& m) { bind_all(m, Wiring{}); }

}  // namespace rcspike::bindings
