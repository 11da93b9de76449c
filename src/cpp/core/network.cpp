#include "rcspike/network.h"

#include "activity.h"
#include "check.h"

namespace rcspike {

template <class Real>
Network<Real>::Network(const std::vector<Span2<const Real>>& weights, const Circuit& circuit) : circuit_(circuit) {
    validate(circuit);
    if (weights.empty()) detail::refuse("a network needs at least one layer");
    layers_.resize(weights.size());
    for (std::size_t l = 0; l < weights.size(); ++l) {
        const std::string name = "weights[" + std::to_string(l) + "]";
        const Span2<const Real> w = weights[l];
        if (w.rows == 0 || w.cols == 0) detail::refuse(name, " is empty, got shape (", w.rows, ", ", w.cols, ")");
        layers_[l] = detail::resistive_layer(name.c_str(), w, l == 0 ? w.rows : weights[l - 1].cols, circuit);
    }
}

template <class Real>
Network<Real>::Network(Network&&) noexcept = default;
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
std::size_t Network<Real>::n_out(std::size_t layer) const {
    return layers_.at(layer).n_out();
}

template <class Real>
void Network<Real>::weights(std::size_t layer, Span2<Real> to) const {
    detail::check_shape("weights", to, n_in(layer), n_out(layer));
    layers_[layer].drive.unpack(to);
}

template <class Real>
void Network<Real>::forward(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                            Threads threads) const {
    if (schedule.n_in() != n_in()) {
        detail::refuse("times must have shape (batch, ", n_in(), "), got (", schedule.batch(), ", ", schedule.n_in(),
                       ")");
    }
    detail::check_shape("v", v, schedule.batch(), layers_.back().n_out());
    detail::check_noise(layers_, noise, schedule.batch());
    detail::Activity<Real> activity;
    activity.trains = {detail::trains(schedule)};
    detail::run(layers_, circuit_, noise, activity, threads);
    std::copy_n(activity.v.back().data(), v.size(), v.data);
}

template class Network<float>;
template class Network<double>;

}  // namespace rcspike
