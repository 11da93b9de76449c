// Vectors of AVX-512 (F, DQ, VL). For files of kernels only, which include it once and end its region.
#include "common/elementary.h"
#include "kernels/inline.h"
#include "kernels/kernels.h"
#include "memory/cache_sizes.h"

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#define RCSPIKE_VECTOR_BYTES 64
#define RCSPIKE_TILES_AT_ONCE 3

// The region lasts to the end of the including file: templates are instantiated there and must be inside it.
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2,fma")
#endif

namespace rcspike::kernels::avx512 {

RCSPIKE_INLINE __m512 fma(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
RCSPIKE_INLINE __m512d fma(__m512d a, __m512d b, __m512d c) { return _mm512_fmadd_pd(a, b, c); }
RCSPIKE_INLINE __m512 sqrt(__m512 a) { return _mm512_sqrt_ps(a); }
RCSPIKE_INLINE __m512d sqrt(__m512d a) { return _mm512_sqrt_pd(a); }
RCSPIKE_INLINE bool any_below(__m512 x, float bound) {
    return _mm512_cmp_ps_mask(x, _mm512_set1_ps(bound), _CMP_LT_OQ) != 0;
}
RCSPIKE_INLINE bool any_below(__m512d x, double bound) {
    return _mm512_cmp_pd_mask(x, _mm512_set1_pd(bound), _CMP_LT_OQ) != 0;
}

#include "kernels/charging.h"

}  // namespace rcspike::kernels::avx512
