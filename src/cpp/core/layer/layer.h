// One layer of a network: wiring, synapses and neurons, three parts that vary independently.
#pragma once

#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include "common/check.h"
#include "events/event_batch.h"
#include "events/wiring.h"
#include "neurons/neurons.h"
#include "parallel/split.h"
#include "rcspike/circuit.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"
#include "synapses/injection.h"
#include "synapses/synapses.h"

namespace rcspike::detail {

template <class Real>
class Layer {
public:
    Layer(Synapses<Real> of_synapses, Neurons<Real> of_neurons, Wiring of_wiring = Dense{},
          Injection<Real> of_switches = {})
        : synapses(std::move(of_synapses)),
          neurons(std::move(of_neurons)),
          wiring(of_wiring),
          injection(std::move(of_switches)) {
        std::visit([&](const auto& s) { rows_ = s.rows().rows, columns_ = s.rows().cols; }, synapses);
        n_in_ = inputs_of(wiring, rows_);
        grid_ = grid_of(wiring);
        std::visit([&](const auto& kind) { kind.check_pool(grid_.pool); }, neurons);
        if (loads_membranes()) std::visit([&](const auto& kind) { kind.check_loads(); }, neurons);
    }

    std::size_t n_in() const { return n_in_; }
    std::size_t n_out() const { return grid_.neurons * columns_; }
    /// Of the synapses, which all positions share.
    std::size_t n_rows() const { return rows_; }
    std::size_t n_columns() const { return columns_; }
    const PositionGrid& grid() const { return grid_; }
    std::size_t n_tiles() const { return divide_up(columns_, kernels::lanes<Real>); }
    /// Columns of tile t that are not padding.
    std::size_t width(std::size_t t) const {
        return std::min(kernels::lanes<Real>, columns_ - t * kernels::lanes<Real>);
    }
    /// How a batch is cut into tasks.
    Split split(std::size_t batch) const { return {batch, rows_, n_tiles(), grid_.positions}; }
    /// Views a matrix with one row per sample as a matrix with one row per position.
    template <class T>
    Span2<T> by_position(Span2<T> of_samples) const {
        return {of_samples.data, of_samples.rows * grid_.neurons, columns_};
    }

    const kernels::Coupling<Real>& coupling() const {
        return std::visit([](const auto& s) -> const kernels::Coupling<Real>& { return s.coupling; }, synapses);
    }
    Phases phases() const { return phases_of(neurons); }
    bool loads_membranes() const {
        return std::visit([](const auto& s) { return s.loads_membranes(); }, synapses);
    }
    std::size_t n_load_rows() const { return loads_membranes() ? kernels::n_row_loads * rows_ : 0; }
    EventTarget<Real> event_target() const { return {wiring, rows_, coupling(), phases()}; }

    Synapses<Real> synapses;
    Neurons<Real> neurons;
    Wiring wiring;
    Injection<Real> injection;

private:
    std::size_t n_in_, rows_, columns_;
    PositionGrid grid_;
};

/// Throws std::invalid_argument unless there is a valid circuit for each of n_layers layers, which differ in their
/// injection and load only.
void check_circuits(const std::vector<Circuit>& circuits, std::size_t n_layers);

/// A layer of the synapses that weights have on a circuit, with the checks of pack_synapses.
template <class Real>
Layer<Real> layer_of_weights(const char* name, Span2<const Real> weights, std::size_t n_rows, const Circuit& circuit,
                             Threads threads, const Wiring& wiring = Dense{}, Phases phases = Phases::two);

/// The synapses of a resistive layer. Throws std::invalid_argument for others, which do not have `wanted`.
template <class Real>
const Resistive<Real>& resistive_of(const Layer<Real>& layer, const char* wanted);

/// The weights that training changes. Throws std::invalid_argument for synapses without them.
template <class Real>
Tiles<Real>& weights_of(Layer<Real>& layer, const char* wanted);
template <class Real>
const Tiles<Real>& weights_of(const Layer<Real>& layer, const char* wanted);

/// What the membranes of some samples and tiles end in (the State of their neurons), into their place in `to`,
/// batch x n_out.
template <class Real>
void run_membranes(const Layer<Real>& layer, const EventBatch<Real>& events, Range samples, Range tiles,
                   Span2<Real> to);

/// The same of all of them.
template <class Real>
void run_membranes(const Layer<Real>& layer, const EventBatch<Real>& events, Span2<Real> to, Threads threads);

}  // namespace rcspike::detail
