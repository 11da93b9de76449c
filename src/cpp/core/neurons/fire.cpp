#include "rcspike/fire.h"

#include "common/check.h"
#include "neurons/fire.h"
#include "neurons/readout.h"

namespace rcspike {
namespace {

template <class Real>
void check(Span2<const Real> v, const Circuit& circuit) {
    validate(circuit);
    for (std::size_t i = 0; i < v.size(); ++i) {
        if (v.data[i] != v.data[i])
            detail::reject("v[", i / v.cols, ", ", i % v.cols, "] is nan; voltages must be numbers");
    }
}

/// Writes f(x) for every number x.
template <class Real, class Function>
void map(const char* name, Span2<const Real> from, const Circuit& circuit, Span2<Real> to, const Function& f) {
    validate(circuit);
    detail::check_finite(name, from);
    detail::check_shape("result", to, from.rows, from.cols);
    for (std::size_t i = 0; i < from.size(); ++i) to.data[i] = f(from.data[i]);
}

}  // namespace

template <class Real>
void fire(Span2<const Real> v, const Circuit& circuit, Span2<Real> times) {
    check(v, circuit);
    detail::check_shape("times", times, v.rows, v.cols);
    const detail::Ramp ramp(circuit);
    ramp.times(v.data, v.size(), times.data);
}

template <class Real>
void fire_vjp(Span2<const Real> v, const Circuit& circuit, Span2<const Real> grad_times, Span2<Real> grad_v) {
    check(v, circuit);
    detail::check_shape("grad_times", grad_times, v.rows, v.cols);
    detail::check_finite("grad_times", grad_times);
    detail::check_shape("grad_v", grad_v, v.rows, v.cols);
    const detail::Ramp ramp(circuit);
    ramp.vjp(v.data, grad_times.data, v.size(), grad_v.data);
}

template <class Real>
void readout_times(Span2<const Real> v, const Circuit& circuit, Span2<Real> times) {
    const detail::Readout readout{detail::Ramp(circuit)};
    map("v", v, circuit, times, [&](Real x) { return 1 - static_cast<Real>(readout.position(x)); });
}

template <class Real>
void readout_voltages(Span2<const Real> times, const Circuit& circuit, Span2<Real> v) {
    const detail::Readout readout{detail::Ramp(circuit)};
    map("times", times, circuit, v, [&](Real t) { return static_cast<Real>(readout.voltage(1 - t)); });
}

#define RCSPIKE_INSTANTIATE(Real)                                                              \
    template void fire(Span2<const Real>, const Circuit&, Span2<Real>);                        \
    template void fire_vjp(Span2<const Real>, const Circuit&, Span2<const Real>, Span2<Real>); \
    template void readout_times(Span2<const Real>, const Circuit&, Span2<Real>);               \
    template void readout_voltages(Span2<const Real>, const Circuit&, Span2<Real>);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
