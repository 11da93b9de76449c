#include "kernels/dispatch.h"

#include <cstdlib>
#include <stdexcept>

#include "kernels/kernels.h"

namespace rcspike::kernels {

extern const Kernels<float> scalar_float;
extern const Kernels<double> scalar_double;
#ifdef RCSPIKE_HAVE_X86_KERNELS
extern const Kernels<float> avx2_float;
extern const Kernels<double> avx2_double;
extern const Kernels<float> avx512_float;
extern const Kernels<double> avx512_double;
#endif

std::string name(Isa isa) {
    switch (isa) {
        case Isa::avx2:
            return "avx2";
        case Isa::avx512:
            return "avx512";
        default:
            return "scalar";
    }
}

std::vector<Isa> compiled() {
#ifdef RCSPIKE_HAVE_X86_KERNELS
    return {Isa::scalar, Isa::avx2, Isa::avx512};
#else
    return {Isa::scalar};
#endif
}

std::vector<Isa> supported() {
    std::vector<Isa> isas{Isa::scalar};
#ifdef RCSPIKE_HAVE_X86_KERNELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        isas.push_back(Isa::avx2);
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl")) {
            isas.push_back(Isa::avx512);
        }
    }
#endif
    return isas;
}

namespace {

Isa choose() {
    const std::vector<Isa> isas = supported();
    const char* wanted = std::getenv("RCSPIKE_ISA");
    if (!wanted || !*wanted) return isas.back();
    std::string known;
    for (const Isa isa : isas) {
        if (name(isa) == wanted) return isa;
        known += (known.empty() ? "" : ", ") + name(isa);
    }
    throw std::runtime_error("RCSPIKE_ISA is '" + std::string(wanted) + "', but this build and machine run only: " +
                             known + "; set it to one of these or unset it");
}

}  // namespace

Isa& in_use() {
    static Isa isa = choose();
    return isa;
}

template <>
const Kernels<float>& table<float>() {
    switch (in_use()) {
#ifdef RCSPIKE_HAVE_X86_KERNELS
        case Isa::avx512:
            return avx512_float;
        case Isa::avx2:
            return avx2_float;
#endif
        default:
            return scalar_float;
    }
}

template <>
const Kernels<double>& table<double>() {
    switch (in_use()) {
#ifdef RCSPIKE_HAVE_X86_KERNELS
        case Isa::avx512:
            return avx512_double;
        case Isa::avx2:
            return avx2_double;
#endif
        default:
            return scalar_double;
    }
}

}  // namespace rcspike::kernels
