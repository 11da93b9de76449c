// A network and its gradient: for losses, optimisers and frameworks of one's own. Trainer has those of rcspike.
#pragma once

#include <memory>
#include <vector>

#include "rcspike/loss.h"
#include "rcspike/network.h"

namespace rcspike {

/// Runs a network forward and keeps what the backward pass needs, until the next forward pass. One pass at a time.
template <class Real>
class NetworkPass {
public:
    explicit NetworkPass(Network<Real> network);
    NetworkPass(NetworkPass&&) noexcept;
    NetworkPass& operator=(NetworkPass&&) noexcept;
    ~NetworkPass();

    const Network<Real>& network() const;

    /// Whether there has been a forward pass of these weights, of which backward takes the gradient.
    bool is_complete() const;

    /// New weights of all layers; the same ones change nothing. Throws std::invalid_argument, and changes nothing, if a
    /// shape is another one or a weight is not finite.
    void set(const std::vector<Span2<const Real>>& weights, Threads threads = Threads::all());

    /// As Network::forward, from spike times batch x n_in.
    void forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                 Threads threads = Threads::all());

    /// Gradients of the last forward pass from dL/dv, batch x n_out: of the spike times, batch x n_in, unless the view
    /// has no data, and of the weights of each layer. Spikes that noise has moved to the start of a phase do not move.
    /// In a single phase from dL/dt; those of outputs that do not spike count as 0, and |dt/dv| at a threshold is at
    /// most max_slope (docs/single-phase.md). Throws std::invalid_argument if a shape does not fit, a gradient is not
    /// finite, or no forward pass has been completed.
    void backward(Span2<const Real> grad_v, Span2<Real> grad_times, const std::vector<Span2<Real>>& grad_weights,
                  double max_slope = Loss{}.max_slope, Threads threads = Threads::all());

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rcspike
