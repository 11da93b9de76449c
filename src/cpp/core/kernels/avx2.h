// Vectors of AVX2 with FMA. For files of kernels only, which include it once and end its region.
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

#define RCSPIKE_VECTOR_BYTES 32
#define RCSPIKE_TILES_AT_ONCE 1

// The region lasts to the end of the including file: templates are instantiated there and must be inside it.
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

namespace rcspike::kernels::avx2 {

RCSPIKE_INLINE __m256 fma(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
RCSPIKE_INLINE __m256d fma(__m256d a, __m256d b, __m256d c) { return _mm256_fmadd_pd(a, b, c); }
RCSPIKE_INLINE __m256 sqrt(__m256 a) { return _mm256_sqrt_ps(a); }
RCSPIKE_INLINE __m256d sqrt(__m256d a) { return _mm256_sqrt_pd(a); }
RCSPIKE_INLINE bool any_below(__m256 x, float bound) {
    return _mm256_movemask_ps(_mm256_cmp_ps(x, _mm256_set1_ps(bound), _CMP_LT_OQ)) != 0;
}
RCSPIKE_INLINE bool any_below(__m256d x, double bound) {
    return _mm256_movemask_pd(_mm256_cmp_pd(x, _mm256_set1_pd(bound), _CMP_LT_OQ)) != 0;
}

#include "kernels/charging.h"

}  // namespace rcspike::kernels::avx2
