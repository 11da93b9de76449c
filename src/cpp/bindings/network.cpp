#include "rcspike/network.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_network(py::module_& m, const char* name) {
    using N = Network<Real>;
    py::class_<N> network(m, name);
    bind_forward<Real>(network);
    m.def(
        "network",
        [](const std::vector<Array<Real>>& weights, const Circuits& circuit, const std::vector<Wiring>& wiring,
           const std::string& phases) {
            return N(matrices(weights, "weights"), wiring, circuits(circuit, weights.size()), phases_of(phases));
        },
        py::arg("weights").noconvert(), py::arg("circuit"), py::kw_only(), py::arg("wiring") = std::vector<Wiring>{},
        py::arg("phases") = "two");
}

}  // namespace

void bind_network(py::module_& m) {
    bind_network<float>(m, "Network32");
    bind_network<double>(m, "Network64");
}

}  // namespace rcspike::bindings
