#include "rcspike/device_network.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
using Pairs = std::tuple<Array<Real>, Array<Real>, std::optional<Array<Real>>, std::optional<Array<Real>>,
                         std::optional<Array<Real>>, std::optional<Array<Real>>, std::optional<Array<Real>>>;

template <class Real>
DeviceNetwork<Real> make(const std::vector<Pairs<Real>>& layers, const Circuits& circuit,
                         const std::vector<Wiring>& wiring, const std::string& phases) {
    std::vector<DevicePairs<Real>> pairs;
    for (const auto& [plus, minus, drive0, conductance0, offset, injection, loads] : layers) {
        pairs.push_back({matrix(plus, "plus"), matrix(minus, "minus"), optional_row(drive0, "drive0"),
                         optional_row(conductance0, "conductance0"), optional_row(offset, "offset"),
                         injection ? matrix(*injection, "injection") : Span2<const Real>{},
                         loads ? matrix(*loads, "loads") : Span2<const Real>{}});
    }
    return DeviceNetwork<Real>(pairs, wiring, circuits(circuit, pairs.size()), phases_of(phases));
}

template <class Real>
void bind_device_network(py::module_& m, const char* name) {
    using N = DeviceNetwork<Real>;
    py::class_<N> network(m, name);
    bind_forward<Real>(network);
    m.def("device_network", make<Real>, py::arg("layers").noconvert(), py::arg("circuit"), py::kw_only(),
          py::arg("wiring") = std::vector<Wiring>{}, py::arg("phases") = "two");
}

}  // namespace

void bind_device_network(py::module_& m) {
    bind_device_network<float>(m, "DeviceNetwork32");
    bind_device_network<double>(m, "DeviceNetwork64");
}

}  // namespace rcspike::bindings
