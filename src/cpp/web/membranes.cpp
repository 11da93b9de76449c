#include "membranes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/check.h"
#include "rcspike/trace.h"

namespace rcspike::web {

std::vector<float> membranes(const Model& model, const Sliders& sliders, const Run& run, std::size_t layer,
                             const std::vector<float>& at) {
    Circuit circuit = sliders.on(model.circuits[layer]);
    circuit.injection_plus = circuit.injection_minus = 0;  // which comes as switches open, after the charging
    circuit.delay = 0;
    const std::size_t n_in = model.sizes[layer], n_out = model.sizes[layer + 1], n_at = at.size();
    const std::vector<float>& all = run.layers[layer].times;
    std::vector<float> times(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n_in));
    // A single phase is charging for a window that holds all times: times are parts of it, and currents times as large.
    // For a power of two neither is rounded.
    float window = 1;
    if (model.phases == Phases::single) {
        while (window < *std::max_element(at.begin(), at.end())) window *= 2;
        for (float& t : times) t /= window;
    }
    std::vector<float> when = at;
    for (float& t : when) t /= window;
    std::vector<float> v(n_out * n_at);
    if (!circuit.load.is_absent() || circuit.has_amplifier()) {
        detail::reject("membranes of rows with loads, and of columns with amplifiers, are drawn by rcspike trace only");
    }
    if (model.is_dense(layer) && sliders.wire_resistance == 0) {
        Weights scaled = model.weights[layer];
        for (float& w : scaled.values) w *= window;
        const Schedule<float> events({times.data(), 1, n_in}, Threads{1});
        trace(events, scaled.view(), circuit, {when.data(), n_at}, {v.data(), 1, n_out * n_at}, Threads{1});
        return v;
    }
    // The voltage at a time is that at the end of a window in which all spikes come so much later.
    std::vector<float> late(n_at * n_in);
    for (std::size_t i = 0; i < n_at; ++i) {
        for (std::size_t j = 0; j < n_in; ++j) {
            const bool has_come = times[j] < when[i];
            late[i * n_in + j] = has_come ? times[j] + (1 - when[i]) : std::numeric_limits<float>::infinity();
        }
    }
    const std::vector<float> read =
        read_layer(model, layer, circuit, Phases::two, {late.data(), n_at, n_in}, sliders.wire_resistance, window);
    for (std::size_t i = 0; i < n_at; ++i) {
        for (std::size_t j = 0; j < n_out; ++j) v[j * n_at + i] = read[i * n_out + j];
    }
    return v;
}

}  // namespace rcspike::web
