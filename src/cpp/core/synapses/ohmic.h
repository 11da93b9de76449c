// What is known for columns of ohmic devices on a capacitor only.
#pragma once

#include <cmath>

#include "common/check.h"
#include "rcspike/circuit.h"

namespace rcspike::detail {

/// Throws std::invalid_argument if columns have amplifiers, with which `wanted` is not modelled.
inline void check_no_amplifier(const Circuit& circuit, const char* wanted) {
    if (!circuit.has_amplifier()) return;
    reject(wanted, " are not modelled for a virtual ground: leave transconductance out of the circuit");
}

/// Throws std::invalid_argument unless devices are ohmic and charge a capacitor: `wanted` is modelled for these only.
inline void check_ohmic(const Circuit& circuit, const char* wanted) {
    check_no_amplifier(circuit, wanted);
    if (std::isinf(circuit.v_0)) return;
    reject(wanted, " are modelled for ohmic devices only, got v_0 = ", circuit.v_0, ": leave v_0 out of the circuit");
}

}  // namespace rcspike::detail
