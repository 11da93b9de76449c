#include "layer/layer.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/check.h"
#include "layer/for_each_part.h"
#include "layer/pooled_membranes.h"
#include "neurons/tiles.h"
#include "parallel/workers.h"

namespace rcspike::detail {

void check_circuits(const std::vector<Circuit>& circuits, std::size_t n_layers) {
    if (circuits.size() != n_layers) {
        reject("circuits must be given for all ", n_layers, " layers, got ", circuits.size());
    }
    for (std::size_t l = 0; l < n_layers; ++l) {
        const Circuit &first = circuits[0], &own = circuits[l];
        validate(own);
        for (const CircuitParameter& parameter : circuit_parameters) {
            if (own.*parameter.value == first.*parameter.value) continue;
            reject("circuits[", l, "] must have ", parameter.name, " ", first.*parameter.value, " as circuits[0], got ",
                   own.*parameter.value, ": layers of a network differ in their injection and load only");
        }
    }
}

template <class Real>
Layer<Real> layer_of_weights(const char* name, Span2<const Real> weights, std::size_t n_rows, const Circuit& circuit,
                             Threads threads, const Wiring& wiring, Phases phases) {
    // Loads include what the switches inject.
    return {pack_synapses(name, weights, n_rows, circuit, threads), neurons_of<Real>(phases, circuit, {}), wiring,
            circuit.load.is_absent() ? Injection<Real>(circuit) : Injection<Real>()};
}

template <class Real>
const Resistive<Real>& resistive_of(const Layer<Real>& layer, const char* wanted) {
    const auto* resistive = std::get_if<Resistive<Real>>(&layer.synapses);
    if (!resistive) reject(wanted, " can be computed for resistive synapses only");
    if (resistive->loads_membranes())
        reject(wanted, " are not modelled where rows load the membrane: leave load out of the circuit");
    return *resistive;
}

template <class Real>
Tiles<Real>& weights_of(Layer<Real>& layer, const char* wanted) {
    return std::visit([&](auto& kind) -> Tiles<Real>& { return kind.weights_for(wanted); }, layer.synapses);
}

template <class Real>
const Tiles<Real>& weights_of(const Layer<Real>& layer, const char* wanted) {
    return weights_of(const_cast<Layer<Real>&>(layer), wanted);
}

template <class Real>
void run_membranes(const Layer<Real>& layer, const EventBatch<Real>& events, Range samples, Range tiles,
                   Span2<Real> to) {
    const Span2<Real> of_neurons = layer.by_position(to);
    thread_local Buffer<Real> connected;  // membranes of which several make one neuron
    const bool pools = layer.grid().pool > 1;
    for_each_part(layer, events, samples, [&](const PositionEvents<Real>& positions) {
        if (pools) connected.resize(positions.count * of_neurons.cols);
        Real* const memory = pools ? connected.data() : of_neurons.row(positions.first);
        const Span2<Real> v{memory, positions.count, of_neurons.cols};
        std::visit(
            [&](const auto& synapses, const auto& neurons) { run_membranes(synapses, neurons, positions, tiles, v); },
            layer.synapses, layer.neurons);
        if (!layer.injection.is_absent()) {
            for (std::size_t i = 0; i < v.rows; ++i) {
                inject(layer.injection, layer.synapses, positions.events(i), tiles, v.row(i));
            }
        }
        if (pools) average_connected_membranes<Real>(layer.grid(), positions.first, v, tiles, of_neurons);
    });
}

template <class Real>
void run_membranes(const Layer<Real>& layer, const EventBatch<Real>& events, Span2<Real> to, Threads threads) {
    const Split split = layer.split(events.size());
    for_each_task(split.tasks(), threads, [&](std::size_t task, std::size_t) {
        run_membranes(layer, events, split.samples(task), split.tiles(task), to);
    });
}

#define RCSPIKE_INSTANTIATE(Real)                                                                               \
    template Layer<Real> layer_of_weights(const char*, Span2<const Real>, std::size_t, const Circuit&, Threads, \
                                          const Wiring&, Phases);                                               \
    template const Resistive<Real>& resistive_of(const Layer<Real>&, const char*);                              \
    template Tiles<Real>& weights_of(Layer<Real>&, const char*);                                                \
    template const Tiles<Real>& weights_of(const Layer<Real>&, const char*);                                    \
    template void run_membranes(const Layer<Real>&, const EventBatch<Real>&, Range, Range, Span2<Real>);        \
    template void run_membranes(const Layer<Real>&, const EventBatch<Real>&, Span2<Real>, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
