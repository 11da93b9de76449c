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

/// Packed weights of a network, for the parts of the engine that change them.
template <class Real>
std::vector<Layer<Real>>& layers_of(Network<Real>& network);
}  // namespace detail

/// Weights of a network in the engine's memory layout, ready to run.
template <class Real>
class Network {
public:
    /// `weights` of each layer, n_rows x n_columns, in V_th / T; `wiring` of each layer, or empty if all are dense;
    /// `phases` holds for all neurons. Throws std::invalid_argument if a shape does not continue the previous layer, a
    /// weight is not finite or the circuit is not physical.
    Network(const std::vector<Span2<const Real>>& weights, const Circuit& circuit,
            const std::vector<Wiring>& wiring = {}, Phases phases = Phases::two);
    /// `circuits`, one per layer, may differ only in the injection, because membrane capacitances differ between
    /// layers.
    Network(const std::vector<Span2<const Real>>& weights, const std::vector<Wiring>& wiring,
            const std::vector<Circuit>& circuits, Phases phases = Phases::two);
    Network(Network&&) noexcept;
    Network& operator=(Network&&) noexcept;
    ~Network();

    /// Reads a model written by Network.save in Python or by `rcspike train`. Throws std::runtime_error if the file
    /// does not exist, and std::invalid_argument if it is truncated, damaged, not an rcspike model, in a newer format,
    /// in the other precision, or if its weights do not match its header (docs/files.md).
    static Network load(const std::string& path);

    std::size_t n_layers() const;
    std::size_t n_in(std::size_t layer = 0) const;
    std::size_t n_rows(std::size_t layer) const;  ///< of its weights: equals n_in if the wiring is dense
    std::size_t n_columns(
        std::size_t layer) const;  ///< of its weights: equals n_out unless the wiring is a convolution
    std::size_t n_out(std::size_t layer) const;
    const Circuit& circuit(std::size_t layer = 0) const { return circuits_.at(layer); }
    Phases phases() const;

    /// Copies the weights of a layer, n_rows x n_columns.
    void weights(std::size_t layer, Span2<Real> to) const;

    /// Voltages of the last layer, batch x n_out. `noise`, in T, is added to the spike times: one batch x n_out matrix
    /// per layer, or empty for no noise. Noise of the last layer is converted to voltages. For single-phase neurons:
    /// the spike times of the last layer instead, in T, infinity for a silent neuron.
    void forward(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                 Threads threads = Threads::all()) const;

    /// The same from unsorted spike times, batch x n_in, in T. Throws std::invalid_argument on a negative or NaN time.
    void forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                 Threads threads = Threads::all()) const;

private:
    friend std::vector<detail::Layer<Real>>& detail::layers_of<Real>(Network& network);

    std::vector<Circuit> circuits_;  // of each layer
    std::vector<detail::Layer<Real>> layers_;
};

}  // namespace rcspike
