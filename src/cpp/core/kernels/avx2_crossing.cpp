// First spikes for AVX2 with FMA.
#ifdef RCSPIKE_HAVE_X86_KERNELS

#include "kernels/avx2.h"

namespace rcspike::kernels::avx2 {

// clang-format off: the second needs the first
#include "kernels/crossing.h"
#include "kernels/crossing_table.h"
// clang-format on

}  // namespace rcspike::kernels::avx2

namespace rcspike::kernels {
extern const Crossings<float> avx2_crossings_float = avx2::make_crossings<float>();
extern const Crossings<double> avx2_crossings_double = avx2::make_crossings<double>();
}  // namespace rcspike::kernels

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
