// Vectors of any machine: 16 bytes (SSE2, NEON, or what the compiler makes of them). For files of kernels only, which
// include it once.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "common/elementary.h"
#include "kernels/inline.h"
#include "kernels/kernels.h"
#include "memory/cache_sizes.h"

#define RCSPIKE_VECTOR_BYTES 16
#define RCSPIKE_TILES_AT_ONCE 1

namespace rcspike::kernels::scalar {

#if defined(__x86_64__) || defined(__i386__) || defined(__wasm__)
#define RCSPIKE_COMPOSED_FMA
// Baseline x86 and WebAssembly have no fused multiply-add and libm's is a call per number. (WebAssembly's relaxed one
// may round twice.) The product of two floats is exact in double; rounding the sum to odd before rounding it to float
// makes the result the fused one (Boldo and Melquiond 2008).
RCSPIKE_INLINE float fma(float a, float b, float c) {
    const double p = static_cast<double>(a) * static_cast<double>(b);
    const double q = static_cast<double>(c);
    double s = p + q;
    const double t = s - p;
    const double error = (p - (s - t)) + (q - t);
    std::int64_t bits;
    std::memcpy(&bits, &s, sizeof bits);
    const bool up = error > 0, down = error < 0;  // neither if s is infinite, which leaves no number for the error
    const std::int64_t inexact_even = (up | down) & ~bits & 1;
    bits += inexact_even * (up == (s > 0) ? 1 : -1);
    std::memcpy(&s, &bits, sizeof s);
    return static_cast<float>(s);
}
RCSPIKE_INLINE double fma(double a, double b, double c) { return std::fma(a, b, c); }
#else
using std::fma;
#endif

typedef float Floats __attribute__((vector_size(RCSPIKE_VECTOR_BYTES)));
typedef double Doubles __attribute__((vector_size(RCSPIKE_VECTOR_BYTES)));

// A call for each vector: without one, the emulation takes 60 % of the code of these kernels.
#ifdef RCSPIKE_COMPOSED_FMA
#define RCSPIKE_VECTOR_FMA __attribute__((noinline)) inline
#else
#define RCSPIKE_VECTOR_FMA RCSPIKE_INLINE
#endif

#define RCSPIKE_VECTOR_FUNCTIONS(Vec, Real)                                                                          \
    RCSPIKE_VECTOR_FMA Vec fma(Vec a, Vec b, Vec c) {                                                                \
        for (std::size_t i = 0; i < sizeof(Vec) / sizeof(Real); ++i) c[i] = fma(Real{a[i]}, Real{b[i]}, Real{c[i]}); \
        return c;                                                                                                    \
    }                                                                                                                \
    RCSPIKE_INLINE Vec sqrt(Vec a) {                                                                                 \
        for (std::size_t i = 0; i < sizeof(Vec) / sizeof(Real); ++i) a[i] = std::sqrt(a[i]);                         \
        return a;                                                                                                    \
    }                                                                                                                \
    RCSPIKE_INLINE bool any_below(Vec x, Real bound) {                                                               \
        const auto below = x < bound;                                                                                \
        std::int64_t halves[2];                                                                                      \
        static_assert(sizeof halves == sizeof below);                                                                \
        std::memcpy(halves, &below, sizeof halves);                                                                  \
        return (halves[0] | halves[1]) != 0;                                                                         \
    }
RCSPIKE_VECTOR_FUNCTIONS(Floats, float)
RCSPIKE_VECTOR_FUNCTIONS(Doubles, double)
#undef RCSPIKE_VECTOR_FUNCTIONS

#include "kernels/charging.h"

}  // namespace rcspike::kernels::scalar
