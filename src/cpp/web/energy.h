// Energy of an inference in joules, part by part: the formulas of rcspike/energy, which docs/energy.md derives, for
// dense networks in a process with switches. tests/test_web_energy.py compares each part with Python's.
#pragma once

#include <string>
#include <utility>

#include "walk.h"

namespace rcspike::web {

/// Constants of a process in SI units, by their names in its file, which has their meaning and sources.
struct Process {
    double v_logic, v_lowest, v_highest, v_rest, v_rail, v_th, window;
    double capacitance, capacitance_per_row, column_wire_capacitance, column_junction_capacitance;
    double row_wire_capacitance, driver_overhead, level_shifter_energy, switch_gate_capacitance;
    double device_min_conductance, devices_per_synapse, switch_margin, switch_resistance_plus, switch_resistance_minus;
    double switch_off_current, comparator_current, comparator_time, reset_capacitance, reference_current;
    double neuron_leakage, headroom, read_voltage, opamp_settling, opamp_efficiency, opamp_branches, opamp_phases;

    /// C in F of a neuron with this many rows: its drawn capacitor, and with that the column.
    double drawn_capacitance(std::size_t rows) const;
    double column_capacitance(std::size_t rows) const;
    double membrane_capacitance(std::size_t rows) const;
};

inline constexpr std::pair<const char*, double Process::*> process_constants[] = {
    {"v_logic", &Process::v_logic},
    {"v_lowest", &Process::v_lowest},
    {"v_highest", &Process::v_highest},
    {"v_rest", &Process::v_rest},
    {"v_rail", &Process::v_rail},
    {"v_th", &Process::v_th},
    {"window", &Process::window},
    {"capacitance", &Process::capacitance},
    {"capacitance_per_row", &Process::capacitance_per_row},
    {"column_wire_capacitance", &Process::column_wire_capacitance},
    {"column_junction_capacitance", &Process::column_junction_capacitance},
    {"row_wire_capacitance", &Process::row_wire_capacitance},
    {"driver_overhead", &Process::driver_overhead},
    {"level_shifter_energy", &Process::level_shifter_energy},
    {"switch_gate_capacitance", &Process::switch_gate_capacitance},
    {"device_min_conductance", &Process::device_min_conductance},
    {"devices_per_synapse", &Process::devices_per_synapse},
    {"switch_margin", &Process::switch_margin},
    {"switch_resistance_plus", &Process::switch_resistance_plus},
    {"switch_resistance_minus", &Process::switch_resistance_minus},
    {"switch_off_current", &Process::switch_off_current},
    {"comparator_current", &Process::comparator_current},
    {"comparator_time", &Process::comparator_time},
    {"reset_capacitance", &Process::reset_capacitance},
    {"reference_current", &Process::reference_current},
    {"neuron_leakage", &Process::neuron_leakage},
    {"headroom", &Process::headroom},
    {"read_voltage", &Process::read_voltage},
    {"opamp_settling", &Process::opamp_settling},
    {"opamp_efficiency", &Process::opamp_efficiency},
    {"opamp_branches", &Process::opamp_branches},
    {"opamp_phases", &Process::opamp_phases},
};

/// Threshold and rails in V of a circuit on the rails of a process, as operating_point of Python has them.
struct OperatingPoint {
    double v_th, v_plus, v_minus;  ///< supplies seen from rest; of an infinite rail those of current sources
};
OperatingPoint operating_point(const Process& process, const Circuit& circuit);

/// Energies in J of each part and layer, mean over the images of a run, by the names of the circuits and parts, as
/// JSON. Two-phase networks are compared with the two conventional circuits that compute the same. Charges are those
/// without wire resistance. Throws std::invalid_argument if a layer is not dense.
std::string energies(const Model& model, const Sliders& sliders, const Run& run, const Process& process);

}  // namespace rcspike::web
