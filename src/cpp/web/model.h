// A network as the page holds it: its parts, which every run puts together on the circuit of the sliders.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rcspike/circuit.h"
#include "rcspike/network.h"
#include "rcspike/span.h"
#include "rcspike/wiring.h"

namespace rcspike::web {

/// Weights of a layer, rows x cols, in V_th / T.
struct Weights {
    std::vector<float> values;
    std::size_t rows, cols;

    Span2<const float> view() const { return {values.data(), rows, cols}; }
};

struct Model {
    std::vector<Weights> weights;  ///< of each layer, as are wiring and circuits
    std::vector<Wiring> wiring;
    std::vector<Circuit> circuits;
    std::vector<std::size_t> sizes;  ///< numbers of inputs and of the neurons of each layer
    Phases phases = Phases::two;

    std::size_t n_layers() const { return weights.size(); }
    bool is_dense(std::size_t layer) const { return std::holds_alternative<Dense>(wiring[layer]); }
};

/// Reads a model file. Throws std::invalid_argument as Network::load does.
Model read_model(const std::string& bytes);

/// Sizes, phases, circuit and shapes of a model as JSON. Infinite numbers are text.
std::string description(const Model& model);

/// The layers' circuits with what the sliders say; NaN leaves what the model has.
struct Sliders {
    double e_plus, e_minus, diode_drop;      ///< in V_th
    double injection_plus, injection_minus;  ///< in V_th for each synapse
    double noise;                            ///< standard deviation of spike times, in T
    double offset;                           ///< standard deviation of thresholds, in V_th; two-phase neurons
    double wire_resistance;                  ///< of a wire from one device to the next, in T / C; two-phase, dense
    double seed;                             ///< of noise and offsets

    Circuit on(const Circuit& circuit) const;
};

/// Throws std::invalid_argument if a slider does not apply to the neurons or the wiring of a model.
void check(const Model& model, const Sliders& sliders);

}  // namespace rcspike::web
