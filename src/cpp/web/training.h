// Training of a dense or convolutional network, epoch by epoch, as rcspike.train does it.
#pragma once

#include <cstdint>
#include <vector>

#include "model.h"
#include "rcspike/loss.h"
#include "rcspike/trainer.h"

namespace rcspike::web {

/// Images as spike times, n x n_in in T, and their classes. The first `n_train` are trained on, the others test.
struct Images {
    std::vector<float> times;
    std::vector<std::int64_t> labels;
    std::size_t n_train;
};

/// Means over an epoch, with the weights from before each step; the test is with the weights at its end.
struct EpochReport {
    double loss, train_accuracy, test_accuracy, silent, saturated;
};

class Training {
public:
    /// Throws std::invalid_argument if the images do not fit the model, or a slider other than circuit, noise and seed
    /// is set.
    Training(const Model& model, const Sliders& sliders, const Images& images, const Loss& loss);

    /// Trains on the images in this order, in batches of `batch_size`. Throws std::runtime_error if training diverges.
    EpochReport epoch(const std::vector<std::int64_t>& order, std::size_t batch_size, double learning_rate);

    /// Copies the weights of a layer.
    void weights(std::size_t layer, Weights& to) const;

private:
    double test_accuracy() const;

    std::vector<std::size_t> sizes_;
    double noise_, seed_;
    std::size_t steps_ = 0;
    std::vector<std::int64_t> labels_, test_labels_;
    Schedule<float> events_, test_events_;
    Trainer<float> trainer_;
};

}  // namespace rcspike::web
