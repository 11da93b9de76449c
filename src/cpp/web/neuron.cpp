#include "neuron.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/check.h"
#include "json_text.h"
#include "membranes.h"
#include "synapses/synapses.h"

namespace rcspike::web {
namespace {

struct Synapse {
    std::size_t input;
    float t, w, drive, conductance;
};

/// The layer with one of its neurons only, as a network.
Model alone(const Model& model, std::size_t layer, std::size_t neuron) {
    const Weights& all = model.weights[layer];
    Weights column{{}, all.rows, 1};
    for (std::size_t j = 0; j < all.rows; ++j) column.values.push_back(all.values[j * all.cols + neuron]);
    return {{column}, {Dense{}}, {model.circuits[layer]}, {all.rows, 1}, model.phases};
}

}  // namespace

std::string neuron_details(const Model& model, const Sliders& sliders, const Run& run, std::size_t layer,
                           std::size_t neuron) {
    if (!model.is_dense(layer)) detail::reject("synapses are listed for dense layers");
    if (neuron >= model.sizes[layer + 1]) {
        detail::reject("layer ", layer + 1, " has neurons 0 to ", model.sizes[layer + 1] - 1, ", got ", neuron);
    }
    const Model column = alone(model, layer, neuron);
    const Circuit circuit = sliders.on(model.circuits[layer]);
    const auto coupling = detail::coupling_of<float>(circuit);
    const LayerRun& of_layer = run.layers[layer];
    const float latest = model.phases == Phases::two ? 1 : of_layer.t_out[neuron];
    std::vector<Synapse> synapses;
    for (std::size_t j = 0; j < model.sizes[layer]; ++j) {
        const float t = of_layer.times[j], w = column.weights[0].values[j];
        if (std::isinf(t) || !(t <= latest) || w == 0) continue;  // a silent neuron hears all spikes
        const float drive = w * (w > 0 ? coupling.a_plus : coupling.a_minus);
        synapses.push_back({j, t, w, drive, std::abs(w) * (w > 0 ? coupling.b_plus : coupling.b_minus)});
    }
    std::stable_sort(synapses.begin(), synapses.end(), [](const Synapse& a, const Synapse& b) { return a.t < b.t; });

    struct Step {
        float t;
        double a, b;
    };
    std::vector<Step> steps;
    double a = 0, b = 0;
    for (const Synapse& synapse : synapses) {
        a += synapse.drive;
        b += synapse.conductance;
        if (!steps.empty() && steps.back().t == synapse.t) steps.pop_back();
        steps.push_back({synapse.t, a, b});
    }
    std::vector<float> at;
    for (const Step& step : steps) at.push_back(step.t);
    std::vector<float> v;
    if (!at.empty()) v = membranes(column, sliders, {1, {of_layer}, {}, {}}, 0, at);

    Json json;
    json << "{\"synapses\":";
    json.list(synapses, [&](const Synapse& s) {
        json << "[" << s.input << "," << s.t << "," << s.w << "," << s.drive << "," << s.conductance << "]";
    });
    json << ",\"steps\":";
    std::size_t i = 0;
    json.list(steps, [&](const Step& s) { json << "[" << s.t << "," << s.a << "," << s.b << "," << v[i++] << "]"; });
    json << ",\"e_plus\":" << circuit.e_plus << ",\"e_minus\":" << circuit.e_minus;
    json << ",\"diode_drop\":" << circuit.diode_drop << ",\"ramp\":" << circuit.ramp << "}";
    return json.str();
}

}  // namespace rcspike::web
