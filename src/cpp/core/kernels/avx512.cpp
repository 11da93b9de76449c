// The kernels for AVX-512 (F, DQ, VL).
#include "kernels/kernels.h"

#ifdef RCSPIKE_HAVE_X86_KERNELS

#include <immintrin.h>

#include <cmath>
#include <cstdint>
#include <limits>

#define RCSPIKE_VECTOR_BYTES 64

// The region lasts to the end of the file: templates are instantiated there and must be inside it.
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2,fma")
#endif

namespace rcspike::kernels::avx512 {

#include "kernels/block.h"

RCSPIKE_INLINE Block<float> fma(Block<float> a, Block<float> b, Block<float> c) {
    return {{(Block<float>::Vec)_mm512_fmadd_ps(a.part[0], b.part[0], c.part[0])}};
}
RCSPIKE_INLINE Block<double> fma(Block<double> a, Block<double> b, Block<double> c) {
    return {{(Block<double>::Vec)_mm512_fmadd_pd(a.part[0], b.part[0], c.part[0])}};
}

RCSPIKE_INLINE Block<float> sqrt(Block<float> a) { return {{(Block<float>::Vec)_mm512_sqrt_ps(a.part[0])}}; }
RCSPIKE_INLINE Block<double> sqrt(Block<double> a) { return {{(Block<double>::Vec)_mm512_sqrt_pd(a.part[0])}}; }

RCSPIKE_INLINE bool any_below(Block<float> x, float bound) {
    return _mm512_cmp_ps_mask(x.part[0], _mm512_set1_ps(bound), _CMP_LT_OQ) != 0;
}
RCSPIKE_INLINE bool any_below(Block<double> x, double bound) {
    return _mm512_cmp_pd_mask(x.part[0], _mm512_set1_pd(bound), _CMP_LT_OQ) != 0;
}

#include "kernels/sweep.h"

}  // namespace rcspike::kernels::avx512

namespace rcspike::kernels {
extern const Kernels<float> avx512_float = avx512::make_table<float>();
extern const Kernels<double> avx512_double = avx512::make_table<double>();
}  // namespace rcspike::kernels

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
