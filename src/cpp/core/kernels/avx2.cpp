// The kernels for AVX2 with FMA.
#ifdef RCSPIKE_HAVE_X86_KERNELS

#include "kernels/avx2.h"

namespace rcspike::kernels::avx2 {

// clang-format off: each needs those before it
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

}  // namespace rcspike::kernels::avx2

namespace rcspike::kernels {
extern const Kernels<float> avx2_float = avx2::make_table<float>();
extern const Kernels<double> avx2_double = avx2::make_table<double>();
}  // namespace rcspike::kernels

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
