// Micro-benchmarks of the kernels, for Google Benchmark.
//
//     cmake -S . -B build/bench -DRCSPIKE_BENCH=ON && cmake --build build/bench && build/bench/bench_kernels
//
// One layer's sweeps over trains like those of MNIST images (150 spikes at 67 distinct times, of 784 inputs) and of
// hidden layers (100 spikes, all distinct, of 200). "s/tile" is the time for one sample and 16 neurons.
//
// Goals with AVX-512 at 3.6 GHz, in ns a tile for the first and for a hidden layer: charge 220 and 230, charge_backward
// without time gradients 520 and 500, with them 650 and 600; AVX2 within 1.8 times that. Adam: 2.5e9 weights/s.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"
#include "layer/layer.h"
#include "memory/buffer.h"
#include "rcspike/schedule.h"

namespace {

using namespace rcspike;

constexpr std::size_t n_samples = 256;
constexpr std::size_t lanes = kernels::lanes<float>;
constexpr kernels::Coupling<float> coupling{1, 1, 1, 1};

struct Problem {
    std::size_t n_in, n_tiles;
    Schedule<float> schedule;
    detail::EventBatch<float> events;
    detail::Buffer<float> weights, gradient, times, scratch;

    Problem(std::size_t n_in, std::size_t n_spikes, std::size_t n_levels, std::size_t n_tiles)
        : n_in(n_in), n_tiles(n_tiles) {
        std::mt19937 random(1);
        std::vector<float> spikes(n_samples * n_in, 2.0f);
        for (std::size_t s = 0; s < n_samples; ++s) {
            std::vector<std::size_t> order(n_in);
            for (std::size_t j = 0; j < n_in; ++j) order[j] = j;
            std::shuffle(order.begin(), order.end(), random);
            for (std::size_t i = 0; i < n_spikes; ++i) {
                const auto level = i < n_levels ? i : random() % n_levels;
                spikes[s * n_in + order[i]] = static_cast<float>(level) / static_cast<float>(n_levels);
            }
        }
        schedule.assign({spikes.data(), n_samples, n_in}, Threads::exactly(1));
        const Wiring wiring;
        events.set(schedule, {wiring, n_in, coupling}, Threads::exactly(1));
        std::normal_distribution<float> normal(0, 0.1f);
        weights.resize(n_tiles * n_in * lanes);
        for (float& w : weights) w = normal(random);
        gradient.resize(weights.size());
        gradient.zero();
        times.resize(n_spikes * lanes);
        times.zero();
        scratch.resize(kernels::backward_scratch<float>(n_levels + 1));
    }

    kernels::ResistiveTile<float> tile(std::size_t t) const {
        return {weights.data() + t * n_in * lanes, n_in * lanes, coupling};
    }
};

template <class Sweep>
void run(benchmark::State& state, const Sweep& sweep) {
    const auto n_spikes = static_cast<std::size_t>(state.range(1));
    Problem problem(static_cast<std::size_t>(state.range(0)), n_spikes, static_cast<std::size_t>(state.range(2)), 12);
    const auto& kernel = kernels::table<float>();
    for (auto _ : state) {
        for (std::size_t s = 0; s < n_samples; ++s) sweep(kernel, problem, s);
    }
    const auto done = static_cast<double>(state.iterations() * n_samples * problem.n_tiles);
    const auto rate = benchmark::Counter::kIsRate;
    const auto seconds_each = static_cast<benchmark::Counter::Flags>(rate | benchmark::Counter::kInvert);
    state.counters["s/tile"] = benchmark::Counter(done, seconds_each);
    state.counters["synapses/s"] = benchmark::Counter(done * static_cast<double>(n_spikes * lanes), rate);
}

void charge(benchmark::State& state) {
    run(state, [](const kernels::Kernels<float>& kernel, Problem& p, std::size_t s) {
        alignas(64) float v[kernels::max_tiles * lanes];
        for (std::size_t t = 0; t < p.n_tiles; t += kernel.tiles_at_once) {
            kernel.resistive.charge(p.events[s], p.tile(t), kernel.tiles_at_once, v);
            benchmark::DoNotOptimize(v);
        }
    });
}

template <bool wants_times>
void charge_backward(benchmark::State& state) {
    run(state, [](const kernels::Kernels<float>& kernel, Problem& p, std::size_t s) {
        alignas(64) float upstream[lanes];
        std::fill_n(upstream, lanes, 1e-3f);
        for (std::size_t t = 0; t < p.n_tiles; ++t) {
            float* gradient = p.gradient.data() + t * p.n_in * lanes;
            kernel.resistive.backward(p.events[s], p.tile(t), upstream,
                                      {gradient, wants_times ? p.times.data() : nullptr}, p.scratch.data());
        }
    });
}

void adam(benchmark::State& state) {
    const std::size_t n = 65536;
    detail::Buffer<float> w(n), m1(n), m2(n), g(n);
    for (auto* buffer : {&w, &m1, &m2}) buffer->zero();
    std::fill(g.begin(), g.end(), 1e-3f);
    const kernels::Adam<float> constants{1e-3f, 0.9f, 0.999f, 1e-8f, 1, 1, 1, std::numeric_limits<float>::infinity()};
    const auto& kernel = kernels::table<float>();
    for (auto _ : state) {
        kernel.adam(constants, n, g.data(), 1, n, nullptr, w.data(), m1.data(), m2.data());
    }
    state.counters["weights/s"] =
        benchmark::Counter(static_cast<double>(state.iterations() * n), benchmark::Counter::kIsRate);
}

void layers(benchmark::internal::Benchmark* b) {
    b->ArgNames({"n_in", "spikes", "times"})->Args({784, 150, 67})->Args({200, 100, 100});
}

BENCHMARK(charge)->Apply(layers);
BENCHMARK(charge_backward<false>)->Apply(layers);
BENCHMARK(charge_backward<true>)->Apply(layers);
BENCHMARK(adam);

}  // namespace

BENCHMARK_MAIN();
