#include "rcspike/noise.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_noise(py::module_& m) {
    m.def(
        "draw_noise",
        [](std::uint64_t seed, double sigma, Array<Real>& noise, std::optional<int> n) {
            matrix(noise, "noise");  // an error unless it is one
            const auto to = writable(noise);
            const py::gil_scoped_release released;
            draw_noise(seed, sigma, to, threads(n));
        },
        py::arg("seed"), py::arg("sigma"), py::arg("noise").noconvert(), py::arg("threads") = py::none());
}

}  // namespace

void bind_noise(py::module_& m) {
    bind_noise<float>(m);
    bind_noise<double>(m);
}

}  // namespace rcspike::bindings
