// The functions that docs/playground/engine.js calls, with C types only. Pointers are to the module's memory. One that
// returns a pointer returns null, and one that returns a truth returns 0, after an error, whose message is that of
// rcspike_error.
#include <cstdint>
#include <exception>
#include <string>

#include "activity.h"
#include "membranes.h"
#include "model.h"
#include "neuron.h"
#include "training.h"
#include "walk.h"

using namespace rcspike;
using namespace rcspike::web;

namespace {

std::string error, text;

/// The result of a function, or none and its error's message.
template <class Function>
auto guarded(const Function& function) -> decltype(function()) {
    try {
        return function();
    } catch (const std::exception& e) {
        error = e.what();
        return {};
    }
}

const char* kept(std::string result) {
    text = std::move(result);
    return text.c_str();
}

}  // namespace

#define RCSPIKE_EXPORT(name) extern "C" __attribute__((export_name(#name)))

RCSPIKE_EXPORT(rcspike_allocate) void* rcspike_allocate(std::size_t bytes) { return ::operator new(bytes); }
RCSPIKE_EXPORT(rcspike_free) void rcspike_free(void* memory) { ::operator delete(memory); }
RCSPIKE_EXPORT(rcspike_error) const char* rcspike_error() { return error.c_str(); }

RCSPIKE_EXPORT(rcspike_open) Model* rcspike_open(const char* bytes, std::size_t n) {
    return guarded([&] { return new Model(read_model(std::string(bytes, n))); });
}
RCSPIKE_EXPORT(rcspike_close) void rcspike_close(Model* model) { delete model; }
RCSPIKE_EXPORT(rcspike_describe) const char* rcspike_describe(const Model* model) {
    return guarded([&] { return kept(description(*model)); });
}
/// Weights of a layer, which may be written.
RCSPIKE_EXPORT(rcspike_weights) float* rcspike_weights(Model* model, std::size_t layer) {
    return model->weights[layer].values.data();
}

/// Runs a batch of images, spike times in T.
RCSPIKE_EXPORT(rcspike_run)
Run* rcspike_run(const Model* model, const Sliders* sliders, const float* times, std::size_t batch, std::size_t n_in) {
    return guarded([&] { return new Run(walk(*model, *sliders, {times, batch, n_in})); });
}
RCSPIKE_EXPORT(rcspike_end) void rcspike_end(Run* run) { delete run; }
RCSPIKE_EXPORT(rcspike_times) const float* rcspike_times(const Run* run, std::size_t layer) {
    return run->layers[layer].times.data();
}
RCSPIKE_EXPORT(rcspike_voltages) const float* rcspike_voltages(const Run* run, std::size_t layer) {
    return run->layers[layer].v.data();
}
RCSPIKE_EXPORT(rcspike_spikes) const float* rcspike_spikes(const Run* run, std::size_t layer) {
    return run->layers[layer].t_out.data();
}
RCSPIKE_EXPORT(rcspike_read) const float* rcspike_read(const Run* run) { return run->read.data(); }
RCSPIKE_EXPORT(rcspike_answers) const std::int32_t* rcspike_answers(const Run* run) { return run->answers.data(); }

/// Writes n_out x n_at voltages.
RCSPIKE_EXPORT(rcspike_membranes)
int rcspike_membranes(const Model* model, const Sliders* sliders, const Run* run, std::size_t layer, const float* at,
                      std::size_t n_at, float* to) {
    return guarded([&] {
        const std::vector<float> v = membranes(*model, *sliders, *run, layer, {at, at + n_at});
        std::copy(v.begin(), v.end(), to);
        return 1;
    });
}

RCSPIKE_EXPORT(rcspike_activity)
const char* rcspike_activity(const Model* model, const Sliders* sliders, const Run* run) {
    return guarded([&] { return kept(activity(*model, *sliders, *run)); });
}
RCSPIKE_EXPORT(rcspike_neuron)
const char* rcspike_neuron(const Model* model, const Sliders* sliders, const Run* run, std::size_t layer,
                           std::size_t neuron) {
    return guarded([&] { return kept(neuron_details(*model, *sliders, *run, layer, neuron)); });
}

RCSPIKE_EXPORT(rcspike_train)
Training* rcspike_train(const Model* model, const Sliders* sliders, const float* times, const std::int32_t* labels,
                        std::size_t n, std::size_t n_train, double silent_penalty) {
    return guarded([&] {
        Images images{{times, times + n * model->sizes[0]}, {labels, labels + n}, n_train};
        Loss loss;
        loss.silent_penalty = silent_penalty;
        return new Training(*model, *sliders, images, loss);
    });
}
/// Trains for an epoch, writes the numbers of an EpochReport, and the new weights into the model.
RCSPIKE_EXPORT(rcspike_epoch)
int rcspike_epoch(Training* training, Model* model, const std::int32_t* order, std::size_t n, std::size_t batch_size,
                  double learning_rate, EpochReport* report) {
    return guarded([&] {
        *report = training->epoch({order, order + n}, batch_size, learning_rate);
        for (std::size_t l = 0; l < model->n_layers(); ++l) training->weights(l, model->weights[l]);
        return 1;
    });
}
RCSPIKE_EXPORT(rcspike_stop) void rcspike_stop(Training* training) { delete training; }
