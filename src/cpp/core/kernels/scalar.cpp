// The kernels for any machine: 16-byte vectors (SSE2, NEON, or what the compiler makes of them).
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/kernels.h"

#define RCSPIKE_VECTOR_BYTES 16

namespace rcspike::kernels::scalar {

#include "kernels/block.h"

#if defined(__x86_64__) || defined(__i386__)
// Baseline x86 has no fused multiply-add and libm's is a call per number. The product of two floats is exact in double;
// rounding the sum to odd before rounding it to float makes the result the fused one (Boldo and Melquiond 2008).
RCSPIKE_INLINE float fma(float a, float b, float c) {
    const double p = static_cast<double>(a) * static_cast<double>(b);
    const double q = static_cast<double>(c);
    double s = p + q;
    const double t = s - p;
    const double error = (p - (s - t)) + (q - t);
    std::int64_t bits;
    std::memcpy(&bits, &s, sizeof bits);
    const std::int64_t inexact_even = (error != 0) & ~bits & 1;
    bits += inexact_even * ((error > 0) == (s > 0) ? 1 : -1);
    std::memcpy(&s, &bits, sizeof s);
    return static_cast<float>(s);
}
RCSPIKE_INLINE double fma(double a, double b, double c) { return std::fma(a, b, c); }
#else
using std::fma;
#endif

template <class Real>
RCSPIKE_INLINE Block<Real> fma(Block<Real> a, Block<Real> b, Block<Real> c) {
    Block<Real> r = c;
    for (int i = 0; i < Block<Real>::parts; ++i) {
        for (std::size_t j = 0; j < RCSPIKE_VECTOR_BYTES / sizeof(Real); ++j) {
            r.part[i][j] = fma(Real{a.part[i][j]}, Real{b.part[i][j]}, Real{c.part[i][j]});
        }
    }
    return r;
}

template <class Real>
RCSPIKE_INLINE Block<Real> sqrt(Block<Real> a) {
    for (int i = 0; i < Block<Real>::parts; ++i) {
        for (std::size_t j = 0; j < RCSPIKE_VECTOR_BYTES / sizeof(Real); ++j) a.part[i][j] = std::sqrt(a.part[i][j]);
    }
    return a;
}

template <class Real>
RCSPIKE_INLINE bool any_below(Block<Real> x, Real bound) {
    typename Block<Real>::Bits below = x.part[0] < bound;
    for (int i = 1; i < Block<Real>::parts; ++i) below |= x.part[i] < bound;
    std::int64_t halves[2];
    static_assert(sizeof halves == sizeof below);
    std::memcpy(halves, &below, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

#include "kernels/sweep.h"

}  // namespace rcspike::kernels::scalar

namespace rcspike::kernels {
extern const Kernels<float> scalar_float = scalar::make_table<float>();
extern const Kernels<double> scalar_double = scalar::make_table<double>();
}  // namespace rcspike::kernels
