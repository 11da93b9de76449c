#include "walk.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/check.h"
#include "rcspike/fire.h"
#include "rcspike/noise.h"
#include "rcspike/wires.h"
#include "synapses/synapses.h"

namespace rcspike::web {
namespace {

constexpr Threads alone{1};
constexpr float never = std::numeric_limits<float>::infinity();

/// Each rail's devices along a supply wire of their own, as the effect wire_resistance of Python has them.
std::vector<float> charge_along_wires(const Weights& weights, const Circuit& circuit, Span2<const float> times,
                                      double resistance) {
    const auto coupling = detail::coupling_of<float>(circuit);
    const std::size_t n = weights.values.size();
    std::vector<float> d_plus(n), g_plus(n), d_minus(n), g_minus(n);
    for (std::size_t i = 0; i < n; ++i) {
        const float w = weights.values[i];
        d_plus[i] = std::max(w, 0.0f) * coupling.a_plus;
        g_plus[i] = std::max(w, 0.0f) * coupling.b_plus;
        d_minus[i] = std::min(w, 0.0f) * coupling.a_minus;
        g_minus[i] = -std::min(w, 0.0f) * coupling.b_minus;
    }
    const auto view = [&](const std::vector<float>& x) {
        return Span2<const float>{x.data(), weights.rows, weights.cols};
    };
    const std::vector<float> r(weights.cols, static_cast<float>(resistance));
    WiredSynapses<float> wired;
    wired.wires = {{view(d_plus), view(g_plus)}, {view(d_minus), view(g_minus)}};
    wired.resistance = {r.data(), r.size()};
    const Schedule<float> events(times, alone);
    std::vector<float> v(times.rows * weights.cols);
    const Span2<float> to{v.data(), times.rows, weights.cols};
    charge(events, wired, to, alone);
    if (circuit.injection_plus != 0 || circuit.injection_minus != 0) {
        std::vector<float> steps(n);
        for (std::size_t i = 0; i < n; ++i) {
            const float w = weights.values[i];
            steps[i] = static_cast<float>(w > 0 ? circuit.injection_plus : w < 0 ? circuit.injection_minus : 0);
        }
        inject(events, view(steps), to, alone);
    }
    return v;
}

/// Gaussian numbers, rows x cols, of a stream for each purpose and layer.
std::vector<float> drawn(double seed, std::size_t stream, double sigma, std::size_t rows, std::size_t cols) {
    std::vector<float> numbers(rows * cols);
    draw_noise(static_cast<std::uint64_t>(seed) << 8 | stream, sigma, Span2<float>{numbers.data(), rows, cols}, alone);
    return numbers;
}

/// Voltages at which outputs would spike without noise when they do with it.
std::vector<float> moved(const std::vector<float>& v, const std::vector<float>& shifts, const Circuit& circuit,
                         std::size_t cols) {
    std::vector<float> read = v;
    if (circuit.ramp == 0) {
        for (std::size_t i = 0; i < v.size(); ++i) read[i] = v[i] - shifts[i];
        return read;
    }
    const std::size_t rows = v.size() / cols;
    std::vector<float> times(v.size());
    readout_times(Span2<const float>{v.data(), rows, cols}, circuit, {times.data(), rows, cols});
    for (std::size_t i = 0; i < v.size(); ++i) times[i] += shifts[i];
    readout_voltages(Span2<const float>{times.data(), rows, cols}, circuit, {read.data(), rows, cols});
    return read;
}

std::int32_t answer(const float* read, std::size_t n, Phases phases) {
    if (phases == Phases::two) return static_cast<std::int32_t>(std::max_element(read, read + n) - read);
    const float* const first = std::min_element(read, read + n);
    return std::isinf(*first) ? -1 : static_cast<std::int32_t>(first - read);
}

}  // namespace

std::vector<float> read_layer(const Model& model, std::size_t layer, const Circuit& circuit, Phases phases,
                              Span2<const float> times, double wire_resistance, float window) {
    if (wire_resistance > 0) return charge_along_wires(model.weights[layer], circuit, times, wire_resistance);
    Weights scaled = model.weights[layer];
    for (float& w : scaled.values) w *= window;
    const Network<float> network({scaled.view()}, {model.wiring[layer]}, {circuit}, phases);
    std::vector<float> read(times.rows * network.n_out(0));
    network.forward(times, {}, {read.data(), times.rows, network.n_out(0)}, alone);
    return read;
}

Run walk(const Model& model, const Sliders& sliders, Span2<const float> times) {
    check(model, sliders);
    if (times.cols != model.sizes[0]) {
        detail::reject("the network has ", model.sizes[0], " inputs, got ", times.cols, " pixels");
    }
    Run run{times.rows, {}, {}, {}};
    std::vector<float> arriving(times.data, times.data + times.size());
    const bool ramps = model.phases == Phases::two;
    for (std::size_t l = 0; l < model.n_layers(); ++l) {
        const Circuit circuit = sliders.on(model.circuits[l]);
        const std::size_t n_out = model.sizes[l + 1], n = times.rows * n_out;
        const Span2<const float> in{arriving.data(), times.rows, model.sizes[l]};
        std::vector<float> read = read_layer(model, l, circuit, model.phases, in, sliders.wire_resistance);
        LayerRun of_layer{arriving, {}, {}};
        if (ramps) of_layer.v = read;
        if (sliders.offset > 0) {
            const std::vector<float> offsets = drawn(sliders.seed, 2 * l, sliders.offset, 1, n_out);
            for (std::size_t i = 0; i < n; ++i) read[i] -= offsets[i % n_out];
        }
        of_layer.t_out = read;
        if (ramps)
            fire(Span2<const float>{read.data(), times.rows, n_out}, circuit,
                 {of_layer.t_out.data(), times.rows, n_out});
        if (sliders.noise > 0) {
            const std::vector<float> shifts = drawn(sliders.seed, 2 * l + 1, sliders.noise, times.rows, n_out);
            for (std::size_t i = 0; i < n; ++i) {
                const float t = of_layer.t_out[i] + shifts[i];
                of_layer.t_out[i] = ramps && t > 1 ? never : std::max(t, 0.0f);
            }
            read = ramps ? moved(read, shifts, circuit, n_out) : of_layer.t_out;
        }
        run.read = read;
        arriving = of_layer.t_out;
        run.layers.push_back(std::move(of_layer));
    }
    const std::size_t n_out = model.sizes.back();
    for (std::size_t s = 0; s < times.rows; ++s)
        run.answers.push_back(answer(&run.read[s * n_out], n_out, model.phases));
    return run;
}

}  // namespace rcspike::web
