// A network and its gradient, for use with your own loss, optimiser or framework; Trainer uses those of rcspike.
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

    /// Whether forward has run with the present weights, so that backward can follow.
    bool is_complete() const;

    /// Sets the weights of all layers; identical weights change nothing. Throws std::invalid_argument, and changes
    /// nothing, if a shape differs or a weight is not finite.
    void set(const std::vector<Span2<const Real>>& weights, Threads threads = Threads::all());

    /// As Network::forward, from spike times batch x n_in.
    void forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                 Threads threads = Threads::all());
    /// The same from their schedule, which must live until the last backward pass of this forward pass is done.
    void forward(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                 Threads threads = Threads::all());

    /// Gradients of the last forward pass, from dL/dv, batch x n_out: dL/dt of the inputs, batch x n_in, unless
    /// grad_times has no data, and dL/dw of each layer. Spikes that noise would put before the start of a phase are
    /// held at the start and have no gradient. Single-phase neurons: from dL/dt, where silent outputs count as 0 and
    /// |dt/dv| at a threshold is at most max_slope (docs/single-phase.md). Throws std::invalid_argument if a shape does
    /// not fit, a gradient is not finite, or no forward pass has been completed.
    void backward(Span2<const Real> grad_v, Span2<Real> grad_times, const std::vector<Span2<Real>>& grad_weights,
                  double max_slope = Loss{}.max_slope, Threads threads = Threads::all());

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rcspike
