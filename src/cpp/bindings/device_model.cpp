#include "rcspike/device_model.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_device_model(py::module_& m) {
    m.def(
        "draw_devices",
        [](const Array<Real>& weights, const DeviceModel& model, std::uint64_t seed, std::uint64_t step,
           std::size_t layer, std::optional<int> n) {
            const auto w = matrix(weights, "weights");
            auto plus = new_matrix<Real>(w.rows, w.cols), minus = new_matrix<Real>(w.rows, w.cols);
            const auto to_plus = writable(plus), to_minus = writable(minus);
            {
                const py::gil_scoped_release released;
                draw_devices(w, model, seed, step, layer, to_plus, to_minus, threads(n));
            }
            return py::make_tuple(plus, minus);
        },
        py::arg("weights").noconvert(), py::arg("model"), py::kw_only(), py::arg("seed"), py::arg("step"),
        py::arg("layer"), py::arg("threads") = py::none());
}

}  // namespace

void bind_device_model(py::module_& m) {
    py::class_<DeviceModel>(m, "DeviceModel")
        .def(py::init([](double off, std::uint32_t levels, double lognormal, double proportional, double absolute,
                         double stuck_off, double stuck_on, const std::vector<double>& w_max,
                         const std::vector<double>& w_min) {
                 const DeviceModel model{off,       levels,   lognormal, proportional, absolute,
                                         stuck_off, stuck_on, w_max,     w_min};
                 validate(model, w_max.empty() ? w_min.size() : w_max.size());
                 return model;
             }),
             py::kw_only(), py::arg("off"), py::arg("levels"), py::arg("lognormal"), py::arg("proportional"),
             py::arg("absolute"), py::arg("stuck_off"), py::arg("stuck_on"), py::arg("w_max"), py::arg("w_min"));
    bind_device_model<float>(m);
    bind_device_model<double>(m);
}

}  // namespace rcspike::bindings
