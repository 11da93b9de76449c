// The electrical parameters of a circuit, normalised: voltages in V_th, times in the window T.
#pragma once

#include <limits>

namespace rcspike {

/// Rails, diode and ramp of a circuit (docs/model.md). Infinite rails are the conventional
/// circuit, an exact multiply-accumulate.
struct Circuit {
    double e_plus = 1.0;      ///< reversal potential of positive synapses, E+ > 0, in V_th
    double e_minus = -1.0;    ///< reversal potential of negative synapses, E- < 0, in V_th
    double diode_drop = 0.0;  ///< forward drop V_D of the synapse diode, 0 <= V_D < |E|, in V_th
    double ramp = 0.0;        ///< coefficient b of a non-ideal firing ramp, b < 1; 0 is the ideal ramp

    static Circuit conventional() {
        const double inf = std::numeric_limits<double>::infinity();
        return {inf, -inf, 0.0, 0.0};
    }
};

/// Throws std::invalid_argument, naming the value, if the circuit is not physical.
void validate(const Circuit& circuit);

}  // namespace rcspike
