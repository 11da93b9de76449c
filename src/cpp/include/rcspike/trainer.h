// Training: one step is forward pass, loss, exact backward pass and Adam, on all threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "rcspike/device_model.h"
#include "rcspike/loss.h"
#include "rcspike/network.h"

namespace rcspike {

/// Observations of one step, before it changed the weights.
struct StepReport {
    double loss = 0;                     ///< sum over the batch
    std::size_t correct = 0;             ///< samples whose label's output would spike first
    std::vector<std::size_t> silent;     ///< per hidden layer: (sample, neuron) pairs with v <= 0, or without a spike
    std::vector<std::size_t> saturated;  ///< per hidden layer: those with v >= 1; 0 in a single phase
    std::vector<std::size_t> steep;      ///< per layer: spikes of a single phase whose slope was bounded by max_slope
};

template <class Real>
class Trainer {
public:
    /// Unless they are ideal, each step runs on devices of its own, as draw_devices draws them with this seed and the
    /// number of steps done; the gradient is that of the weights through the devices drawn. Rounding to levels and
    /// cutting at w_max count as the identity in it. Each step takes learning_rate weight_decay of every weight, apart
    /// from the gradient (Loshchilov and Hutter 2019), and ends at w_max: beyond it a weight would only be slow to
    /// return.
    Trainer(Network<Real> network, const Loss& loss, const DeviceModel& devices = {}, std::uint64_t seed = 0,
            double weight_decay = 0);
    Trainer(Trainer&&) noexcept;
    ~Trainer();

    const Network<Real>& network() const;

    /// Trains on chosen samples of a schedule. labels[i] belongs to samples[i]; noise is as in Network::forward.
    /// Throws std::invalid_argument on a sample or label that does not exist, std::runtime_error once voltages are no
    /// longer finite.
    StepReport step(const Schedule<Real>& schedule, Span1<const std::int64_t> samples, Span1<const std::int64_t> labels,
                    const std::vector<Span2<const Real>>& noise, double learning_rate,
                    Threads threads = Threads::all());

    /// Adam's state: steps done, and first (0) and second (1) moments of a layer, n_in x n_out. With it and the weights
    /// training resumes bit for bit.
    std::uint64_t steps() const;
    void moment(std::size_t layer, int order, Span2<Real> to) const;
    void restore(std::uint64_t steps, const std::vector<Span2<const Real>>& first,
                 const std::vector<Span2<const Real>>& second);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rcspike
