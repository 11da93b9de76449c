#include "rcspike/network.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind(py::module_& m, const char* name) {
    using N = Network<Real>;
    py::class_<N>(m, name).def(
        "forward",
        [](const N& network, const Array<Real>& times, const std::vector<Array<Real>>& noise, std::optional<int> n) {
            const auto spikes = matrix(times, "times");
            const auto shifts = matrices(noise, "noise");
            auto v = new_matrix<Real>(spikes.rows, network.n_out(network.n_layers() - 1));
            const auto to = writable(v);
            const py::gil_scoped_release released;
            network.forward(spikes, shifts, to, threads(n));
            return v;
        },
        py::arg("times").noconvert(), py::arg("noise").noconvert(), py::arg("threads") = py::none());
    m.def(
        "network",
        [](const std::vector<Array<Real>>& weights, const Circuit& circuit) {
            return N(matrices(weights, "weights"), circuit);
        },
        py::arg("weights").noconvert(), py::arg("circuit"));
}

}  // namespace

void bind_network(py::module_& m) {
    bind<float>(m, "Network32");
    bind<double>(m, "Network64");
}

}  // namespace rcspike::bindings
