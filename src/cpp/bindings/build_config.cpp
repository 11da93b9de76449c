#include "rcspike/build_config.h"

#include "arrays.h"

namespace rcspike::bindings {
namespace {

constexpr char doc[] = R"(What this build is and what it runs on: the first thing a bug report needs.

Returns
-------
dict
    ``version`` and ``compiler``; ``isa``, the instruction set in use; ``isas``, those that this build has and this
    machine runs, worst first; ``compiled_isas``, those that this build has; ``threads``, how many a call takes by
    default.

Raises
------
RuntimeError
    If the environment variable RCSPIKE_ISA names an instruction set that is unknown or not supported here.

Examples
--------
>>> config = build_config()
>>> config["isa"] in config["isas"]
True
)";

}  // namespace

void bind_build_config(py::module_& m) {
    m.def(
        "build_config",
        [] {
            const BuildConfig config = build_config();
            py::dict d;
            d["version"] = config.version;
            d["compiler"] = config.compiler;
            d["isa"] = config.isa;
            d["isas"] = config.isas;
            d["compiled_isas"] = config.compiled;
            d["threads"] = Threads::all().count;
            return d;
        },
        doc);
}

}  // namespace rcspike::bindings
