// What kernels of every instruction set are made of, from numbers to the sweeps of a tile. Included within the
// namespace of one, after its registers.

// clang-format off: each needs those before it
#include "kernels/block.h"
#include "kernels/relax.h"
#include "kernels/log_ratio.h"
#include "kernels/membrane.h"
#include "kernels/sums.h"
#include "kernels/sweep.h"
#include "kernels/adjoint.h"
#include "kernels/choices.h"
// clang-format on
