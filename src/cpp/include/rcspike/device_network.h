// Networks as a programmed chip has them: each synapse is a pair of devices, each neuron has a threshold of its own.
#pragma once

#include <cstddef>
#include <vector>

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

/// Synapses of one layer. A device of conductance g on the rail E is given as the weight |E| g that it would be alone:
/// D = plus (1 - V_D/E+) - minus (1 - V_D/|E-|) and G = plus/E+ + minus/|E-|. Any D and G >= 0 are such a pair, if need
/// be with one of the two below 0.
template <class Real>
struct DevicePairs {
    Span2<const Real> plus;          ///< on the positive rail, n_in x n_out, in V_th / T
    Span2<const Real> minus;         ///< on the negative rail, n_in x n_out, in V_th / T
    Span1<const Real> drive0;        ///< D0, n_out, in V_th / T: always on; optional
    Span1<const Real> conductance0;  ///< G0 >= 0, n_out, in 1 / T: always on; optional
    Span1<const Real> offset;        ///< of each neuron's threshold from 1, n_out, in V_th; optional
    /// What the switches of each pair add as they open, n_in x n_out, in V_th, in place of the circuit's injection for
    /// each device above 0; optional.
    Span2<const Real> injection{};
};

/// A neuron whose threshold is off by `offset` fires as one of voltage v - offset, which is exact on the ideal ramp; so
/// are the last layer's voltages read. Pairs max(w, 0) and max(-w, 0) without offsets have the bits of Network.
template <class Real>
class DeviceNetwork {
public:
    /// Throws std::invalid_argument if a shape does not fit or does not continue the previous layer, a number is not
    /// finite, a conductance is negative or the circuit is not physical. `wiring` as for Network.
    DeviceNetwork(const std::vector<DevicePairs<Real>>& layers, const Circuit& circuit,
                  const std::vector<Wiring>& wiring = {});
    /// `circuits` as for Network.
    DeviceNetwork(const std::vector<DevicePairs<Real>>& layers, const std::vector<Wiring>& wiring,
                  const std::vector<Circuit>& circuits);
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
