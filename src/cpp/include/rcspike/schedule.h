// The sorted, tie-merged input spikes of a batch. Made once per layer input; serves charging, its
// backward pass and traces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rcspike/phases.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"

namespace rcspike {

/// A stretch of the charging phase in which no input changes: it begins when the inputs [end of the previous interval,
/// end) switch on together, and lasts until the next interval begins.
template <class Real>
struct Interval {
    Real start;         ///< in T
    std::uint32_t end;  ///< one past the last input that switches on at start
};

/// One sample's input spikes, sorted by time. intervals[n_intervals].start is the end of charging: 1 for two-phase
/// neurons, infinity for single-phase neurons.
template <class Real>
struct Spikes {
    const std::uint32_t* inputs;
    const Interval<Real>* intervals;
    std::size_t n_intervals;

    std::size_t n_spikes() const { return n_intervals == 0 ? 0 : intervals[n_intervals - 1].end; }
};

/// Input spikes of a batch. Inputs that never spike are left out: a time above 1 means no spike for two-phase neurons,
/// a time above `horizon` for single-phase neurons.
template <class Real>
class Schedule {
public:
    Schedule() = default;

    /// Sorts a batch of spike times (batch x n_in, in T). Throws std::invalid_argument on a negative or NaN time.
    explicit Schedule(Span2<const Real> times, Threads threads = Threads::all(), Phases phases = Phases::two);

    /// Some samples of another schedule, in this order. Throws std::invalid_argument if it does not have one of them.
    Schedule(const Schedule& of, Span1<const std::int64_t> samples);

    /// The first of these, reusing this object's memory.
    void assign(Span2<const Real> times, Threads threads = Threads::all(), Phases phases = Phases::two);

    std::size_t batch() const { return first_.empty() ? 0 : first_.size() - 1; }
    std::size_t n_in() const { return n_in_; }
    Phases phases() const { return phases_; }  ///< of the receiving neurons

    Spikes<Real> operator[](std::size_t sample) const {
        return {inputs_.data() + first_[sample], intervals_.data() + first_[sample] + sample, n_intervals_[sample]};
    }

private:
    std::size_t n_in_ = 0;
    Phases phases_ = Phases::two;
    std::vector<std::size_t> first_;  // offset of each sample's first input; one more entry than samples
    std::vector<std::uint32_t> n_intervals_;
    std::vector<std::uint32_t> inputs_;
    std::vector<Interval<Real>> intervals_;
};

}  // namespace rcspike
