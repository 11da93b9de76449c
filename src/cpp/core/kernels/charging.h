// All parts of the charging kernels, from vectors to the sweeps of a tile. Included inside the namespace of an
// instruction set, after its vector types.

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
