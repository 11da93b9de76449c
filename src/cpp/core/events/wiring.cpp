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
namespace {

// For each kind of wiring the same functions: a kind that lacks one does not compile.

std::size_t inputs(const Dense&, std::size_t n_rows) { return n_rows; }
std::size_t inputs(const FirstSpike& first, std::size_t n_rows) {
    if (first.window == 0) reject("window must be at least 1, got 0");
    if (n_rows > std::numeric_limits<std::uint32_t>::max() / first.window) {
        reject("too many inputs: ", n_rows, " windows of ", first.window);
    }
    return n_rows * first.window;
}
std::size_t inputs(const FirstSpike2d& first, std::size_t n_rows) {
    if (n_rows != first.out().size()) {
        reject("weights must have a row for each of the ", first.out().size(), " windows of the maps, got ", n_rows);
    }
    return first.in.size();
}
std::size_t inputs(const Conv2d& conv, std::size_t n_rows) {
    if (n_rows != conv.n_rows()) {
        reject("weights of a convolution must have a row for each of the ", conv.n_rows(), " inputs of a window, got ",
               n_rows);
    }
    return conv.in.size();
}

void check_inputs(const Maps& maps, std::size_t n_in) {
    if (n_in == maps.size()) return;
    reject("a layer over maps of ", maps.height, " x ", maps.width, " x ", maps.channels, " needs as many inputs, got ",
           n_in);
}

std::size_t rows(const Dense&, std::size_t n_in) { return n_in; }
std::size_t rows(const FirstSpike& first, std::size_t n_in) {
    if (first.window == 0 || n_in % first.window != 0) {
        reject("window must divide the ", n_in, " inputs of its layer, got ", first.window);
    }
    return n_in / first.window;
}
std::size_t rows(const FirstSpike2d& first, std::size_t n_in) {
    check_inputs(first.in, n_in);
    return first.out().size();
}
std::size_t rows(const Conv2d& conv, std::size_t n_in) {
    check_inputs(conv.in, n_in);
    return conv.n_rows();
}

PositionGrid grid(const Dense&) { return {}; }
PositionGrid grid(const FirstSpike&) { return {}; }
PositionGrid grid(const FirstSpike2d&) { return {}; }
PositionGrid grid(const Conv2d& conv) {
    const Maps positions = conv.positions();
    return {positions.size(), conv.out(1).size(), positions.width, conv.pool};
}

const Conv2d* convolution(const Dense&) { return nullptr; }
const Conv2d* convolution(const FirstSpike&) { return nullptr; }
const Conv2d* convolution(const FirstSpike2d&) { return nullptr; }
const Conv2d* convolution(const Conv2d& conv) { return &conv; }

std::size_t joined(const Dense&, std::size_t) { return 0; }
std::size_t joined(const FirstSpike&, std::size_t n_rows) { return n_rows; }
std::size_t joined(const FirstSpike2d&, std::size_t n_rows) { return n_rows; }
std::size_t joined(const Conv2d& conv, std::size_t) { return conv.first > 1 ? conv.seen().size() : 0; }

/// Which of the inputs that a wiring has joined is switched on by an input; as many as there are for none.
std::size_t joined_input(const Dense&, std::uint32_t input) { return input; }
std::size_t joined_input(const FirstSpike& first, std::uint32_t input) { return input / first.window; }
std::size_t joined_input(const FirstSpike2d& first, std::uint32_t input) { return first.row_of(input); }
std::size_t joined_input(const Conv2d& conv, std::uint32_t input) {
    return FirstSpike2d{conv.in, conv.first}.row_of(input);
}

/// Calls f(row) for the rows that an input drives.
template <class Kind, class Function>
void for_each_row(const Kind& kind, std::uint32_t input, std::size_t n_rows, const Function& f) {
    const std::size_t row = joined_input(kind, input);
    if (row < n_rows) f(row);
}
template <class Function>
void for_each_row(const Conv2d&, std::uint32_t, std::size_t n_rows, const Function& f) {
    for (std::size_t row = 0; row < n_rows; ++row) f(row);
}

}  // namespace

std::size_t inputs_of(const Wiring& wiring, std::size_t n_rows) {
    return std::visit([&](const auto& kind) { return inputs(kind, n_rows); }, wiring);
}

std::size_t rows_of(const Wiring& wiring, std::size_t n_in) {
    return std::visit([&](const auto& kind) { return rows(kind, n_in); }, wiring);
}

PositionGrid grid_of(const Wiring& wiring) {
    return std::visit([](const auto& kind) { return grid(kind); }, wiring);
}

const Conv2d* convolution_of(const Wiring& wiring) {
    return std::visit([](const auto& kind) { return convolution(kind); }, wiring);
}

std::size_t joined_rows(const Wiring& wiring, std::size_t n_rows) {
    return std::visit([&](const auto& kind) { return joined(kind, n_rows); }, wiring);
}

Wiring wiring_of(const std::vector<Wiring>& wiring, std::size_t n_layers, std::size_t layer) {
    if (wiring.empty()) return Dense{};
    if (wiring.size() != n_layers) {
        reject("wiring must be given for all ", n_layers, " layers or for none, got ", wiring.size());
    }
    return wiring[layer];
}

template <class Real>
void mark_rows(const Wiring& wiring, const Schedule<Real>& schedule, const std::vector<std::int64_t>& samples,
               std::vector<std::uint8_t>& used) {
    const auto mark = [&](const auto& kind) {
        for (const std::int64_t sample : samples) {
            const Spikes<Real> spikes = schedule[static_cast<std::size_t>(sample)];
            for (std::size_t k = 0; k < spikes.n_spikes(); ++k) {
                for_each_row(kind, spikes.inputs[k], used.size(), [&](std::size_t row) { used[row] = 1; });
            }
        }
    };
    std::visit(mark, wiring);
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
    const auto keep = [&](const auto& kind) {
        const auto row_of = [kind](std::uint32_t input) { return joined_input(kind, input); };
        return keep_first(row_of, spikes, n_rows, rows, inputs, intervals);
    };
    return std::visit(keep, wiring);
}

#define RCSPIKE_INSTANTIATE(Real)                                                                       \
    template void mark_rows(const Wiring&, const Schedule<Real>&, const std::vector<std::int64_t>&,     \
                            std::vector<std::uint8_t>&);                                                \
    template Spikes<Real> first_spikes(const Wiring&, const Spikes<Real>&, std::size_t, std::uint32_t*, \
                                       std::uint32_t*, Interval<Real>*);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
