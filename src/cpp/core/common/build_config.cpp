#include "rcspike/build_config.h"

#include "kernels/dispatch.h"

namespace rcspike {

BuildConfig build_config() {
    BuildConfig config;
    config.version = RCSPIKE_VERSION;
#if defined(__clang__)
    config.compiler = "clang " __clang_version__;
#elif defined(__GNUC__)
    config.compiler = "gcc " __VERSION__;
#else
    config.compiler = "unknown";
#endif
    config.isa = kernels::name(kernels::in_use());
    for (const auto isa : kernels::supported()) config.isas.push_back(kernels::name(isa));
    for (const auto isa : kernels::compiled()) config.compiled.push_back(kernels::name(isa));
    return config;
}

}  // namespace rcspike
