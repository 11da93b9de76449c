#include "events/wiring.h"

#include <limits>

#include "common/check.h"

namespace rcspike::detail {

std::size_t inputs_of(const Wiring& wiring, std::size_t n_rows) {
    const auto* first = std::get_if<FirstSpike>(&wiring);
    if (!first) return n_rows;
    if (first->window == 0) reject("window must be at least 1, got 0");
    if (n_rows > std::numeric_limits<std::uint32_t>::max() / first->window) {
        reject("too many inputs: ", n_rows, " windows of ", first->window);
    }
    return n_rows * first->window;
}

std::size_t rows_of(const Wiring& wiring, std::size_t n_in) {
    const auto* first = std::get_if<FirstSpike>(&wiring);
    if (!first) return n_in;
    if (first->window == 0 || n_in % first->window != 0) {
        reject("window must divide the ", n_in, " inputs of its layer, got ", first->window);
    }
    return n_in / first->window;
}

Wiring wiring_of(const std::vector<Wiring>& wiring, std::size_t n_layers, std::size_t layer) {
    if (wiring.empty()) return Dense{};
    if (wiring.size() != n_layers) {
        reject("wiring must be given for all ", n_layers, " layers or for none, got ", wiring.size());
    }
    return wiring[layer];
}

std::uint32_t row_of(const Wiring& wiring, std::uint32_t input) {
    const auto* first = std::get_if<FirstSpike>(&wiring);
    return first ? static_cast<std::uint32_t>(input / first->window) : input;
}

template <class Real>
Spikes<Real> first_spikes(const FirstSpike& wiring, const Spikes<Real>& spikes, std::size_t n_rows, std::uint32_t* rows,
                          std::uint32_t* inputs, Interval<Real>* intervals) {
    thread_local std::vector<unsigned char> conducts;
    conducts.assign(n_rows, 0);
    std::uint32_t n = 0, spike = 0;
    std::size_t n_intervals = 0;
    for (std::size_t k = 0; k < spikes.n_intervals; ++k) {
        const std::uint32_t before = n;
        for (; spike < spikes.intervals[k].end; ++spike) {
            const std::uint32_t input = spikes.inputs[spike];
            const auto row = static_cast<std::uint32_t>(input / wiring.window);
            if (conducts[row]) continue;
            conducts[row] = 1;
            rows[n] = row;
            inputs[n++] = input;
        }
        if (n > before) intervals[n_intervals++] = {spikes.intervals[k].start, n};
    }
    intervals[n_intervals] = {spikes.intervals[spikes.n_intervals].start, n};
    return {rows, intervals, n_intervals};
}

template Spikes<float> first_spikes(const FirstSpike&, const Spikes<float>&, std::size_t, std::uint32_t*,
                                    std::uint32_t*, Interval<float>*);
template Spikes<double> first_spikes(const FirstSpike&, const Spikes<double>&, std::size_t, std::uint32_t*,
                                     std::uint32_t*, Interval<double>*);

}  // namespace rcspike::detail
