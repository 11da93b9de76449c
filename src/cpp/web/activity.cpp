#include "activity.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/check.h"
#include "json_text.h"
#include "rcspike/energy.h"

namespace rcspike::web {
namespace {

constexpr double given_up = 10;  // in T, when a single-phase inference without an answer ends

struct LayerActivity {
    double q_plus = 0, q_minus = 0, q_net = 0, q_ramp = 0, opened_plus = 0, opened_minus = 0;
    double spikes = 0, watching = 0, duration = 0;
};

constexpr std::pair<const char*, double LayerActivity::*> counts[] = {
    {"q_plus", &LayerActivity::q_plus},
    {"q_minus", &LayerActivity::q_minus},
    {"q_net", &LayerActivity::q_net},
    {"q_ramp", &LayerActivity::q_ramp},
    {"opened_plus", &LayerActivity::opened_plus},
    {"opened_minus", &LayerActivity::opened_minus},
    {"spikes", &LayerActivity::spikes},
    {"watching", &LayerActivity::watching},
    {"duration", &LayerActivity::duration},
};

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

LayerActivity layer_activity(const Model& model, const Sliders& sliders, const Run& run, std::size_t layer) {
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
    LayerActivity sum;
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
    for (const auto& count : counts) sum.*count.second /= static_cast<double>(run.batch);
    return sum;
}

}  // namespace

std::string activity(const Model& model, const Sliders& sliders, const Run& run) {
    std::vector<LayerActivity> layers;
    for (std::size_t l = 0; l < model.n_layers(); ++l) {
        if (!model.is_dense(l)) detail::reject("the energy of convolutions is counted by rcspike energy only");
        if (!model.circuits[l].load.is_absent()) {
            detail::reject("the energy of rows with loads is counted by rcspike energy only");
        }
        layers.push_back(layer_activity(model, sliders, run, l));
    }
    std::size_t l = 0;
    Json json;
    json.list(layers, [&](const LayerActivity& layer) {
        const Circuit circuit = sliders.on(model.circuits[l++]);
        json << "{";
        for (const auto& [name, count] : counts) json << "\"" << name << "\":" << layer.*count << ",";
        json << "\"circuit\":{\"e_plus\":" << circuit.e_plus << ",\"e_minus\":" << circuit.e_minus;
        json << ",\"diode_drop\":" << circuit.diode_drop << "}}";
    });
    return json.str();
}

}  // namespace rcspike::web
