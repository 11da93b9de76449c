// The kernels for AVX-512 (F, DQ, VL).
#ifdef RCSPIKE_HAVE_X86_KERNELS

#include "kernels/avx512.h"

namespace rcspike::kernels::avx512 {

// clang-format off: each needs those before it
#include "kernels/merged_tiles.h"
#include "kernels/patch.h"
#include "kernels/supply.h"
#include "kernels/loaded.h"
#include "kernels/sinh.h"
#include "kernels/amplified.h"
#include "kernels/rectify.h"
#include "kernels/ladder.h"
#include "kernels/adam.h"
#include "kernels/normal_numbers.h"
#include "kernels/device_conductances.h"
#include "kernels/table.h"
// clang-format on

template <int n>
RCSPIKE_INLINE void run_merged(const Events<float>& events, const MergedTiles<n>& tile, const float* grad_v,
                               const WeightGradient<float>& gradient, float* scratch) {
    using B = Block<float, 1>;
    charge_backward_timed<ResistiveSums<B, true>, ResistiveAdjoint<B, true>>(events, tile, grad_v, gradient, scratch);
}
template <int n>
RCSPIKE_INLINE void run_merged(const PatchSpikes<float>& patch, const MergedTiles<n>& tile, const float* grad_v,
                               const WeightGradient<float>& gradient, float* scratch) {
    patch_backward(patch, tile, grad_v, gradient, scratch);
}

template <class Spikes>
void backward_merged(const Spikes& events, const ResistiveTile<float>& tile, std::size_t n_tiles, const float* grad_v,
                     const WeightGradient<float>& gradient, float* scratch) {
    with_constant<max_merged>(n_tiles, [&](auto n) RCSPIKE_LAMBDA {
        if constexpr (n > 1) {
            const MergedTiles<n> merged(tile, grad_v);
            alignas(64) float upstream[16];
            _mm512_store_ps(upstream, merged.merge(grad_v, 16));
            run_merged(events, merged, upstream, gradient, scratch);
        }
    });
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
