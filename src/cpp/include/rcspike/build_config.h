// How this library was built and on which instruction set it runs: the first lines of a bug report.
#pragma once

#include <string>
#include <vector>

namespace rcspike {

struct BuildConfig {
    std::string version;
    std::string compiler;
    std::string isa;                    ///< instruction set in use
    std::vector<std::string> isas;      ///< instruction sets this build has and this machine can run, worst first
    std::vector<std::string> compiled;  ///< instruction sets this build has
};

/// Throws std::runtime_error if RCSPIKE_ISA names an instruction set that is unknown or not supported here.
BuildConfig build_config();

}  // namespace rcspike
