#include "energy.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/check.h"
#include "json_text.h"
#include "rcspike/energy.h"

namespace rcspike::web {
namespace {

constexpr double given_up = 10;  // in T, when a single-phase inference without an answer ends

/// Columns, activity and energy of one layer; the activity is the mean over the images, in units of C V_th.
struct LayerActivity {
    double rows, columns;
    double q_plus = 0, q_minus = 0, q_net = 0, q_ramp = 0, opened_plus = 0, opened_minus = 0;
    double spikes = 0, events = 0;
    double watching = 0, duration = 0;  // single phase: of the comparators, and of the inference, in T
};

struct Widths {
    double plus = 1, minus = 1;
};

double squared(double x) { return x * x; }

/// When each inference of single-phase neurons ends.
std::vector<float> durations(const Run& run) {
    std::vector<float> ends;
    const std::size_t n_out = run.read.size() / run.batch;
    for (std::size_t s = 0; s < run.batch; ++s) {
        const float* const t = &run.layers.back().t_out[s * n_out];
        ends.push_back(std::min(*std::min_element(t, t + n_out), static_cast<float>(given_up)));
    }
    return ends;
}

LayerActivity activity(const Model& model, const Sliders& sliders, const Run& run, std::size_t layer) {
    const Weights& weights = model.weights[layer];
    const LayerRun& of_layer = run.layers[layer];
    const Circuit circuit = sliders.on(model.circuits[layer]);
    const std::size_t n_in = weights.rows, n_out = weights.cols, n = run.batch * n_out;
    const bool ramps = model.phases == Phases::two;
    const Span2<const float> times{of_layer.times.data(), run.batch, n_in};
    std::vector<float> q_plus(n), q_minus(n);
    const Span2<float> to_plus{q_plus.data(), run.batch, n_out}, to_minus{q_minus.data(), run.batch, n_out};
    std::vector<float> last(run.batch, 1.0f), until(n);
    if (ramps) {
        supply_charge(Schedule<float>(times, Threads{1}), weights.view(), circuit, to_plus, to_minus, Threads{1});
    } else {
        last = durations(run);
        for (std::size_t i = 0; i < n; ++i) until[i] = std::min(of_layer.t_out[i], last[i / n_out]);
        supply_charge_until(Schedule<float>(times, Threads{1}, Phases::single), weights.view(), circuit,
                            {until.data(), run.batch, n_out}, to_plus, to_minus, Threads{1});
    }
    std::vector<double> of_plus(n_in), of_minus(n_in);  // devices of each row
    for (std::size_t i = 0; i < weights.values.size(); ++i) {
        of_plus[i / n_out] += weights.values[i] > 0;
        of_minus[i / n_out] += weights.values[i] < 0;
    }
    LayerActivity sum{double(n_in), double(n_out)};
    for (std::size_t i = 0; i < n; ++i) {
        sum.q_plus += q_plus[i];
        sum.q_minus += q_minus[i];
        if (ramps) {
            const float v = of_layer.v[i], b = static_cast<float>(circuit.ramp);
            sum.q_net += std::abs(v);
            sum.q_ramp += v > 0 ? std::max(1 - v, 0.0f) : 1 - b * v;
        } else {
            sum.q_net += std::abs(q_plus[i] + q_minus[i]);
            sum.watching += until[i];
        }
    }
    for (std::size_t i = 0; i < of_layer.times.size(); ++i) {
        if (!(of_layer.times[i] <= last[i / n_in])) continue;
        sum.spikes += 1;
        sum.opened_plus += circuit.injection_plus * of_plus[i % n_in];
        sum.opened_minus += circuit.injection_minus * of_minus[i % n_in];
    }
    for (const float t : last) sum.duration += t;
    for (double LayerActivity::* part :
         {&LayerActivity::q_plus, &LayerActivity::q_minus, &LayerActivity::q_net, &LayerActivity::q_ramp,
          &LayerActivity::opened_plus, &LayerActivity::opened_minus, &LayerActivity::spikes, &LayerActivity::watching,
          &LayerActivity::duration}) {
        sum.*part /= static_cast<double>(run.batch);
    }
    sum.events = sum.spikes * sum.columns;
    return sum;
}

/// Mean widths of the switches to either rail, in narrowest ones, as layer_devices of Python counts them.
Widths switch_widths(const Process& p, const Weights& weights, const Circuit& circuit) {
    if (!std::isfinite(circuit.e_plus) || !std::isfinite(circuit.e_minus)) return {};
    const bool pairs = p.devices_per_synapse == 2;
    const double unit = p.membrane_capacitance(weights.rows) / p.window, least = pairs ? p.device_min_conductance : 0;
    const auto width = [&](double w, double rail, double ohms) {
        const double g = w / rail * unit;
        return g > 0 || pairs ? std::max(1.0, p.switch_margin * ohms * (g + least)) : 0;
    };
    Widths sum{0, 0};
    for (const float w : weights.values) {
        sum.plus += width(std::max(w, 0.0f), circuit.e_plus, p.switch_resistance_plus);
        sum.minus += width(std::max(-w, 0.0f), -circuit.e_minus, p.switch_resistance_minus);
    }
    const double n = static_cast<double>(weights.values.size());
    return {sum.plus / n, sum.minus / n};
}

using Parts = std::vector<std::pair<const char*, double>>;

/// The parts that every circuit has. `across` is the voltage over the open switches of a synapse times their widths.
void add_lines(Parts& parts, const Process& p, const LayerActivity& done, Widths capacitance, double swing) {
    const double both = capacitance.plus + capacitance.minus;
    parts.push_back({"axon lines", squared(swing) * both * done.events});
    parts.push_back({"drivers", done.events * p.driver_overhead * both * squared(p.v_logic) +
                                    2 * done.spikes * p.level_shifter_energy});
}

void add_neurons(Parts& parts, const Process& p, const LayerActivity& done, Phases phases, double unit_charge,
                 double across) {
    const bool ramps = phases == Phases::two;
    const double period = p.window * (ramps ? 3 : done.duration + 1);
    const double deciding = ramps ? done.columns * p.comparator_time : done.watching;
    const double leaking =
        done.rows * done.columns * p.switch_off_current * across + done.columns * p.neuron_leakage * p.v_logic;
    parts.push_back({"ramp", done.q_ramp * unit_charge * (p.v_highest - p.v_rest)});
    parts.push_back({"references", p.reference_current * p.v_logic * period});
    parts.push_back({"comparators", deciding * p.comparator_current * p.v_logic * p.window});
    parts.push_back({"reset", done.columns * p.reset_capacitance * squared(p.v_logic)});
    parts.push_back({"leakage", leaking * period});
}

/// RC-Spike, or current sources where the rails of `circuit` are infinite.
Parts on_rails(const Process& p, const LayerActivity& done, const Weights& weights, const Circuit& circuit,
               const OperatingPoint& point, Phases phases) {
    const double drop = circuit.diode_drop * point.v_th;
    const double drop_plus = std::isinf(circuit.e_plus) ? 0 : drop, drop_minus = std::isinf(circuit.e_minus) ? 0 : drop;
    const double unit_charge = p.membrane_capacitance(weights.rows) * point.v_th;
    const Widths widths = switch_widths(p, weights, circuit);
    const Widths lines{p.row_wire_capacitance + p.switch_gate_capacitance * widths.plus,
                       p.row_wire_capacitance + p.switch_gate_capacitance * widths.minus};
    Parts parts;
    add_lines(parts, p, done, lines, p.v_logic);
    parts.push_back({"positive synapses", (done.q_plus + done.opened_plus) * unit_charge * (point.v_plus - drop_plus)});
    parts.push_back(
        {"negative synapses", (done.q_minus + done.opened_minus) * unit_charge * (point.v_minus + drop_minus)});
    parts.push_back({"selector drop", (done.q_plus * drop_plus - done.q_minus * drop_minus) * unit_charge});
    parts.push_back({"op-amps", 0});
    add_neurons(parts, p, done, phases, unit_charge, point.v_plus * widths.plus - point.v_minus * widths.minus);
    return parts;
}

/// Resistors at a small read voltage into op-amps, each of which holds its column at a virtual ground.
Parts virtual_ground(const Process& p, const LayerActivity& done, std::size_t rows, const OperatingPoint& point,
                     Phases phases) {
    const double unit_charge = p.drawn_capacitance(rows) * point.v_th;
    const double transconductance = p.column_capacitance(rows) / (p.opamp_settling * p.window);
    const double current = done.columns * p.opamp_branches * transconductance / p.opamp_efficiency;
    const double bias = current * p.v_logic * p.opamp_phases * p.window;
    const double line = p.row_wire_capacitance + p.column_junction_capacitance;
    Parts parts;
    add_lines(parts, p, done, {line, line}, p.read_voltage);
    parts.push_back({"positive synapses", done.q_plus * unit_charge * p.read_voltage});
    parts.push_back({"negative synapses", -done.q_minus * unit_charge * p.read_voltage});
    parts.push_back({"selector drop", 0});
    parts.push_back({"op-amps", bias + (done.q_net + done.q_ramp) * unit_charge * (p.v_highest - p.v_rest)});
    add_neurons(parts, p, done, phases, unit_charge, 0);  // idle rows are at the virtual ground too
    return parts;
}

void write(Json& json, const std::vector<Parts>& layers) {
    json << "{";
    for (std::size_t i = 0; i < layers[0].size(); ++i) {
        json << (i == 0 ? "\"" : ",\"") << layers[0][i].first << "\":";
        json.list(layers, [&](const Parts& parts) { json << parts[i].second; });
    }
    json << "}";
}

}  // namespace

double Process::drawn_capacitance(std::size_t rows) const {
    return std::max(capacitance, static_cast<double>(rows) * capacitance_per_row);
}

double Process::column_capacitance(std::size_t rows) const {
    return static_cast<double>(rows) * (column_wire_capacitance + 2 * column_junction_capacitance);
}

double Process::membrane_capacitance(std::size_t rows) const {
    return drawn_capacitance(rows) + column_capacitance(rows);
}

OperatingPoint operating_point(const Process& p, const Circuit& circuit) {
    double v_th = p.v_th;
    for (const double rail : {circuit.e_plus, -circuit.e_minus}) {
        if (std::isfinite(rail)) v_th = std::min(v_th, p.v_rail / rail);
    }
    const auto supply = [&](double rail) { return std::isinf(rail) ? v_th + p.headroom : rail * v_th; };
    return {v_th, supply(circuit.e_plus), -supply(-circuit.e_minus)};
}

std::string energies(const Model& model, const Sliders& sliders, const Run& run, const Process& process) {
    std::vector<Parts> rc_spike, op_amps, sources;
    bool has_rails = false;
    for (std::size_t l = 0; l < model.n_layers(); ++l) {
        if (!model.is_dense(l)) detail::reject("the energy of convolutions is counted by rcspike energy only");
        const Circuit circuit = sliders.on(model.circuits[l]);
        if (!circuit.load.is_absent())
            detail::reject("the energy of rows with loads is counted by rcspike energy only");
        const OperatingPoint point = operating_point(process, circuit);
        const LayerActivity done = activity(model, sliders, run, l);
        has_rails = has_rails || std::isfinite(circuit.e_plus) || std::isfinite(circuit.e_minus);
        rc_spike.push_back(on_rails(process, done, model.weights[l], circuit, point, model.phases));
        op_amps.push_back(virtual_ground(process, done, model.weights[l].rows, point, model.phases));
        const double supply = point.v_th + process.headroom;
        sources.push_back(on_rails(process, done, model.weights[l], Circuit::conventional(),
                                   {point.v_th, supply, -supply}, model.phases));
    }
    Json json;
    json << "{";
    const char* comma = "";
    const auto add = [&](const char* name, const std::vector<Parts>& layers) {
        json << comma << "\"" << name << "\":";
        write(json, layers);
        comma = ",";
    };
    if (has_rails) add("RC-Spike", rc_spike);
    if (model.phases == Phases::two) {
        add("virtual ground", op_amps);
        add("current sources", sources);
    }
    return (json << "}").str();
}

}  // namespace rcspike::web
