// What is not known for devices whose current is not in proportion to their voltage.
#pragma once

#include <cmath>

#include "common/check.h"
#include "rcspike/circuit.h"

namespace rcspike::detail {

/// Throws std::invalid_argument unless devices are ohmic: `wanted` is modelled for these only.
inline void check_ohmic(const Circuit& circuit, const char* wanted) {
    if (std::isinf(circuit.v_0)) return;
    reject(wanted, " are modelled for ohmic devices only, got v_0 = ", circuit.v_0, ": leave v_0 out of the circuit");
}

}  // namespace rcspike::detail
