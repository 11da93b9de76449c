// What columns with an amplifier at a virtual ground cannot do.
#pragma once

#include "common/check.h"

namespace rcspike::detail {

/// Throws std::invalid_argument if columns have amplifiers, with which `what` is not modelled.
inline void check_no_amplifier(bool amplified, const char* what) {
    if (!amplified) return;
    reject(what, " are not modelled for a virtual ground: leave transconductance out of the circuit");
}

}  // namespace rcspike::detail
