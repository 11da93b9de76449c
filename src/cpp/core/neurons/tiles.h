// The membranes of every kind of neurons in the kernels: run_membranes and with_tiles_backward, overloaded by kind.
#pragma once

#include "neurons/single_phase_tiles.h"
#include "neurons/two_phase_tiles.h"
