// Networks as they are on a programmed chip: each synapse is a pair of devices, and each neuron has its own threshold.
#pragma once

#include <cstddef>
#include <vector>

#include "rcspike/circuit.h"
#include "rcspike/phases.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"
#include "rcspike/wiring.h"

namespace rcspike {

namespace detail {
template <class Real>
class Layer;
}

/// Synapses of one layer. A device with conductance g on the rail E is given as |E| g, the weight that it would be
/// without its partner: D = plus (1 - V_D/E+) - minus (1 - V_D/|E-|) and G = plus/E+ + minus/|E-|. Any D and G >= 0 can
/// be written as such a pair; one of its two values may then be negative.
template <class Real>
struct DevicePairs {
    Span2<const Real> plus;          ///< on the positive rail, n_in x n_out, in V_th / T
    Span2<const Real> minus;         ///< on the negative rail, n_in x n_out, in V_th / T
    Span1<const Real> drive0;        ///< D0, n_out, in V_th / T: always on; optional
    Span1<const Real> conductance0;  ///< G0 >= 0, n_out, in 1 / T: always on; optional
    Span1<const Real> offset;        ///< each neuron's threshold minus 1, n_out, in V_th; optional
    /// What the switches of each pair add to v(1) as they open, n_in x n_out, in V_th; optional. Replaces the circuit's
    /// injection, which counts once for each device above 0.
    Span2<const Real> injection{};
    /// How the devices of each pair load the membrane, as in AffineSynapses, 5 n_in x n_out. It must be given where the
    /// circuit has a load, whose numbers alone do not say which bodies such devices have.
    Span2<const Real> loads{};
};

/// A neuron whose threshold is off by `offset` fires as if its voltage were v - offset, which is exact on the ideal
/// ramp; the voltages of the last layer are read in the same way. The pairs max(w, 0) and max(-w, 0) without offsets
/// give the same bits as Network.
template <class Real>
class DeviceNetwork {
public:
    /// Throws std::invalid_argument if a shape does not fit or does not continue the previous layer, a number is not
    /// finite, a conductance is negative or the circuit is not physical. `wiring` as for Network.
    DeviceNetwork(const std::vector<DevicePairs<Real>>& layers, const Circuit& circuit,
                  const std::vector<Wiring>& wiring = {}, Phases phases = Phases::two);
    /// `circuits` as for Network.
    DeviceNetwork(const std::vector<DevicePairs<Real>>& layers, const std::vector<Wiring>& wiring,
                  const std::vector<Circuit>& circuits, Phases phases = Phases::two);
    DeviceNetwork(DeviceNetwork&&) noexcept;
    DeviceNetwork& operator=(DeviceNetwork&&) noexcept;
    ~DeviceNetwork();

    std::size_t n_layers() const;
    std::size_t n_in(std::size_t layer = 0) const;
    std::size_t n_out(std::size_t layer) const;

    /// As Network::forward.
    void forward(const Schedule<Real>& schedule, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                 Threads threads = Threads::all()) const;
    void forward(Span2<const Real> times, const std::vector<Span2<const Real>>& noise, Span2<Real> v,
                 Threads threads = Threads::all()) const;

private:
    std::vector<detail::Layer<Real>> layers_;
};

}  // namespace rcspike
