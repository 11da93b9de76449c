#include "events/wiring.h"

#include <algorithm>
#include <limits>

#include "common/check.h"

namespace rcspike {

Maps Conv2d::out(std::size_t n_columns) const {
    using detail::reject;
    constexpr std::size_t limit = 65535;  // coordinates have 16 bits
    for (const std::size_t size : {in.height, in.width, in.channels, kernel_height, kernel_width, stride}) {
        if (size == 0 || size > limit) {
            reject("sizes of a convolution and its stride must lie between 1 and ", limit, ", got ", size);
        }
    }
    if (in.size() > std::numeric_limits<std::uint32_t>::max()) reject("too many inputs: ", in.size());
    if (padding >= kernel_height || padding >= kernel_width) {
        reject("padding must be smaller than the kernel of ", kernel_height, " x ", kernel_width, ", got ", padding);
    }
    const std::size_t height = in.height + 2 * padding, width = in.width + 2 * padding;
    if (kernel_height > height || kernel_width > width) {
        reject("a kernel of ", kernel_height, " x ", kernel_width, " does not fit into maps of ", height, " x ", width,
               " with their padding");
    }
    return {(height - kernel_height) / stride + 1, (width - kernel_width) / stride + 1, n_columns};
}

}  // namespace rcspike

namespace rcspike::detail {

std::size_t inputs_of(const Wiring& wiring, std::size_t n_rows) {
    if (const auto* conv = std::get_if<Conv2d>(&wiring)) {
        if (n_rows != conv->n_rows()) {
            reject("weights of a convolution must have a row for each of the ", conv->n_rows(),
                   " inputs of a window, got ", n_rows);
        }
        return conv->in.size();
    }
    const auto* first = std::get_if<FirstSpike>(&wiring);
    if (!first) return n_rows;
    if (first->window == 0) reject("window must be at least 1, got 0");
    if (n_rows > std::numeric_limits<std::uint32_t>::max() / first->window) {
        reject("too many inputs: ", n_rows, " windows of ", first->window);
    }
    return n_rows * first->window;
}

std::size_t rows_of(const Wiring& wiring, std::size_t n_in) {
    if (const auto* conv = std::get_if<Conv2d>(&wiring)) {
        if (n_in != conv->in.size()) {
            reject("a convolution over maps of ", conv->in.height, " x ", conv->in.width, " x ", conv->in.channels,
                   " needs as many inputs, got ", n_in);
        }
        return conv->n_rows();
    }
    const auto* first = std::get_if<FirstSpike>(&wiring);
    if (!first) return n_in;
    if (first->window == 0 || n_in % first->window != 0) {
        reject("window must divide the ", n_in, " inputs of its layer, got ", first->window);
    }
    return n_in / first->window;
}

std::size_t positions_of(const Wiring& wiring) {
    const auto* conv = std::get_if<Conv2d>(&wiring);
    return conv ? conv->out(1).size() : 1;
}

void mark_rows(const Wiring& wiring, std::uint32_t input, std::vector<std::uint8_t>& used) {
    if (std::holds_alternative<Conv2d>(wiring)) {
        std::fill(used.begin(), used.end(), std::uint8_t{1});
        return;
    }
    const auto* first = std::get_if<FirstSpike>(&wiring);
    used[first ? input / first->window : input] = 1;
}

Wiring wiring_of(const std::vector<Wiring>& wiring, std::size_t n_layers, std::size_t layer) {
    if (wiring.empty()) return Dense{};
    if (wiring.size() != n_layers) {
        reject("wiring must be given for all ", n_layers, " layers or for none, got ", wiring.size());
    }
    return wiring[layer];
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
