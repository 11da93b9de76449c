// One layer of synapses, packed once and then charged, differentiated and given new synapses as often as needed.
#pragma once

#include <cstddef>
#include <memory>

#include "rcspike/charge.h"
#include "rcspike/circuit.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"
#include "rcspike/wiring.h"

namespace rcspike {

namespace detail {
template <class Real>
class Layer;
}

/// Synapses in the engine's memory layout. The free functions of charge.h and energy.h pack a layer, call the member of
/// the same name and forget it. Calls on one layer may run at the same time unless one of them sets its synapses.
template <class Real>
class Layer {
public:
    /// Resistive synapses of signed weights, n_rows x n_columns, in V_th / T. Errors as in charge.
    Layer(Span2<const Real> weights, const Circuit& circuit, const Wiring& wiring = Dense{},
          Threads threads = Threads::all());
    /// Affine synapses.
    explicit Layer(const AffineSynapses<Real>& synapses, Threads threads = Threads::all());
    Layer(Layer&&) noexcept;
    Layer& operator=(Layer&&) noexcept;
    ~Layer();

    std::size_t n_in() const;
    std::size_t n_rows() const;     ///< of synapses: equals n_in if the wiring is dense
    std::size_t n_columns() const;  ///< of synapses: equals n_out unless the wiring is a convolution
    std::size_t n_out() const;

    /// Replaces the synapses. Throws std::invalid_argument, and changes nothing, if kind or shape differ.
    void set(Span2<const Real> weights, Threads threads = Threads::all());
    void set(const AffineSynapses<Real>& synapses, Threads threads = Threads::all());

    /// As rcspike::charge.
    void charge(const Schedule<Real>& schedule, Span2<Real> v, Threads threads = Threads::all()) const;

    /// As rcspike::charge_vjp. Throws std::invalid_argument if the gradient is for another kind of synapses.
    void charge_vjp(const Schedule<Real>& schedule, Span2<const Real> grad_v, Span2<Real> grad_times,
                    Span2<Real> grad_weights, Threads threads = Threads::all()) const;
    void charge_vjp(const Schedule<Real>& schedule, Span2<const Real> grad_v, Span2<Real> grad_times,
                    const AffineGradient<Real>& gradient, Threads threads = Threads::all()) const;

private:
    Circuit circuit_;  // of resistive synapses
    std::unique_ptr<detail::Layer<Real>> packed_;
};

}  // namespace rcspike
