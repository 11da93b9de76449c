#include "rcspike/threads.h"

#include <cstdint>

#include "arrays.h"

namespace rcspike::bindings {

void bind_threads(py::module_& m) {
    m.def(
        "use_openmp",
        [](std::uintptr_t parallel, std::uintptr_t thread_number) {
            use_threads_of({reinterpret_cast<decltype(OpenMp::parallel)>(parallel),
                            reinterpret_cast<decltype(OpenMp::thread_number)>(thread_number)});
        },
        py::arg("parallel"), py::arg("thread_number"));
}

}  // namespace rcspike::bindings
