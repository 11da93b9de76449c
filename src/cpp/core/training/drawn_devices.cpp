#include "training/drawn_devices.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "common/check.h"
#include "parallel/workers.h"

namespace rcspike {
namespace {

/// Weights of one task, a multiple of lanes.
constexpr std::size_t slice = 8192;

std::size_t slices(std::size_t size) { return (size + slice - 1) / slice; }

/// The largest |w| of n weights, a multiple of lanes: lane by lane, which compilers vectorise.
template <class Real>
Real largest_size(const Real* weights, std::size_t n) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    Real largest[lanes] = {};
    for (std::size_t i = 0; i < n; i += lanes) {
        for (std::size_t k = 0; k < lanes; ++k) largest[k] = std::max(largest[k], std::abs(weights[i + k]));
    }
    return *std::max_element(largest, largest + lanes);
}

template <class Real>
kernels::DeviceDraw<Real> draw_of(const DeviceModel& model, std::uint64_t seed, std::uint64_t step, std::size_t layer,
                                  double w_max, bool symmetric) {
    const double g_max = w_max / (1 - model.off);
    kernels::DeviceDraw<Real> draw{};
    draw.seed[0] = static_cast<std::uint32_t>(seed);
    draw.seed[1] = static_cast<std::uint32_t>(seed >> 32);
    draw.step = static_cast<std::uint32_t>(step);
    draw.layer = static_cast<std::uint32_t>(layer);
    draw.symmetric = symmetric;
    draw.w_max = static_cast<Real>(w_max);
    draw.g_min = static_cast<Real>(g_max * model.off);
    draw.g_max = static_cast<Real>(g_max);
    draw.level = model.levels > 0 ? static_cast<Real>(w_max / (model.levels - 1)) : Real(0);
    draw.lognormal = static_cast<float>(model.lognormal);
    draw.proportional = static_cast<float>(model.proportional);
    draw.absolute = static_cast<float>(model.absolute);
    draw.stuck_off = static_cast<float>(model.stuck_off);
    draw.stuck_on = static_cast<float>(model.stuck_on);
    return draw;
}

/// The weights of a network that is trained: its layers are resistive.
template <class Real>
const detail::Resistive<Real>& trained(const detail::Layer<Real>& layer) {
    return std::get<detail::Resistive<Real>>(layer.synapses);
}

/// Devices, not drawn yet, for the weights of a layer. Where rows load the membrane, each is a weight of its own.
template <class Real>
detail::Synapses<Real> devices_for(const detail::Resistive<Real>& resistive) {
    const std::size_t n_rows = resistive.weights.rows, n_out = resistive.weights.cols;
    if (resistive.loads_membranes()) {
        detail::Resistive<Real> drawn;
        drawn.weights.resize(n_rows, n_out);
        drawn.weights.values.zero();
        drawn.coupling = resistive.coupling;
        drawn.column = resistive.column;
        return drawn;
    }
    detail::Pairs<Real> pairs;
    pairs.first.resize(n_rows, n_out);
    pairs.second.resize(n_rows, n_out);
    pairs.always_on = {{}, {}, n_out};
    pairs.coupling = resistive.coupling;
    pairs.weights = &resistive.weights;
    return pairs;
}

}  // namespace

bool DeviceModel::is_ideal() const {
    return off == 0 && levels == 0 && lognormal == 0 && proportional == 0 && absolute == 0 && stuck_off == 0 &&
           stuck_on == 0;
}

void validate(const DeviceModel& model, std::size_t n_layers) {
    using detail::reject;
    if (!(model.off >= 0 && model.off < 1)) reject("off is g_min / g_max and must lie in [0, 1), got ", model.off);
    if (model.levels == 1) reject("levels must be at least 2, or 0 for devices that take any conductance, got 1");
    const auto check_size = [](const char* name, double value) {
        if (!(value >= 0) || std::isinf(value)) reject(name, " must be finite and not negative, got ", value);
    };
    check_size("lognormal", model.lognormal);
    check_size("proportional", model.proportional);
    check_size("absolute", model.absolute);
    check_size("stuck_off", model.stuck_off);
    check_size("stuck_on", model.stuck_on);
    if (model.stuck_off + model.stuck_on > 1) {
        reject("stuck_off and stuck_on are probabilities and must not exceed 1 together, got ", model.stuck_off,
               " and ", model.stuck_on);
    }
    for (const auto& [name, values] : {std::pair("w_max", &model.w_max), {"w_min", &model.w_min}}) {
        if (!values->empty() && values->size() != n_layers) {
            reject(name, " must be given for all ", n_layers, " layers or for none, got ", values->size());
        }
        for (const double w : *values) {
            if (!(w > 0) || std::isinf(w)) reject(name, " must be above 0 and finite, got ", w);
        }
    }
    for (std::size_t l = 0; l < std::min(model.w_max.size(), model.w_min.size()); ++l) {
        if (model.w_min[l] >= model.w_max[l]) {
            reject("w_min must be below w_max, got ", model.w_min[l], " and ", model.w_max[l]);
        }
    }
}

template <class Real>
void detail::DrawnDevices<Real>::draw(const std::vector<Layer<Real>>& weights, const std::vector<std::uint8_t>& used,
                                      const DeviceModel& model, std::uint64_t seed, std::uint64_t step,
                                      Threads threads) {
    struct Slice {
        std::size_t layer, first, size;
    };
    std::vector<Slice> work;
    if (layers.empty()) {
        for (const Layer<Real>& layer : weights) {
            Injection<Real>& drawn =
                layers.emplace_back(devices_for(trained(layer)), layer.neurons, layer.wiring).injection;
            drawn.plus = layer.injection.plus;
            drawn.minus = layer.injection.minus;
            drawn.every_device = model.off > 0;
        }
        slopes.resize(weights.size());
    }
    const auto weights_of = [&](std::size_t l) -> const Tiles<Real>& { return trained(weights[l]).weights; };
    for (std::size_t l = 0; l < weights.size(); ++l) {
        const Tiles<Real>& w = weights_of(l);
        if (slopes[l].size() != w.values.size()) {
            slopes[l].resize(w.values.size());
            slopes[l].zero();  // also where nothing has been drawn yet, a gradient of 0 times the slope has to be 0
        }
        for (std::size_t first = 0; first < w.values.size(); first += slice) {
            work.push_back({l, first, std::min(slice, w.values.size() - first)});
        }
    }

    std::vector<double> w_max = model.w_max;
    if (w_max.empty()) {
        std::vector<Real> largest(work.size());
        for_each_task(work.size(), threads, [&](std::size_t task, std::size_t) {
            const Slice& s = work[task];
            largest[task] = largest_size(weights_of(s.layer).values.data() + s.first, s.size);
        });
        w_max.assign(weights.size(), 0);
        for (std::size_t i = 0; i < work.size(); ++i) {
            w_max[work[i].layer] = std::max(w_max[work[i].layer], double(largest[i]));
        }
    }
    std::vector<kernels::DeviceDraw<Real>> draws;
    for (std::size_t l = 0; l < weights.size(); ++l) {
        const bool difference = weights[l].loads_membranes() || kernels::is_symmetric(weights[l].coupling());
        draws.push_back(draw_of<Real>(model, seed, step, l, w_max[l], difference));
    }
    for_each_task(work.size(), threads, [&](std::size_t task, std::size_t) {
        const std::size_t l = work[task].layer, first = work[task].first, size = work[task].size;
        const Tiles<Real>& w = weights_of(l);
        auto* const pairs = std::get_if<Pairs<Real>>(&layers[l].synapses);
        Tiles<Real>& to = pairs ? pairs->first : std::get<Resistive<Real>>(layers[l].synapses).weights;
        thread_local Buffer<Real> sums;  // of both devices, which a layer of weights has no use for
        sums.resize(slice);
        Real* const second = pairs ? pairs->second.values.data() + first : sums.data();
        const auto is_used = [&](std::size_t i) { return l > 0 || used[i / kernels::lanes<Real> % w.rows]; };
        for (std::size_t i = first; i < first + size;) {
            const std::size_t begin = i;
            const bool wanted = is_used(begin);
            while (i < first + size && is_used(i) == wanted) i += kernels::lanes<Real>;
            if (!wanted) continue;
            kernels::table<Real>().draw(draws[l], begin, i - begin, w.values.data() + begin, to.values.data() + begin,
                                        second + (begin - first), slopes[l].data() + begin);
        }
    });
}

template <class Real>
void draw_devices(Span2<const Real> weights, const DeviceModel& model, std::uint64_t seed, std::uint64_t step,
                  std::size_t layer, Span2<Real> plus, Span2<Real> minus, Threads threads) {
    DeviceModel own = model;
    if (layer < model.w_max.size()) own.w_max = {model.w_max[layer]};
    validate(own, 1);
    detail::check_finite("weights", weights);
    detail::check_shape("plus", plus, weights.rows, weights.cols);
    detail::check_shape("minus", minus, weights.rows, weights.cols);
    detail::Tiles<Real> packed;
    packed.pack(weights, threads);
    const std::size_t size = packed.values.size();
    const double w_max = own.w_max.empty() ? largest_size(packed.values.data(), size) : own.w_max[0];
    const kernels::DeviceDraw<Real> draw = draw_of<Real>(model, seed, step, layer, w_max, false);
    detail::Tiles<Real> first_device, second_device;
    first_device.resize(weights.rows, weights.cols);
    second_device.resize(weights.rows, weights.cols);
    detail::Buffer<Real> slope(size);
    detail::for_each_task(slices(size), threads, [&](std::size_t task, std::size_t) {
        const std::size_t first = task * slice;
        kernels::table<Real>().draw(draw, first, std::min(slice, size - first), packed.values.data() + first,
                                    first_device.values.data() + first, second_device.values.data() + first,
                                    slope.data() + first);
    });
    first_device.unpack(plus, threads);
    second_device.unpack(minus, threads);
    for (std::size_t i = 0; i < minus.size(); ++i) minus.data[i] = -minus.data[i];
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                \
    template struct detail::DrawnDevices<Real>;                                                                  \
    template void draw_devices(Span2<const Real>, const DeviceModel&, std::uint64_t, std::uint64_t, std::size_t, \
                               Span2<Real>, Span2<Real>, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
