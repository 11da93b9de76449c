#include "rcspike/device_network.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/check.h"
#include "network/inference.h"
#include "synapses/ohmic.h"

namespace rcspike {
namespace {

/// Affine synapses of pairs that load the membrane.
template <class Real>
detail::Affine<Real> loading_pairs(const std::string& name, const DevicePairs<Real>& pairs, std::size_t n_rows,
                                   const Circuit& circuit) {
    const kernels::Coupling<Real> c = detail::coupling_of<Real>(circuit);
    const Span2<const Real> plus = pairs.plus, minus = pairs.minus;
    detail::check_shape((name + ".minus").c_str(), minus, plus.rows, plus.cols);
    std::vector<Real> drive(plus.size()), conductance(plus.size());
    for (std::size_t i = 0; i < plus.size(); ++i) {
        drive[i] = c.a_plus * plus.data[i] - c.a_minus * minus.data[i];
        // What is below 0 by rounding alone is 0: see DevicePairs.
        const Real p = c.b_plus * plus.data[i], m = c.b_minus * minus.data[i];
        const Real rounding = 4 * std::numeric_limits<Real>::epsilon() * (std::abs(p) + std::abs(m));
        conductance[i] = p + m < 0 && p + m >= -rounding ? Real(0) : p + m;
    }
    const AffineSynapses<Real> synapses{{drive.data(), plus.rows, plus.cols},
                                        {conductance.data(), plus.rows, plus.cols},
                                        pairs.drive0,
                                        pairs.conductance0,
                                        pairs.loads};
    return detail::pack_affine(synapses, n_rows, Threads::all());
}

template <class Real>
detail::Layer<Real> layer_of(const std::string& name, const DevicePairs<Real>& pairs, std::size_t n_rows,
                             const Circuit& circuit, const Wiring& wiring, Phases phases) {
    const Span2<const Real> plus = pairs.plus;
    detail::check_ohmic(circuit, "device pairs");
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
    if (pairs.loads.data) {
        if (!pairs.injection.data && !injection.is_absent()) {
            detail::reject(name, ".injection must be given beside loads on a circuit with an injection");
        }
        return {loading_pairs(name, pairs, n_rows, circuit), std::move(neurons), wiring, std::move(injection)};
    }
    if (!circuit.load.is_absent()) detail::reject(name, ".loads must be given on a circuit with a load");
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
