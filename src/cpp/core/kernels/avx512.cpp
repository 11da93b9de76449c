// The kernels for AVX-512 (F, DQ, VL).
#ifdef RCSPIKE_HAVE_X86_KERNELS

#include "kernels/avx512.h"

namespace rcspike::kernels::avx512 {

// clang-format off: each needs those before it
#include "kernels/patch.h"
#include "kernels/supply.h"
#include "kernels/rectify.h"
#include "kernels/ladder.h"
#include "kernels/adam.h"
#include "kernels/draw.h"
#include "kernels/table.h"
// clang-format on

/// The lanes of two tiles that have a gradient, moved together into one: one permutation a row, and half of the work
/// between the rows. Every number stays what it would be.
struct MergedTiles {
    const float* weights;
    std::size_t stride;
    Coupling<float> coupling;
    __mmask16 used[2];
    __m512i from;   // lane of the merged tile -> lane of the two, 0..31
    __m512i to[2];  // lane of each tile -> lane of the merged one

    const float* rows() const { return weights; }

    MergedTiles(const ResistiveTile<float>& tile, const float* grad_v)
        : weights(tile.weights), stride(tile.stride), coupling(tile.coupling) {
        for (int i = 0; i < 2; ++i) {
            used[i] = _mm512_cmp_ps_mask(_mm512_load_ps(grad_v + 16 * i), _mm512_setzero_ps(), _CMP_NEQ_OQ);
        }
        const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const int n_first = __builtin_popcount(used[0]);
        const __m512i second = _mm512_maskz_compress_epi32(used[1], _mm512_add_epi32(lane, _mm512_set1_epi32(16)));
        const auto rest = static_cast<__mmask16>(0xffff << n_first);
        from = _mm512_mask_expand_epi32(_mm512_maskz_compress_epi32(used[0], lane), rest, second);
        to[0] = _mm512_maskz_expand_epi32(used[0], lane);
        to[1] = _mm512_maskz_expand_epi32(used[1], _mm512_add_epi32(lane, _mm512_set1_epi32(n_first)));
    }
};

template <class B>
RCSPIKE_INLINE B load_weights(const MergedTiles& tile, std::size_t offset) {
    const float* row = tile.weights + offset;
    return {{_mm512_permutex2var_ps(_mm512_load_ps(row), tile.from, _mm512_load_ps(row + tile.stride))}};
}
RCSPIKE_INLINE __m512 lanes_of(const MergedTiles& tile, int i, __m512 merged) {
    return _mm512_maskz_permutexvar_ps(tile.used[i], tile.to[i], merged);
}
template <class B>
RCSPIKE_INLINE void add_to_weights(float* gradient, const MergedTiles& tile, std::size_t offset, B change) {
    for (int i = 0; i < 2; ++i) {
        float* row = gradient + offset + static_cast<std::size_t>(i) * tile.stride;
        _mm512_store_ps(row, _mm512_add_ps(_mm512_load_ps(row), lanes_of(tile, i, change.part[0])));
    }
}
template <class B>
RCSPIKE_INLINE void add_to_times(float* times, const MergedTiles& tile, std::size_t offset, B, B slope) {
    const float* w = tile.weights + offset;
    __m512 sum = _mm512_load_ps(times);
    for (int i = 0; i < 2; ++i) {
        const __m512 row = _mm512_load_ps(w + static_cast<std::size_t>(i) * tile.stride);
        sum = _mm512_fmadd_ps(row, lanes_of(tile, i, slope.part[0]), sum);
    }
    _mm512_store_ps(times, sum);
}

RCSPIKE_INLINE void run_merged(const Events<float>& events, const MergedTiles& tile, const float* grad_v,
                               const WeightGradient<float>& gradient, float* scratch) {
    using B = Block<float, 1>;
    charge_backward_timed<ResistiveSums<B, true>, ResistiveAdjoint<B, true>>(events, tile, grad_v, gradient, scratch);
}
RCSPIKE_INLINE void run_merged(const PatchSpikes<float>& patch, const MergedTiles& tile, const float* grad_v,
                               const WeightGradient<float>& gradient, float* scratch) {
    patch_backward(patch, tile, grad_v, gradient, scratch);
}

template <class Spikes>
void backward_merged(const Spikes& events, const ResistiveTile<float>& tile, const float* grad_v,
                     const WeightGradient<float>& gradient, float* scratch) {
    const MergedTiles merged(tile, grad_v);
    alignas(64) float upstream[16];
    _mm512_store_ps(upstream, _mm512_permutex2var_ps(_mm512_load_ps(grad_v), merged.from, _mm512_load_ps(grad_v + 16)));
    const int n = __builtin_popcount(merged.used[0]) + __builtin_popcount(merged.used[1]);
    std::fill(upstream + n, upstream + 16, 0.0f);
    run_merged(events, merged, upstream, gradient, scratch);
}

constexpr Kernels<float> with_merged(Kernels<float> kernels) {
    kernels.resistive.backward_merged = backward_merged<Events<float>>;
    kernels.patches.backward_merged = backward_merged<PatchSpikes<float>>;
    return kernels;
}

}  // namespace rcspike::kernels::avx512

namespace rcspike::kernels {
extern const Kernels<float> avx512_float = avx512::with_merged(avx512::make_table<float>());
extern const Kernels<double> avx512_double = avx512::make_table<double>();
}  // namespace rcspike::kernels

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
