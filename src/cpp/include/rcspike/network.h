// Layers of neurons in series: the firing phase of one is the charging phase of the next.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rcspike/circuit.h"
#include "rcspike/phases.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"
#include "rcspike/wiring.h"

namespace rcspike {

template <class Real>
class Network;

namespace detail {
template <class Real>
class Layer;

/// Packed weights of a network, for those parts of the engine that change them.
template <class Real>
std::vector<Layer<Real>>& layers_of(Network<Real>& network);
}  // namespace detail

/// Weights of a network in the engine's own layout, ready to run.
template <class Real>
class Network {
public:
    /// Weights of each layer, n_rows x n_columns, in V_th / T; `wiring` of each layer, or none at all where all are
    /// dense; the phases of all neurons. Throws std::invalid_argument if a shape does not continue the previous layer,
    /// a weight is not finite or the circuit is not physical.
    Network(const std::vector<Span2<const Real>>& weights, const Circuit& circuit,
            const std::vector<Wiring>& wiring = {}, Phases phases = Phases::two);
    /// `circuits` of each layer, which differ in their injection only: layers differ in the capacitance of a membrane.
    Network(const std::vector<Span2<const Real>>& weights, const std::vector<Wiring>& wiring,
            const std::vector<Circuit>& circuits, Phases phases = Phases::two);
    Network(Network&&) noexcept;
    Network& operator=(Network&&) noexcept;
    ~Network();

    /// Reads a model that Network.save has written in Python, or `rcspike train`. Throws std::runtime_error if there is
    /// none at this path, and std::invalid_argument if the file is truncated, damaged, not an rcspike model, of a newer
    /// format, of the other precision, or its weights are not as it says (docs/files.md).
    static Network load(const std::string& path);

    std::size_t n_layers() const;
    std::size_t n_in(std::size_t layer = 0) const;
    std::size_t n_rows(std::size_t layer) const;     ///< of its weights: as many as inputs if the wiring is dense
    std::size_t n_columns(std::size_t layer) const;  ///< of its weights: as many as neurons without a convolution
    std::size_t n_out(std::size_t layer) const;
    const Circuit& circuit(std::size_t layer = 0) const { return circuits_.at(layer); }
    Phases phases() const;

    /// Copies the weights of a layer, n_rows x n_columns.
    void weights(std::size_t layer, Span2<Real> to) const;

    /// Voltages of the last layer, batch x n_out. `noise`, one matrix batch x n_out a layer or none at all, is added to
    /// the spike times of each layer, in T; the voltages of the last layer are those of its delayed spikes. In a single
    /// phase: the spike times of the last layer instead, in T, infinity where there is none.
    void forward(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                 Threads threads = Threads::all()) const;

    /// The same from spike times, batch x n_in, in T, which are sorted on the way. Throws std::invalid_argument on a
    /// negative or NaN time.
    void forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                 Threads threads = Threads::all()) const;

private:
    friend std::vector<detail::Layer<Real>>& detail::layers_of<Real>(Network& network);

    std::vector<Circuit> circuits_;  // of each layer
    std::vector<detail::Layer<Real>> layers_;
};

}  // namespace rcspike
