#include "events/wiring.h"

#include <algorithm>
#include <limits>

#include "common/check.h"

namespace rcspike {

namespace {

constexpr std::size_t limit = 65535;  // coordinates have 16 bits

void check_size(const char* name, std::size_t size) {
    if (size == 0 || size > limit) detail::reject(name, " must lie between 1 and ", limit, ", got ", size);
}

void check_maps(const Maps& maps) {
    for (const std::size_t size : {maps.height, maps.width, maps.channels}) check_size("sizes of maps", size);
    if (maps.size() > std::numeric_limits<std::uint32_t>::max()) detail::reject("too many inputs: ", maps.size());
}

}  // namespace

Maps FirstSpike2d::out() const {
    check_maps(in);
    if (window == 0 || in.height < window || in.width < window) {
        detail::reject("window must be at least 1 and fit into maps of ", in.height, " x ", in.width, ", got ", window);
    }
    return {in.height / window, in.width / window, in.channels};
}

Maps Conv2d::seen() const { return FirstSpike2d{in, first}.out(); }

Maps Conv2d::positions() const {
    using detail::reject;
    const Maps maps = seen();
    for (const std::size_t size : {kernel_height, kernel_width}) check_size("sizes of a kernel", size);
    check_size("stride", stride);
    if (padding >= kernel_height || padding >= kernel_width) {
        reject("padding must be smaller than the kernel of ", kernel_height, " x ", kernel_width, ", got ", padding);
    }
    const std::size_t height = maps.height + 2 * padding, width = maps.width + 2 * padding;
    if (kernel_height > height || kernel_width > width) {
        reject("a kernel of ", kernel_height, " x ", kernel_width, " does not fit into maps of ", height, " x ", width,
               " with their padding");
    }
    const std::size_t down = (height - kernel_height) / stride + 1, across = (width - kernel_width) / stride + 1;
    if (pool == 0 || down < pool || across < pool) {
        reject("pool must be at least 1 and fit into the ", down, " x ", across, " positions of a convolution, got ",
               pool);
    }
    return {down / pool * pool, across / pool * pool, 1};
}

Maps Conv2d::out(std::size_t n_columns) const {
    const Maps all = positions();
    return {all.height / pool, all.width / pool, n_columns};
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
    if (const auto* maps = std::get_if<FirstSpike2d>(&wiring)) {
        if (n_rows != maps->out().size()) {
            reject("weights must have a row for each of the ", maps->out().size(), " windows of the maps, got ",
                   n_rows);
        }
        return maps->in.size();
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
    const auto* conv = std::get_if<Conv2d>(&wiring);
    const auto* windows = std::get_if<FirstSpike2d>(&wiring);
    if (conv || windows) {
        const Maps& maps = conv ? conv->in : windows->in;
        if (n_in != maps.size()) {
            reject("a layer over maps of ", maps.height, " x ", maps.width, " x ", maps.channels,
                   " needs as many inputs, got ", n_in);
        }
        return conv ? conv->n_rows() : windows->out().size();
    }
    const auto* first = std::get_if<FirstSpike>(&wiring);
    if (!first) return n_in;
    if (first->window == 0 || n_in % first->window != 0) {
        reject("window must divide the ", n_in, " inputs of its layer, got ", first->window);
    }
    return n_in / first->window;
}

Places places_of(const Wiring& wiring) {
    const auto* conv = std::get_if<Conv2d>(&wiring);
    if (!conv) return {};
    const Maps positions = conv->positions();
    return {positions.size(), conv->out(1).size(), positions.width, conv->pool};
}

void mark_rows(const Wiring& wiring, std::uint32_t input, std::vector<std::uint8_t>& used) {
    if (std::holds_alternative<Conv2d>(wiring)) {
        std::fill(used.begin(), used.end(), std::uint8_t{1});
        return;
    }
    const auto* first = std::get_if<FirstSpike>(&wiring);
    const auto* maps = std::get_if<FirstSpike2d>(&wiring);
    const std::size_t row = maps ? maps->row_of(input) : first ? input / first->window : input;
    if (row < used.size()) used[row] = 1;
}

Wiring wiring_of(const std::vector<Wiring>& wiring, std::size_t n_layers, std::size_t layer) {
    if (wiring.empty()) return Dense{};
    if (wiring.size() != n_layers) {
        reject("wiring must be given for all ", n_layers, " layers or for none, got ", wiring.size());
    }
    return wiring[layer];
}

std::size_t joined_rows(const Wiring& wiring, std::size_t n_rows) {
    if (const auto* conv = std::get_if<Conv2d>(&wiring)) return conv->first > 1 ? conv->seen().size() : 0;
    return std::holds_alternative<Dense>(wiring) ? 0 : n_rows;
}

namespace {

/// Keeps the events that switch a row on; row(input) is that of an input.
template <class Real, class Row>
Spikes<Real> keep_first(const Row& row_of, const Spikes<Real>& spikes, std::size_t n_rows, std::uint32_t* rows,
                        std::uint32_t* inputs, Interval<Real>* intervals) {
    thread_local std::vector<unsigned char> conducts;  // the last one of inputs that are left out
    conducts.assign(n_rows, 0);
    conducts.push_back(1);
    std::uint32_t n = 0, spike = 0;
    std::size_t n_intervals = 0;
    for (std::size_t k = 0; k < spikes.n_intervals; ++k) {
        const std::uint32_t before = n;
        for (; spike < spikes.intervals[k].end; ++spike) {
            const std::uint32_t input = spikes.inputs[spike];
            const auto row = static_cast<std::uint32_t>(row_of(input));
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

}  // namespace

template <class Real>
Spikes<Real> first_spikes(const Wiring& wiring, const Spikes<Real>& spikes, std::size_t n_rows, std::uint32_t* rows,
                          std::uint32_t* inputs, Interval<Real>* intervals) {
    const auto keep = [&](const auto& row) { return keep_first(row, spikes, n_rows, rows, inputs, intervals); };
    if (const auto* first = std::get_if<FirstSpike>(&wiring)) {
        return keep([window = first->window](std::uint32_t input) { return input / window; });
    }
    const auto* conv = std::get_if<Conv2d>(&wiring);
    const FirstSpike2d maps = conv ? FirstSpike2d{conv->in, conv->first} : std::get<FirstSpike2d>(wiring);
    return keep([maps](std::uint32_t input) { return maps.row_of(input); });
}

template Spikes<float> first_spikes(const Wiring&, const Spikes<float>&, std::size_t, std::uint32_t*, std::uint32_t*,
                                    Interval<float>*);
template Spikes<double> first_spikes(const Wiring&, const Spikes<double>&, std::size_t, std::uint32_t*, std::uint32_t*,
                                     Interval<double>*);

}  // namespace rcspike::detail
