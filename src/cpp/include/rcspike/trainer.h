// Training: each step runs forward pass, loss, exact backward pass and Adam on all threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "rcspike/device_model.h"
#include "rcspike/loss.h"
#include "rcspike/network.h"

namespace rcspike {

/// Observations during one step, with the weights from before the step.
struct StepReport {
    double loss = 0;                     ///< sum over the batch, of weighted losses if there are weights
    std::size_t correct = 0;             ///< number of samples whose labelled output would spike first
    std::vector<std::size_t> silent;     ///< per hidden layer: (sample, neuron) pairs with v <= 0, or without a spike
    std::vector<std::size_t> saturated;  ///< per hidden layer: pairs with v >= 1; 0 for single-phase neurons
    std::vector<std::size_t> steep;      ///< per layer: single-phase spikes whose slope max_slope limited
};

template <class Real>
class Trainer {
public:
    /// Unless `devices` is ideal, each step draws new devices (draw_devices, with this seed and the number of steps
    /// done), and the gradient with respect to the weights passes through the drawn devices, treating rounding to
    /// levels and cutting at w_max as the identity. Each step also shrinks every weight by the fraction learning_rate
    /// weight_decay (decoupled weight decay, Loshchilov and Hutter 2019) and cuts it to +-w_max: a larger weight would
    /// only be slow to return.
    Trainer(Network<Real> network, const Loss& loss, const DeviceModel& devices = {}, std::uint64_t seed = 0,
            double weight_decay = 0);
    Trainer(Trainer&&) noexcept;
    ~Trainer();

    const Network<Real>& network() const;

    /// Trains on selected samples of a schedule. labels[i] belongs to samples[i]; noise is as in Network::forward.
    /// The step minimises the mean over the batch of each sample's cross-entropy and temporal penalty, multiplied by
    /// its weight if there are weights; energy and silent hidden neurons count alike in all samples. Throws
    /// std::invalid_argument if a sample or label does not exist or a weight is negative or not finite,
    /// std::runtime_error if voltages are no longer finite.
    StepReport step(const Schedule<Real>& schedule, Span1<const std::int64_t> samples, Span1<const std::int64_t> labels,
                    const std::vector<Span2<const Real>>& noise, double learning_rate, Threads threads = Threads::all(),
                    Span1<const double> sample_weights = {});

    /// Adam's state: steps done, and first (0) and second (1) moments of a layer, n_in x n_out. This state and the
    /// weights suffice to resume training bit for bit.
    std::uint64_t steps() const;
    void moment(std::size_t layer, int order, Span2<Real> to) const;
    void restore(std::uint64_t steps, const std::vector<Span2<const Real>>& first,
                 const std::vector<Span2<const Real>>& second);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rcspike
