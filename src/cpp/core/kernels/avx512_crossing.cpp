// First spikes for AVX-512 (F, DQ, VL).
#ifdef RCSPIKE_HAVE_X86_KERNELS

#include "kernels/avx512.h"

namespace rcspike::kernels::avx512 {

// clang-format off: each needs those before it
#include "kernels/merged_tiles.h"
#include "kernels/crossing.h"
#include "kernels/crossing_table.h"
// clang-format on

std::size_t first_spike_backward_merged(const Events<float>& events, const ResistiveTile<float>& tile,
                                        std::size_t n_tiles, const SpikeUpstream<float>& upstream,
                                        const WeightGradient<float>& gradient, float* scratch) {
    std::size_t n_steep = 0;
    with_constant<max_merged_spiking>(n_tiles, [&](auto n) RCSPIKE_LAMBDA {
        if constexpr (n > 1) {
            using B = Block<float, 1>;
            alignas(64) float wanted[n * 16];  // a neuron that spikes does so after 0
            for (std::size_t i = 0; i < n * 16; ++i) {
                wanted[i] = upstream.drive && upstream.drive[i] != 0 ? 1.0f : upstream.times[i];
            }
            const MergedTiles<n> merged(tile, wanted);
            alignas(64) float rows[4][16];
            const auto merge = [&](float* to, const float* from)
                                   RCSPIKE_LAMBDA { _mm512_store_ps(to, merged.merge(from, 16)); };
            merge(rows[0], upstream.times);
            merge(rows[1], upstream.grad);
            if (upstream.drive) merge(rows[2], upstream.drive);
            merge(rows[3], upstream.thresholds);
            const SpikeUpstream<float> spikes{rows[0], rows[1], upstream.drive ? rows[2] : nullptr, rows[3],
                                              upstream.min_slope};
            n_steep = first_spike_backward<ResistiveSums<B, true>, ResistiveAdjoint<B, true>>(events, merged, spikes,
                                                                                              gradient, scratch);
        }
    });
    return n_steep;
}

constexpr Crossings<float> with_merged(Crossings<float> kernels) {
    kernels.resistive.backward_merged = first_spike_backward_merged;
    return kernels;
}

}  // namespace rcspike::kernels::avx512

namespace rcspike::kernels {
extern const Crossings<float> avx512_crossings_float = avx512::with_merged(avx512::make_crossings<float>());
extern const Crossings<double> avx512_crossings_double = avx512::make_crossings<double>();
}  // namespace rcspike::kernels

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
