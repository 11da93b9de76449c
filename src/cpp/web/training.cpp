#include "training.h"

#include <algorithm>
#include <numeric>

#include "common/check.h"
#include "rcspike/noise.h"

namespace rcspike::web {
namespace {

constexpr Threads alone{1};

Network<float> network_of(const Model& model, const Sliders& sliders) {
    std::vector<Span2<const float>> weights;
    std::vector<Circuit> circuits;
    for (std::size_t l = 0; l < model.n_layers(); ++l) {
        weights.push_back(model.weights[l].view());
        circuits.push_back(sliders.on(model.circuits[l]));
    }
    return {weights, model.wiring, circuits, model.phases};
}

Schedule<float> events_of(const Images& images, std::size_t first, std::size_t n, std::size_t n_in, Phases phases) {
    return Schedule<float>({images.times.data() + first * n_in, n, n_in}, alone, phases);
}

void check_training(const Model& model, const Sliders& sliders, const Images& images) {
    check(model, sliders);
    if (sliders.offset > 0 || sliders.wire_resistance > 0) {
        detail::reject("training knows neither offsets nor wire resistance: set them to 0");
    }
    if (images.times.size() != images.labels.size() * model.sizes[0]) {
        detail::reject("the images have ", images.times.size() / std::max<std::size_t>(images.labels.size(), 1),
                       " pixels, but the network has ", model.sizes[0], " inputs");
    }
    for (const std::int64_t label : images.labels) {
        if (label < 0 || label >= static_cast<std::int64_t>(model.sizes.back())) {
            detail::reject("class ", label, " is none of the ", model.sizes.back(), " outputs");
        }
    }
}

}  // namespace

Training::Training(const Model& model, const Sliders& sliders, const Images& images, const Loss& loss)
    : sizes_(model.sizes),
      noise_(sliders.noise),
      seed_(sliders.seed),
      trainer_((check_training(model, sliders, images), network_of(model, sliders)), loss) {
    const std::size_t n = images.labels.size(), n_in = model.sizes[0], n_train = std::min(images.n_train, n);
    events_ = events_of(images, 0, n_train, n_in, model.phases);
    test_events_ = events_of(images, n_train, n - n_train, n_in, model.phases);
    const auto split = images.labels.begin() + static_cast<std::ptrdiff_t>(n_train);
    labels_.assign(images.labels.begin(), split);
    test_labels_.assign(split, images.labels.end());
}

EpochReport Training::epoch(const std::vector<std::int64_t>& order, std::size_t batch_size, double learning_rate) {
    EpochReport report{};
    double n_hidden = 0;
    for (std::size_t first = 0; first < order.size(); first += batch_size, ++steps_) {
        const std::size_t n = std::min(batch_size, order.size() - first);
        std::vector<std::int64_t> labels;
        for (std::size_t i = first; i < first + n; ++i) {
            if (order[i] < 0 || order[i] >= static_cast<std::int64_t>(labels_.size())) {
                detail::reject("image ", order[i], " is none of the ", labels_.size(), " to train on");
            }
            labels.push_back(labels_[static_cast<std::size_t>(order[i])]);
        }
        std::vector<std::vector<float>> shifts;
        std::vector<Span2<const float>> noise;
        for (std::size_t l = 1; noise_ > 0 && l < sizes_.size(); ++l) {
            shifts.emplace_back(n * sizes_[l]);
            const Span2<float> to{shifts.back().data(), n, sizes_[l]};
            draw_noise(static_cast<std::uint64_t>(seed_) << 40 | steps_ << 8 | l, noise_, to, alone);
            noise.push_back(to);
        }
        const StepReport step =
            trainer_.step(events_, {&order[first], n}, {labels.data(), n}, noise, learning_rate, alone);
        report.loss += step.loss;
        report.train_accuracy += static_cast<double>(step.correct);
        report.silent += static_cast<double>(std::accumulate(step.silent.begin(), step.silent.end(), std::size_t{0}));
        report.saturated +=
            static_cast<double>(std::accumulate(step.saturated.begin(), step.saturated.end(), std::size_t{0}));
    }
    const double n = static_cast<double>(std::max<std::size_t>(order.size(), 1));
    for (std::size_t l = 1; l + 1 < sizes_.size(); ++l) n_hidden += n * static_cast<double>(sizes_[l]);
    report.loss /= n;
    report.train_accuracy /= n;
    report.silent /= std::max(n_hidden, 1.0);
    report.saturated /= std::max(n_hidden, 1.0);
    report.test_accuracy = test_accuracy();
    return report;
}

double Training::test_accuracy() const {
    const std::size_t n_out = sizes_.back(), n = test_labels_.size();
    std::vector<float> read(n * n_out);
    trainer_.network().forward(test_events_, {}, {read.data(), n, n_out}, alone);
    const bool ramps = trainer_.network().phases() == Phases::two;
    double correct = 0;
    for (std::size_t s = 0; s < n; ++s) {
        const float* const first = &read[s * n_out];
        const float* const best =
            ramps ? std::max_element(first, first + n_out) : std::min_element(first, first + n_out);
        correct += best - first == test_labels_[s] && !std::isinf(*best);
    }
    return correct / static_cast<double>(std::max<std::size_t>(n, 1));
}

void Training::weights(std::size_t layer, Weights& to) const {
    trainer_.network().weights(layer, {to.values.data(), to.rows, to.cols});
}

}  // namespace rcspike::web
