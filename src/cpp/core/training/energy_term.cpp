#include "training/energy_term.h"

#include <algorithm>
#include <cmath>

namespace rcspike::detail {
namespace {

/// Energy of a unit charge from a rail: its voltage, and for current sources that of a supply that just reaches the
/// threshold.
double supply_voltage(double rail) { return std::isinf(rail) ? std::copysign(1.0, rail) : rail; }

}  // namespace

template <class Real>
EnergyTerm<Real>::EnergyTerm(double penalty, const Circuit& circuit)
    : penalty_(penalty), v_plus_(supply_voltage(circuit.e_plus)), v_minus_(supply_voltage(circuit.e_minus)) {}

template <class Real>
Supply<Real> EnergyTerm<Real>::supply(std::size_t batch, std::size_t n_out) {
    if (penalty_ == 0) return {};
    const std::size_t size = batch * n_out;
    charges_.resize(4 * size);
    Real* const data = charges_.data();
    const double price = penalty_ / static_cast<double>(batch);
    std::fill_n(data, size, static_cast<Real>(price * v_plus_));
    std::fill_n(data + size, size, static_cast<Real>(price * v_minus_));
    const auto part = [&](std::size_t i) { return Span2<Real>{data + i * size, batch, n_out}; };
    return {part(0), part(1), part(2), part(3)};
}

template <class Real>
double EnergyTerm<Real>::value(const Supply<Real>& supply) const {
    double plus = 0, minus = 0;
    for (std::size_t i = 0; i < supply.plus.size(); ++i) {
        plus += static_cast<double>(supply.plus.data[i]);
        minus += static_cast<double>(supply.minus.data[i]);
    }
    return penalty_ * (v_plus_ * plus + v_minus_ * minus);
}

template class EnergyTerm<float>;
template class EnergyTerm<double>;

}  // namespace rcspike::detail
