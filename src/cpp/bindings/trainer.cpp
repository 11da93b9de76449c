#include "rcspike/trainer.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

template <class Real>
void bind_trainer(py::module_& m, const char* name) {
    using T = Trainer<Real>;
    py::class_<T>(m, name)
        .def(
            "step",
            [](T& trainer, const Schedule<Real>& schedule, const Array<std::int64_t>& samples,
               const Array<std::int64_t>& labels, const std::vector<Array<Real>>& noise, double learning_rate,
               std::optional<int> n, const std::optional<Array<double>>& sample_weights) {
                const auto shifts = matrices(noise, "noise");
                const auto chosen = row(samples, "samples");
                const auto wanted = row(labels, "labels");
                const auto weights = sample_weights ? row(*sample_weights, "sample_weights") : Span1<const double>{};
                const py::gil_scoped_release released;
                return trainer.step(schedule, chosen, wanted, shifts, learning_rate, threads(n), weights);
            },
            py::arg("schedule"), py::arg("samples").noconvert(), py::arg("labels").noconvert(),
            py::arg("noise").noconvert(), py::kw_only(), py::arg("learning_rate"), py::arg("threads") = py::none(),
            py::arg("sample_weights").noconvert() = py::none())
        .def("weights",
             [](const T& trainer) {
                 std::vector<Array<Real>> all;
                 for (std::size_t l = 0; l < trainer.network().n_layers(); ++l) {
                     all.push_back(new_matrix<Real>(trainer.network().n_rows(l), trainer.network().n_columns(l)));
                     trainer.network().weights(l, writable(all.back()));
                 }
                 return all;
             })
        .def(
            "moments",
            [](const T& trainer, int order) {
                std::vector<Array<Real>> all;
                for (std::size_t l = 0; l < trainer.network().n_layers(); ++l) {
                    all.push_back(new_matrix<Real>(trainer.network().n_rows(l), trainer.network().n_columns(l)));
                    trainer.moment(l, order, writable(all.back()));
                }
                return all;
            },
            py::arg("order"))
        .def_property_readonly("steps", &T::steps)
        .def(
            "restore",
            [](T& trainer, std::uint64_t steps, const std::vector<Array<Real>>& first,
               const std::vector<Array<Real>>& second) {
                trainer.restore(steps, matrices(first, "moment"), matrices(second, "moment"));
            },
            py::kw_only(), py::arg("steps"), py::arg("first").noconvert(), py::arg("second").noconvert());
    m.def(
        "trainer",
        [](const std::vector<Array<Real>>& weights, const Circuits& circuit, const DeviceModel& devices,
           std::uint64_t seed, double weight_decay, const std::vector<Wiring>& wiring, const std::string& phases,
           const py::kwargs& loss) {
            return T(Network<Real>(matrices(weights, "weights"), wiring, circuits(circuit, weights.size()),
                                   phases_of(phases)),
                     loss_of(loss), devices, seed, weight_decay);
        },
        py::arg("weights").noconvert(), py::arg("circuit"), py::kw_only(), py::arg_v("devices", DeviceModel{}, "..."),
        py::arg("seed") = 0, py::arg("weight_decay") = 0.0, py::arg("wiring") = std::vector<Wiring>{},
        py::arg("phases") = "two");
}

}  // namespace

void bind_trainer(py::module_& m) {
    py::class_<StepReport>(m, "StepReport")
        .def_readonly("loss", &StepReport::loss)
        .def_readonly("correct", &StepReport::correct)
        .def_readonly("silent", &StepReport::silent)
        .def_readonly("saturated", &StepReport::saturated)
        .def_readonly("steep", &StepReport::steep);
    bind_trainer<float>(m, "Trainer32");
    bind_trainer<double>(m, "Trainer64");
}

}  // namespace rcspike::bindings
