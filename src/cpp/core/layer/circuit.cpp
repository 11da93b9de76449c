#include "rcspike/circuit.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"

namespace rcspike {

void validate(const Circuit& circuit) {
    using detail::reject;
    if (!(circuit.e_plus > 0)) {
        reject("e_plus must be above the resting voltage 0, got ", circuit.e_plus, "; the rails must straddle 0");
    }
    if (!(circuit.e_minus < 0)) {
        reject("e_minus must be below the resting voltage 0, got ", circuit.e_minus, "; the rails must straddle 0");
    }
    if (!(circuit.diode_drop >= 0) || std::isinf(circuit.diode_drop)) {
        reject("diode_drop must be finite and not negative, got ", circuit.diode_drop);
    }
    if (circuit.diode_drop >= circuit.e_plus || circuit.diode_drop >= -circuit.e_minus) {
        reject("diode_drop ", circuit.diode_drop, " leaves no drive at e_plus = ", circuit.e_plus,
               ", e_minus = ", circuit.e_minus, ": it must be below every rail");
    }
    if (!(circuit.ramp < 1) || std::isinf(circuit.ramp)) {
        reject("ramp must be finite and below 1, got ", circuit.ramp, "; 0 is the ideal ramp");
    }
    for (const double injection : {circuit.injection_plus, circuit.injection_minus}) {
        if (!std::isfinite(injection)) reject("injection must be finite, in V_th for each synapse, got ", injection);
    }
    const RowLoad& load = circuit.load;
    for (const double part : {load.body, load.junction_plus, load.junction_minus, load.width_plus, load.width_minus}) {
        if (!(part >= 0) || std::isinf(part)) {
            reject("body, junctions and widths of a load must be finite and not negative, got ", part);
        }
    }
    if (!(load.position >= 0 && load.position <= 1)) {
        reject("position of a switch must be in [0, 1], a fraction of its resistor, got ", load.position);
    }
    if (!load.is_absent() && std::isinf(circuit.e_plus - circuit.e_minus)) {
        reject("rows load the membrane through resistors to finite rails, got ", circuit.e_plus, " and ",
               circuit.e_minus, "; v_syn = 1000 is as good as infinite");
    }
    const double higher = std::max(circuit.e_plus, -circuit.e_minus);
    if (!(circuit.v_0 > 0)) {
        reject("v_0 must be above 0, in V_th, got ", circuit.v_0, "; an infinite one stands for ohmic devices");
    }
    if (std::isfinite(circuit.v_0) && std::isinf(higher)) {
        reject("v_0 = ", circuit.v_0, " needs finite rails, since the current of a device depends on its voltage, got ",
               circuit.e_plus, " and ", circuit.e_minus);
    }
    // tanh(E/2 V_0), from which v follows, has to differ from 1 in float32.
    if (circuit.v_0 < higher / 10) {
        reject("v_0 must be at least a tenth of the rails, ", higher / 10, " here, got ", circuit.v_0);
    }
    if (std::isfinite(circuit.v_0) && !load.is_absent()) {
        reject("rows load the membrane through ohmic devices only, got v_0 = ", circuit.v_0,
               ": leave load or v_0 out of the circuit");
    }
    for (const double part : {circuit.transconductance, circuit.summing_capacitance, circuit.output_capacitance}) {
        if (!(part >= 0) || std::isinf(part)) {
            reject("transconductance, summing_capacitance and output_capacitance must be finite and not negative, got ",
                   part);
        }
    }
    if (circuit.has_amplifier() != (circuit.summing_capacitance > 0)) {
        reject("an amplifier has a transconductance and a summing_capacitance, both above 0, got ",
               circuit.transconductance, " and ", circuit.summing_capacitance);
    }
    if (circuit.output_capacitance > 0 && !circuit.has_amplifier()) {
        reject("output_capacitance ", circuit.output_capacitance, " needs an amplifier: give its transconductance");
    }
    if (circuit.has_amplifier() && !load.is_absent()) {
        reject("load is not modelled for a virtual ground: leave load or transconductance out of the circuit");
    }
    if (circuit.has_amplifier() && std::isfinite(circuit.v_0)) {
        reject("v_0 is not modelled for a virtual ground: leave v_0 or transconductance out of the circuit");
    }
    if (!(circuit.delay >= 0 && circuit.delay < 1)) {
        reject("delay must be at least 0 and below 1, in T, got ", circuit.delay);
    }
}

}  // namespace rcspike
