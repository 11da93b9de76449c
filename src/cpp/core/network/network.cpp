#include "rcspike/network.h"

#include <string>

#include "common/check.h"
#include "network/inference.h"

namespace rcspike {

template <class Real>
Network<Real>::Network(const std::vector<Span2<const Real>>& weights, const Circuit& circuit,
                       const std::vector<Wiring>& wiring, Phases phases)
    : Network(weights, wiring, std::vector<Circuit>(weights.size(), circuit), phases) {}

template <class Real>
Network<Real>::Network(const std::vector<Span2<const Real>>& weights, const std::vector<Wiring>& wiring,
                       const std::vector<Circuit>& circuits, Phases phases)
    : circuits_(circuits) {
    if (weights.empty()) detail::reject("a network needs at least one layer");
    detail::check_circuits(circuits, weights.size());
    for (std::size_t l = 0; l < weights.size(); ++l) {
        const std::string name = "weights[" + std::to_string(l) + "]";
        const Span2<const Real> w = weights[l];
        if (w.rows == 0 || w.cols == 0) detail::reject(name, " is empty, got shape (", w.rows, ", ", w.cols, ")");
        const Wiring own = detail::wiring_of(wiring, weights.size(), l);
        const std::size_t n_rows = l == 0 ? w.rows : detail::rows_of(own, layers_.back().n_out());
        layers_.push_back(detail::layer_of_weights(name.c_str(), w, n_rows, circuits[l], Threads::all(), own, phases));
    }
}

template <class Real>
Network<Real>::Network(Network&&) noexcept = default;
template <class Real>
Network<Real>& Network<Real>::operator=(Network&&) noexcept = default;
template <class Real>
Network<Real>::~Network() = default;

template <class Real>
std::size_t Network<Real>::n_layers() const {
    return layers_.size();
}

template <class Real>
std::size_t Network<Real>::n_in(std::size_t layer) const {
    return layers_.at(layer).n_in();
}

template <class Real>
std::size_t Network<Real>::n_rows(std::size_t layer) const {
    return layers_.at(layer).n_rows();
}

template <class Real>
std::size_t Network<Real>::n_columns(std::size_t layer) const {
    return layers_.at(layer).n_columns();
}

template <class Real>
std::size_t Network<Real>::n_out(std::size_t layer) const {
    return layers_.at(layer).n_out();
}

template <class Real>
Phases Network<Real>::phases() const {
    return layers_.front().phases();
}

template <class Real>
void Network<Real>::weights(std::size_t layer, Span2<Real> to) const {
    detail::check_shape("weights", to, n_rows(layer), n_columns(layer));
    detail::weights_of(layers_[layer], "weights").unpack(to, Threads::all());
}

template <class Real>
void Network<Real>::forward(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                            Threads threads) const {
    detail::infer(layers_, schedule, noise, v, threads);
}

template <class Real>
void Network<Real>::forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                            Threads threads) const {
    detail::infer(layers_, times, noise, v, threads);
}

template <class Real>
std::vector<detail::Layer<Real>>& detail::layers_of(Network<Real>& network) {
    return network.layers_;
}

#define RCSPIKE_INSTANTIATE(Real) \
    template class Network<Real>; \
    template std::vector<detail::Layer<Real>>& detail::layers_of(Network<Real>&);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
