#include "rcspike/schedule.h"

#include "arrays.h"

namespace rcspike::bindings {

namespace {

template <class Real>
void bind_schedule(py::module_& m, const char* name) {
    using S = Schedule<Real>;
    py::class_<S>(m, name)
        .def_property_readonly("batch", &S::batch)
        .def_property_readonly("n_in", &S::n_in)
        .def_property_readonly("phases", [](const S& schedule) { return name_of(schedule.phases()); })
        .def("__len__", &S::batch)
        .def(
            "__getitem__",
            [](const S& schedule, const py::object& given) {
                const py::array samples = py::array::ensure(given);  // a list or a tensor of PyTorch as well
                if (!samples) throw py::type_error("samples must be integers, got " + std::string(py::repr(given)));
                if (samples.dtype().kind() != 'i' && samples.dtype().kind() != 'u') {
                    throw py::type_error("samples must be integers, got " + std::string(py::str(samples.dtype())));
                }
                const Array<std::int64_t> numbers(samples);
                const auto given_row = row(numbers, "samples");
                // A copy, which no other thread changes.
                const std::vector<std::int64_t> own(given_row.data, given_row.data + given_row.size);
                for (const std::int64_t sample : own) {
                    if (sample < 0 || sample >= static_cast<std::int64_t>(schedule.batch())) {
                        throw py::index_error("sample " + std::to_string(sample) +
                                              " does not exist: the schedule has " + std::to_string(schedule.batch()));
                    }
                }
                const Span1<const std::int64_t> chosen{own.data(), own.size()};
                const py::gil_scoped_release released;
                return S(schedule, chosen);
            },
            py::arg("samples"));
    m.def(
        "schedule",
        [](const Array<Real>& times, std::optional<int> n, const std::string& phases) {
            const auto view = matrix(times, "times");
            const Phases wanted = phases_of(phases);
            const py::gil_scoped_release released;
            return S(view, threads(n), wanted);
        },
        py::arg("times").noconvert(), py::arg("threads") = py::none(), py::kw_only(), py::arg("phases") = "two");
}

}  // namespace

void bind_schedule(py::module_& m) {
    bind_schedule<float>(m, "Schedule32");
    bind_schedule<double>(m, "Schedule64");
}

}  // namespace rcspike::bindings
