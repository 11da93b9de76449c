#include "rcspike/build_config.h"

#include "arrays.h"

namespace rcspike::bindings {

void bind_build_config(py::module_& m) {
    m.def("build_config", [] {
        const BuildConfig config = build_config();
        py::dict d;
        d["version"] = config.version;
        d["compiler"] = config.compiler;
        d["isa"] = config.isa;
        d["isas"] = config.isas;
        d["compiled_isas"] = config.compiled;
        d["threads"] = Threads::all().count;
        return d;
    });
}

}  // namespace rcspike::bindings
