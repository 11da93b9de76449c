// First spikes for any machine: 16-byte vectors (SSE2, NEON, or what the compiler makes of them).
#include "kernels/scalar.h"

namespace rcspike::kernels::scalar {

// clang-format off: the second needs the first
#include "kernels/crossing.h"
#include "kernels/crossing_table.h"
// clang-format on

}  // namespace rcspike::kernels::scalar

namespace rcspike::kernels {
extern const Crossings<float> scalar_crossings_float = scalar::make_crossings<float>();
extern const Crossings<double> scalar_crossings_double = scalar::make_crossings<double>();
}  // namespace rcspike::kernels
