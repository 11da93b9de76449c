#include "model.h"

#include <cmath>
#include <sstream>

#include "common/check.h"
#include "files/model.h"
#include "json_text.h"
#include "layer/layer.h"

namespace rcspike::web {

Model read_model(const std::string& bytes) {
    std::istringstream stream(bytes);
    Network<float> network = detail::read_model<float>(stream, "the file");
    Model model;
    model.phases = network.phases();
    model.sizes = {network.n_in()};
    for (std::size_t l = 0; l < network.n_layers(); ++l) {
        const std::size_t rows = network.n_rows(l), cols = network.n_columns(l);
        model.weights.push_back({std::vector<float>(rows * cols), rows, cols});
        network.weights(l, {model.weights[l].values.data(), rows, cols});
        model.wiring.push_back(detail::layers_of(network)[l].wiring);
        model.circuits.push_back(network.circuit(l));
        model.sizes.push_back(network.n_out(l));
    }
    return model;
}

namespace {

void write_maps(Json& json, const Maps& maps) {
    json << "[" << maps.height << "," << maps.width << "," << maps.channels << "]";
}

}  // namespace

std::string description(const Model& model) {
    Json json;
    json << "{\"phases\":\"" << name_of(model.phases) << "\",\"sizes\":";
    json.list(model.sizes, [&](std::size_t n) { json << n; });
    json << ",\"shapes\":";
    json.list(model.weights, [&](const Weights& w) { json << "[" << w.rows << "," << w.cols << "]"; });
    json << ",\"dense\":";
    json.list(model.wiring,
              [&](const Wiring& wiring) { json << (std::holds_alternative<Dense>(wiring) ? "true" : "false"); });
    if (const auto* conv = std::get_if<Conv2d>(&model.wiring[0])) write_maps(json << ",\"maps\":", conv->in);
    if (const auto* first = std::get_if<FirstSpike2d>(&model.wiring[0])) write_maps(json << ",\"maps\":", first->in);
    json << ",\"circuit\":{";
    const char* comma = "";
    for (const CircuitParameter& parameter : circuit_parameters) {
        json << comma << "\"" << parameter.name << "\":" << model.circuits[0].*parameter.value;
        comma = ",";
    }
    json << "},\"injection\":";
    json.list(model.circuits, [&](const Circuit& circuit) {
        json << "[" << circuit.injection_plus << "," << circuit.injection_minus << "]";
    });
    return (json << "}").str();
}

Circuit Sliders::on(const Circuit& circuit) const {
    Circuit changed = circuit;
    const auto set = [](double& value, double to) {
        if (!std::isnan(to)) value = to;
    };
    set(changed.e_plus, e_plus);
    set(changed.e_minus, e_minus);
    set(changed.diode_drop, diode_drop);
    set(changed.injection_plus, injection_plus);
    set(changed.injection_minus, injection_minus);
    return changed;
}

void check(const Model& model, const Sliders& sliders) {
    for (const double x : {sliders.noise, sliders.offset, sliders.wire_resistance}) {
        if (!(x >= 0) || std::isinf(x)) {
            detail::reject("noise, offset and wire resistance must be finite and not negative, got ", x);
        }
    }
    if (model.phases == Phases::single && (sliders.offset > 0 || sliders.wire_resistance > 0)) {
        detail::reject("offsets and wire resistance are computed for two-phase neurons: set them to 0");
    }
    for (std::size_t l = 0; l < model.n_layers(); ++l) {
        if (sliders.wire_resistance > 0 && !model.is_dense(l)) {
            detail::reject("wire resistance is computed for dense layers: set it to 0");
        }
    }
}

}  // namespace rcspike::web
