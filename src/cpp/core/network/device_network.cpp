#include "rcspike/device_network.h"

#include <string>
#include <utility>
#include <variant>

#include "common/check.h"
#include "network/inference.h"

namespace rcspike {
namespace {

template <class Real>
detail::Layer<Real> layer_of(const std::string& name, const DevicePairs<Real>& pairs, std::size_t n_rows,
                             const Circuit& circuit, const Wiring& wiring, Phases phases) {
    const Span2<const Real> plus = pairs.plus;
    if (plus.rows == 0 || plus.cols == 0)
        detail::reject(name, ".plus is empty, got shape (", plus.rows, ", ", plus.cols, ")");
    if (pairs.offset.data) {
        detail::check_size("offset", pairs.offset, detail::grid_of(wiring).neurons * plus.cols);
    }
    detail::Neurons<Real> neurons = detail::neurons_of(phases, circuit, pairs.offset);
    detail::Injection<Real> injection(circuit);
    if (pairs.injection.data) {
        const std::string of_injection = name + ".injection";
        std::visit([&](const auto& kind) { kind.check_injection(of_injection.c_str()); }, neurons);
        detail::check_shape(of_injection.c_str(), pairs.injection, n_rows, plus.cols);
        detail::check_range(of_injection.c_str(), pairs.injection, 1, Threads::all());
        injection.of_rows.pack(pairs.injection, Threads::all());
    }
    return {detail::pack_pairs(name.c_str(), pairs, n_rows, circuit, Threads::all()), std::move(neurons), wiring,
            std::move(injection)};
}

}  // namespace

template <class Real>
DeviceNetwork<Real>::DeviceNetwork(const std::vector<DevicePairs<Real>>& layers, const Circuit& circuit,
                                   const std::vector<Wiring>& wiring, Phases phases)
    : DeviceNetwork(layers, wiring, std::vector<Circuit>(layers.size(), circuit), phases) {}

template <class Real>
DeviceNetwork<Real>::DeviceNetwork(const std::vector<DevicePairs<Real>>& layers, const std::vector<Wiring>& wiring,
                                   const std::vector<Circuit>& circuits, Phases phases) {
    if (layers.empty()) detail::reject("a network needs at least one layer");
    detail::check_circuits(circuits, layers.size());
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const Wiring own = detail::wiring_of(wiring, layers.size(), l);
        const std::size_t n_rows = l == 0 ? layers[l].plus.rows : detail::rows_of(own, layers_.back().n_out());
        layers_.push_back(layer_of("layers[" + std::to_string(l) + "]", layers[l], n_rows, circuits[l], own, phases));
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
    detail::infer(layers_, schedule, noise, v, threads);
}

template <class Real>
void DeviceNetwork<Real>::forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                                  Threads threads) const {
    detail::infer(layers_, times, noise, v, threads);
}

template class DeviceNetwork<float>;
template class DeviceNetwork<double>;

}  // namespace rcspike
