// The kernels for any machine: 16-byte vectors (SSE2, NEON, or what the compiler makes of them).
#include "kernels/scalar.h"

namespace rcspike::kernels::scalar {

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

}  // namespace rcspike::kernels::scalar

namespace rcspike::kernels {
extern const Kernels<float> scalar_float = scalar::make_table<float>();
extern const Kernels<double> scalar_double = scalar::make_table<double>();
}  // namespace rcspike::kernels
