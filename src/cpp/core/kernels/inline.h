// Inlining that the kernels count on at any level of optimisation.
#pragma once

#define RCSPIKE_INLINE inline __attribute__((always_inline))
#define RCSPIKE_LAMBDA __attribute__((always_inline))
