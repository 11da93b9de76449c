#include "rcspike/device_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "check.h"
#include "inference.h"

namespace rcspike {
namespace {

/// Throws if the conductance of a pair is negative by more than rounding explains.
template <class Real>
void check_conductance(const std::string& name, const DevicePairs<Real>& pairs,
                       const kernels::Coupling<Real>& coupling) {
    for (std::size_t i = 0; i < pairs.plus.size(); ++i) {
        const Real p = pairs.plus.data[i], m = pairs.minus.data[i];
        const Real g_plus = coupling.b_plus * p, g_minus = coupling.b_minus * m;
        const Real rounding = 4 * std::numeric_limits<Real>::epsilon() * (std::abs(g_plus) + std::abs(g_minus));
        if (g_plus + g_minus >= -rounding) continue;
        detail::reject(name, "[", i / pairs.plus.cols, ", ", i % pairs.plus.cols, "] are ", p, " and ", m,
                       ", a pair of negative conductance");
    }
}

template <class Real>
detail::Layer<Real> pack(const std::string& name, const DevicePairs<Real>& pairs, std::size_t n_in,
                         const Circuit& circuit) {
    const Span2<const Real> plus = pairs.plus, minus = pairs.minus;
    const std::string name_plus = name + ".plus", name_minus = name + ".minus";
    if (plus.rows == 0 || plus.cols == 0)
        detail::reject(name_plus, " is empty, got shape (", plus.rows, ", ", plus.cols, ")");
    detail::check_shape(name_plus.c_str(), plus, n_in, plus.cols);
    detail::check_shape(name_minus.c_str(), minus, n_in, plus.cols);
    const Threads threads = Threads::all();

    detail::Layer<Real> layer;
    layer.kind = kernels::Synapses::pairs;
    layer.coupling = detail::coupling_of<Real>(circuit);
    // Twice, since a pair may add up.
    const double factor = 2 * std::max<double>({layer.coupling.b_plus, layer.coupling.b_minus, 1.0});
    detail::check_range(name_plus.c_str(), plus, factor, threads);
    detail::check_range(name_minus.c_str(), minus, factor, threads);
    check_conductance(name, pairs, layer.coupling);

    layer.drive.pack(plus, threads);
    layer.conductance.pack(minus, threads);
    const bool symmetric = kernels::is_symmetric(layer.coupling);
    layer.drive.for_each_part_of_row(threads, [&](std::size_t row, std::size_t t) {
        Real* first = layer.drive.tile(t) + row * kernels::lanes<Real>;
        Real* second = layer.conductance.tile(t) + row * kernels::lanes<Real>;
        for (std::size_t i = 0; i < kernels::lanes<Real>; ++i) {
            const Real p = first[i], m = second[i];
            first[i] = symmetric ? p - m : p;
            second[i] = symmetric ? p + m : -m;
        }
    });
    detail::pack_always_on(pairs.drive0, pairs.conductance0, layer);
    if (pairs.offset.data) {
        detail::check_size("offset", pairs.offset, plus.cols);
        detail::check_finite("offset", pairs.offset);
        layer.offset.assign(pairs.offset.data, pairs.offset.data + pairs.offset.size);
    }
    return layer;
}

}  // namespace

template <class Real>
DeviceNetwork<Real>::DeviceNetwork(const std::vector<DevicePairs<Real>>& layers, const Circuit& circuit)
    : circuit_(circuit) {
    validate(circuit);
    if (layers.empty()) detail::reject("a network needs at least one layer");
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const std::size_t n_in = l == 0 ? layers[l].plus.rows : layers[l - 1].plus.cols;
        layers_.push_back(pack("layers[" + std::to_string(l) + "]", layers[l], n_in, circuit));
    }
}

template <class Real>
DeviceNetwork<Real>::DeviceNetwork(DeviceNetwork&&) noexcept = default;
template <class Real>
DeviceNetwork<Real>& DeviceNetwork<Real>::operator=(DeviceNetwork&&) noexcept = default;
template <class Real>
DeviceNetwork<Real>::~DeviceNetwork() = default;

template <class Real>
std::size_t DeviceNetwork<Real>::n_layers() const {
    return layers_.size();
}

template <class Real>
std::size_t DeviceNetwork<Real>::n_in(std::size_t layer) const {
    return layers_.at(layer).n_in();
}

template <class Real>
std::size_t DeviceNetwork<Real>::n_out(std::size_t layer) const {
    return layers_.at(layer).n_out();
}

template <class Real>
void DeviceNetwork<Real>::forward(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise,
                                  Span2<Real> v, Threads threads) const {
    detail::infer(layers_, circuit_, schedule, noise, v, threads);
}

template <class Real>
void DeviceNetwork<Real>::forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                                  Threads threads) const {
    detail::infer(layers_, circuit_, times, noise, v, threads);
}

template class DeviceNetwork<float>;
template class DeviceNetwork<double>;

}  // namespace rcspike
