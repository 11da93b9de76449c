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

extern const Crossings<float> scalar_crossings_float;
extern const Crossings<double> scalar_crossings_double;
#ifdef RCSPIKE_HAVE_X86_KERNELS
extern const Crossings<float> avx2_crossings_float;
extern const Crossings<double> avx2_crossings_double;
extern const Crossings<float> avx512_crossings_float;
extern const Crossings<double> avx512_crossings_double;
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

#ifdef RCSPIKE_HAVE_X86_KERNELS
#define RCSPIKE_CHOOSE(name)      \
    switch (in_use()) {           \
        case Isa::avx512:         \
            return avx512_##name; \
        case Isa::avx2:           \
            return avx2_##name;   \
        default:                  \
            return scalar_##name; \
    }
#else
#define RCSPIKE_CHOOSE(name) return scalar_##name;
#endif

template <>
const Kernels<float>& table<float>() {
    RCSPIKE_CHOOSE(float)
}
template <>
const Kernels<double>& table<double>() {
    RCSPIKE_CHOOSE(double)
}
template <>
const Crossings<float>& crossings<float>() {
    RCSPIKE_CHOOSE(crossings_float)
}
template <>
const Crossings<double>& crossings<double>() {
    RCSPIKE_CHOOSE(crossings_double)
}

}  // namespace rcspike::kernels
