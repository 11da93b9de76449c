#include "rcspike/network_pass.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_network_pass(py::module_& m, const char* name) {
    using Pass = NetworkPass<Real>;
    using std::optional;
    py::class_<Pass>(m, name)
        .def_property_readonly("is_complete", &Pass::is_complete)
        .def(
            "set",
            [](Pass& pass, const std::vector<Array<Real>>& weights, optional<int> n) {
                const auto all = matrices(weights, "weights");
                const py::gil_scoped_release released;
                pass.set(all, threads(n));
            },
            py::arg("weights").noconvert(), py::arg("threads") = py::none())
        .def(
            "forward",
            [](Pass& pass, const std::variant<const Schedule<Real>*, Array<Real>>& times,
               const std::vector<Array<Real>>& noise, bool keep, optional<int> n) {
                const auto* prepared = std::get_if<const Schedule<Real>*>(&times);
                const auto spikes = prepared ? Span2<const Real>{} : matrix(std::get<Array<Real>>(times), "times");
                const auto shifts = matrices(noise, "noise");
                const Network<Real>& network = pass.network();
                auto v = new_matrix<Real>(prepared ? (*prepared)->batch() : spikes.rows,
                                          network.n_out(network.n_layers() - 1));
                const auto to = writable(v);
                const py::gil_scoped_release released;
                if (keep && prepared) pass.forward(**prepared, shifts, to, threads(n));
                if (keep && !prepared) pass.forward(spikes, shifts, to, threads(n));
                if (!keep && prepared) network.forward(**prepared, shifts, to, threads(n));
                if (!keep && !prepared) network.forward(spikes, shifts, to, threads(n));
                return v;
            },
            py::arg("times").noconvert().none(false), py::arg("noise").noconvert(), py::kw_only(), py::arg("keep"),
            py::arg("threads") = py::none())
        .def(
            "backward",
            [](Pass& pass, const Array<Real>& grad_v, bool of_times, double max_slope, optional<int> n) {
                const auto g = matrix(grad_v, "grad_v");
                const Network<Real>& network = pass.network();
                auto grad_times = new_matrix<Real>(of_times ? g.rows : 0, network.n_in());
                std::vector<Array<Real>> grad_weights;
                std::vector<Span2<Real>> to_weights;
                for (std::size_t l = 0; l < network.n_layers(); ++l) {
                    grad_weights.push_back(new_matrix<Real>(network.n_rows(l), network.n_columns(l)));
                    to_weights.push_back(writable(grad_weights.back()));
                }
                const auto to_times = of_times ? writable(grad_times) : Span2<Real>{};
                {
                    const py::gil_scoped_release released;
                    pass.backward(g, to_times, to_weights, max_slope, threads(n));
                }
                return py::make_tuple(grad_times, grad_weights);
            },
            py::arg("grad_v").noconvert(), py::kw_only(), py::arg("of_times"), py::arg("max_slope") = Loss{}.max_slope,
            py::arg("threads") = py::none());
    m.def(
        "network_pass",
        [](const std::vector<Array<Real>>& weights, const Circuits& circuit, const std::vector<Wiring>& wiring,
           const std::string& phases) {
            return Pass(Network<Real>(matrices(weights, "weights"), wiring, circuits(circuit, weights.size()),
                                      phases_of(phases)));
        },
        py::arg("weights").noconvert(), py::arg("circuit"), py::kw_only(), py::arg("wiring") = std::vector<Wiring>{},
        py::arg("phases") = "two");
}

}  // namespace

void bind_network_pass(py::module_& m) {
    bind_network_pass<float>(m, "NetworkPass32");
    bind_network_pass<double>(m, "NetworkPass64");
}

}  // namespace rcspike::bindings
