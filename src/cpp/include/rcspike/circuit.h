// The electrical parameters of a circuit, normalised: voltages in V_th, times in the window T.
#pragma once

#include <limits>

namespace rcspike {

/// How the devices of a layer load its membranes (docs/row-loads.md), in units of C, the capacitance of a membrane
/// whose rows are all open: its drawn capacitor is smaller by what they load it with.
struct RowLoad {
    /// Capacitance of a device's resistor times its conductance in C / T: a device of conductance g has a body of
    /// body / g.
    double body = 0.0;
    double position = 0.0;  ///< of the switch, as a fraction of the resistor from the rail, in [0, 1]
    double junction_plus = 0.0, junction_minus = 0.0;  ///< of the narrowest open switch to either rail
    /// Width that a switch needs for a conductance of C / T, as a multiple of the narrowest one: a device of
    /// conductance g has a switch of width max(1, width g) to its rail, which multiplies its junction and the charge
    /// that it injects.
    double width_plus = 0.0, width_minus = 0.0;

    bool is_absent() const {
        return body == 0 && junction_plus == 0 && junction_minus == 0 && width_plus == 0 && width_minus == 0;
    }
};

/// Rails, diode, switches and ramp of a circuit (docs/model.md). Infinite rails are the conventional
/// circuit, an exact multiply-accumulate.
struct Circuit {
    double e_plus = 1.0;      ///< reversal potential of positive synapses, E+ > 0, in V_th
    double e_minus = -1.0;    ///< reversal potential of negative synapses, E- < 0, in V_th
    double diode_drop = 0.0;  ///< forward drop V_D of the synapse diode, 0 <= V_D < |E|, in V_th
    double ramp = 0.0;        ///< coefficient b of a non-ideal firing ramp, b < 1; 0 is the ideal ramp

    /// What the switch of one conducting synapse adds to v(1) as it opens at the end of charging, in V_th, for synapses
    /// on the positive rail and on the negative rail. A weight of 0 is not a synapse. With loads, the narrowest switch.
    double injection_plus = 0.0, injection_minus = 0.0;
    double delay = 0.0;  ///< from the moment when the ramp reaches the threshold to the spike, in [0, 1), in T
    RowLoad load{};      ///< of the rows of this layer

    /// V_0 of devices whose current is g V_0 sinh(V/V_0) at a voltage V (docs/sinh-devices.md), in V_th; the same for
    /// all devices. Infinite for ohmic ones.
    double v_0 = std::numeric_limits<double>::infinity();
    /// The amplifier that holds each column at a virtual ground (docs/virtual-ground.md), with its transconductance in
    /// C / T, and the capacitances of its summing node and its output in C, all relative to the integrating capacitor
    /// C. A transconductance of 0 stands for columns without amplifiers.
    double transconductance = 0.0, summing_capacitance = 0.0, output_capacitance = 0.0;
    bool has_amplifier() const { return transconductance != 0; }

    static Circuit conventional() {
        Circuit circuit;
        circuit.e_plus = std::numeric_limits<double>::infinity();
        circuit.e_minus = -circuit.e_plus;
        return circuit;
    }
};

/// A circuit parameter, with its name in files and in Python.
struct CircuitParameter {
    const char* name;
    double Circuit::* value;
};

/// All parameters except injection and load, which may differ between the layers of a network.
inline constexpr CircuitParameter circuit_parameters[] = {
    {"e_plus", &Circuit::e_plus},
    {"e_minus", &Circuit::e_minus},
    {"diode_drop", &Circuit::diode_drop},
    {"ramp", &Circuit::ramp},
    {"delay", &Circuit::delay},
    {"v_0", &Circuit::v_0},
    {"transconductance", &Circuit::transconductance},
    {"summing_capacitance", &Circuit::summing_capacitance},
    {"output_capacitance", &Circuit::output_capacitance},
};

/// Throws std::invalid_argument, naming the value, if the circuit is not physical.
void validate(const Circuit& circuit);

}  // namespace rcspike
