// The kernels for AVX2 with FMA.
#include "kernels/kernels.h"

#ifdef RCSPIKE_HAVE_X86_KERNELS

#include <immintrin.h>

#include <cmath>
#include <cstdint>
#include <limits>

#define RCSPIKE_VECTOR_BYTES 32

// The region lasts to the end of the file: templates are instantiated there and must be inside it.
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

namespace rcspike::kernels::avx2 {

#include "kernels/block.h"

RCSPIKE_INLINE Block<float> fma(Block<float> a, Block<float> b, Block<float> c) {
    for (int i = 0; i < 2; ++i) c.part[i] = (Block<float>::Vec)_mm256_fmadd_ps(a.part[i], b.part[i], c.part[i]);
    return c;
}
RCSPIKE_INLINE Block<double> fma(Block<double> a, Block<double> b, Block<double> c) {
    for (int i = 0; i < 2; ++i) c.part[i] = (Block<double>::Vec)_mm256_fmadd_pd(a.part[i], b.part[i], c.part[i]);
    return c;
}

RCSPIKE_INLINE Block<float> sqrt(Block<float> a) {
    for (int i = 0; i < 2; ++i) a.part[i] = (Block<float>::Vec)_mm256_sqrt_ps(a.part[i]);
    return a;
}
RCSPIKE_INLINE Block<double> sqrt(Block<double> a) {
    for (int i = 0; i < 2; ++i) a.part[i] = (Block<double>::Vec)_mm256_sqrt_pd(a.part[i]);
    return a;
}

RCSPIKE_INLINE bool any_below(Block<float> x, float bound) {
    const __m256 smallest = _mm256_min_ps(x.part[0], x.part[1]);
    return _mm256_movemask_ps(_mm256_cmp_ps(smallest, _mm256_set1_ps(bound), _CMP_LT_OQ)) != 0;
}
RCSPIKE_INLINE bool any_below(Block<double> x, double bound) {
    const __m256d smallest = _mm256_min_pd(x.part[0], x.part[1]);
    return _mm256_movemask_pd(_mm256_cmp_pd(smallest, _mm256_set1_pd(bound), _CMP_LT_OQ)) != 0;
}

#include "kernels/sweep.h"

}  // namespace rcspike::kernels::avx2

namespace rcspike::kernels {
extern const Kernels<float> avx2_float = avx2::make_table<float>();
extern const Kernels<double> avx2_double = avx2::make_table<double>();
}  // namespace rcspike::kernels

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
