// First spikes for AVX-512 (F, DQ, VL).
#ifdef RCSPIKE_HAVE_X86_KERNELS

#include "kernels/avx512.h"

namespace rcspike::kernels::avx512 {

// clang-format off: the second needs the first
#include "kernels/crossing.h"
#include "kernels/crossing_table.h"
// clang-format on

}  // namespace rcspike::kernels::avx512

namespace rcspike::kernels {
extern const Crossings<float> avx512_crossings_float = avx512::make_crossings<float>();
extern const Crossings<double> avx512_crossings_double = avx512::make_crossings<double>();
}  // namespace rcspike::kernels

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
