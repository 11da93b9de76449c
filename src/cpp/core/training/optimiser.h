// How training changes weights: Adam with decoupled weight decay.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "layer/backward.h"
#include "layer/layer.h"
#include "memory/tiles.h"
#include "parallel/workers.h"

namespace rcspike::detail {

/// The sizes that a layer's weights may have.
struct WeightRange {
    double min = 0, max = std::numeric_limits<double>::infinity();
};

/// Adam (Kingma and Ba 2015) for the weights of all layers, in the layout of Tiles. Each step takes
/// learning_rate weight_decay of every weight, apart from the gradient (Loshchilov and Hutter 2019), and ends by
/// cutting the weight to +-w_max, and to w_min from below. Where there is a w_min, a weight of 0 stays 0.
template <class Real>
class Optimiser {
public:
    /// With moments of 0, for layers of these shapes.
    Optimiser(const std::vector<Layer<Real>>& layers, double weight_decay);

    /// Starts the next step: the updates that follow, one for each layer, belong to it.
    void begin_step(double learning_rate);

    /// Tasks that change a layer's weights by its gradient, times `slopes` in the same layout unless that is null. All
    /// that is passed must live until they have run.
    ExtraTasks update(std::size_t layer, const PartialGradient<Real>& gradient, const Real* slopes, WeightRange range,
                      Tiles<Real>& weights);

    std::uint64_t steps() const { return steps_; }
    /// First (0) or second (1) moments of a layer.
    const Tiles<Real>& moment(std::size_t layer, int order) const;
    /// Throws std::invalid_argument, and changes nothing, if anything does not fit.
    void restore(std::uint64_t steps, const std::vector<Span2<const Real>>& first,
                 const std::vector<Span2<const Real>>& second);

private:
    std::vector<Tiles<Real>> moment1_, moment2_;
    double weight_decay_;
    std::uint64_t steps_ = 0;
    kernels::Adam<Real> step_{};  // constants of the step that has begun
};

}  // namespace rcspike::detail
