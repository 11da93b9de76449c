// Trains a network of google/ihmehimmeli on command, with the settings of its README for MNIST; ihmehimmeli.py starts
// it.
//
//   ihmehimmeli_driver PIXELS LABELS N_IMAGES N_INPUTS N_HIDDEN N_OUTPUTS BATCH
//
// PIXELS has doubles in [0, 1], LABELS 64-bit integers. A line with a number trains on as many batches; the answer is
// "SECONDS CPU_SECONDS CORRECT". Its own program runs the same three calls for a batch, and reads arguments with
// Abseil, most of which this one needs not build. One thread: a sample costs the same in each of its threads.

#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "tempcoding/tempcoder.h"

namespace {

template <class T>
std::vector<T> read(const char* path, std::size_t n) {
    std::vector<T> values(n);
    std::ifstream file(path, std::ios::binary);
    if (!file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(n * sizeof(T))))
        throw std::runtime_error(std::string("cannot read ") + path);
    return values;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 8) return 2;
    const std::size_t n = std::stoul(argv[3]), n_inputs = std::stoul(argv[4]), n_outputs = std::stoul(argv[6]);
    const std::size_t batch = std::stoul(argv[7]);
    const auto pixels = read<double>(argv[1], n * n_inputs);
    const auto labels = read<long long>(argv[2], n);

    const std::vector<int> sizes = {std::stoi(argv[4]), std::stoi(argv[5]), std::stoi(argv[6])};
    ihmehimmeli::WeightInitializationOptions weights;
    weights.use_glorot_initialization = true;
    weights.nonpulse_weight_mean_multiplier = -0.2754188425913906;
    weights.pulse_weight_mean_multiplier = 7.8391245503824578;
    const ihmehimmeli::VectorXXd pulses(sizes.size(), ihmehimmeli::GeneratePulses(10, {0.0, 1.0}));
    ihmehimmeli::Tempcoder network(sizes, pulses, 1.1673205005788956, weights);
    network.learning_rate() = 0.0010186407877494507;
    network.learning_rate_pulses() = 0.09537534860701444;
    network.penalty_no_spike() = 48.374830659132556;
    network.clip_derivative() = 539.69973904211679;
    network.decay_params().set_decay_rate(0.18176949150701854);
    network.use_adam() = true;
    ihmehimmeli::TrainOptions options;
    options.accumulate_weight_updates = true;
    options.update_all_datapoints = true;

    absl::Mutex mutex;  // it locks one where updates accumulate
    std::cout << "ready" << std::endl;
    std::size_t next = 0;
    for (std::string line; std::getline(std::cin, line);) {
        const auto started = std::chrono::steady_clock::now();
        const auto cpu_started = std::clock();
        int correct = 0;
        for (int left = std::stoi(line); left > 0; --left) {
            for (std::size_t k = 0; k < batch; ++k, next = (next + 1) % n) {
                ihmehimmeli::VectorXd times(n_inputs), targets(n_outputs, 0.0);
                for (std::size_t i = 0; i < n_inputs; ++i) {
                    const double pixel = pixels[next * n_inputs + i];
                    times[i] = pixel > 0 ? 1 - pixel : ihmehimmeli::Tempcoder::kNoSpike;
                }
                targets[static_cast<std::size_t>(labels[next])] = 1.0;
                correct +=
                    network.FeedforwardAndOptionallyAccumulateUpdates(times, targets, &mutex, options).is_correct;
            }
            const auto [weight_updates, pulse_updates] = network.ComputeUpdates();
            network.ApplyTrainingUpdates(weight_updates, pulse_updates);
        }
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
        std::cout << seconds.count() << ' ' << static_cast<double>(std::clock() - cpu_started) / CLOCKS_PER_SEC << ' '
                  << correct << std::endl;
    }
}
