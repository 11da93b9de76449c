// The input spikes of a batch as the kernels of one layer take them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "events/wiring.h"
#include "kernels/kernels.h"
#include "memory/buffer.h"
#include "neurons/listening_window.h"
#include "rcspike/schedule.h"
#include "rcspike/threads.h"

namespace rcspike::detail {

/// The properties of the receiving layer that shape its events: which inputs drive which of its n_rows rows of
/// synapses, the coupling of the synapses, and when its neurons listen.
template <class Real>
struct EventTarget {
    const Wiring& wiring;
    std::size_t n_rows;
    const kernels::Coupling<Real>& coupling;
    Phases phases = Phases::two;
};

/// Throws std::invalid_argument unless a schedule is for the neurons of a layer.
void check_phases(Phases of_schedule, Phases of_neurons);

/// Events of each sample over the rows of its layer. Those of a convolution are events over the maps that it sees, from
/// which Patches (patches.h) makes those of each position when they are needed.
template <class Real>
class EventBatch {
public:
    /// For samples of at most max_intervals intervals; the earlier contents are lost.
    void resize(std::size_t batch, std::size_t max_intervals, const EventTarget<Real>& target);
    /// `spikes` must live as long as the events do, unless the wiring joins inputs.
    void set(std::size_t sample, const Spikes<Real>& spikes, const EventTarget<Real>& target);
    void set(const Schedule<Real>& schedule, const EventTarget<Real>& target, Threads threads);

    std::size_t size() const { return events_.size(); }
    const kernels::Events<Real>& operator[](std::size_t sample) const { return events_[sample]; }
    /// The input that causes each event of a sample.
    const std::uint32_t* inputs(std::size_t sample) const {
        return n_joined_ > 0 ? inputs_.data() + sample * n_joined_ : events_[sample].inputs;
    }

private:
    std::vector<kernels::Events<Real>> events_;
    Buffer<kernels::Step<Real>> steps_;
    std::size_t stride_ = 0;
    Buffer<std::uint32_t> rows_, inputs_;  // of events that are not those of the inputs themselves
    std::size_t n_joined_ = 0;
};

}  // namespace rcspike::detail
