// Where the input spikes of a network come from: their schedule, or spike times that are sorted on the way.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/check.h"
#include "events/check_times.h"
#include "network/activity.h"

namespace rcspike::detail {

/// Each source has the samples of a batch: resize(samples, first, threads) makes room for them in the run of the first
/// layer, set(sample, i, first, sort) writes the events of one as number i, and check() throws
/// std::invalid_argument if one of those that were set was not valid. Different samples may be set at the same time.
template <class Real>
class FromSchedule {
public:
    /// All samples, or those that are `chosen` if that is not null. Throws std::invalid_argument if the schedule is for
    /// another number of inputs or for other neurons.
    FromSchedule(const Schedule<Real>& schedule, const Layer<Real>& layer, const std::int64_t* chosen = nullptr)
        : schedule_(schedule), target_(layer.event_target()), chosen_(chosen) {
        check_phases(schedule.phases(), layer.phases());
        if (schedule.n_in() != layer.n_in()) {
            reject("times must have shape (batch, ", layer.n_in(), "), got (", schedule.batch(), ", ", schedule.n_in(),
                   ")");
        }
    }

    void resize(Range samples, LayerRun<Real>& first, Threads) const {
        std::size_t max_intervals = 0;
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            max_intervals = std::max(max_intervals, spikes(s).n_intervals);
        }
        first.events.resize(samples.last - samples.first, max_intervals, target_);
    }
    void set(std::size_t sample, std::size_t i, LayerRun<Real>& first, Sorting<Real>&) const {
        first.events.set(i, spikes(sample), target_);
    }
    void check() const {}

private:
    Spikes<Real> spikes(std::size_t s) const { return schedule_[chosen_ ? static_cast<std::size_t>(chosen_[s]) : s]; }

    const Schedule<Real>& schedule_;
    EventTarget<Real> target_;
    const std::int64_t* chosen_;
};

template <class Real>
class FromTimes {
public:
    /// Spike times, batch x n_in. Throws std::invalid_argument if they are for another number of inputs.
    FromTimes(Span2<const Real> times, const Layer<Real>& layer)
        : times_(times),
          target_(layer.event_target()),
          window_(window_of(layer.phases())),
          invalid_sample_(times.rows) {
        if (times.cols != layer.n_in()) {
            reject("times must have shape (batch, ", layer.n_in(), "), got (", times.rows, ", ", times.cols, ")");
        }
    }

    void resize(Range samples, LayerRun<Real>& first, Threads threads) const {
        const std::size_t n = samples.last - samples.first;
        std::vector<std::size_t> counts(n);
        for_each_block(n, threads, [&](Range part, std::size_t) {
            for (std::size_t i = part.first; i < part.last; ++i) {
                counts[i] = count_spikes<Real>(row(samples.first + i), window_);
                if (counts[i] == invalid_times) invalid_sample_ = samples.first + i;
            }
        });
        first.n_inputs = n == 0 ? 0 : std::min(*std::max_element(counts.begin(), counts.end()), times_.cols);
        first.inputs.resize(n * first.n_inputs);
        first.events.resize(n, first.n_inputs, target_);
    }
    void set(std::size_t sample, std::size_t i, LayerRun<Real>& first, Sorting<Real>& sort) const {
        std::uint32_t* const inputs = first.inputs.data() + i * first.n_inputs;
        first.events.set(i, sort(row(sample), window_, first.n_inputs, inputs), target_);
    }
    void check() const {
        if (invalid_sample_ != times_.rows) reject_times(times_, window_, invalid_sample_);
    }

private:
    Span1<const Real> row(std::size_t sample) const { return {times_.row(sample), times_.cols}; }

    Span2<const Real> times_;
    EventTarget<Real> target_;
    Window window_;
    // Any one of the samples with an invalid time; the number of samples if there is none. It is found in the pass over
    // the times that counts spikes anyway, and reported once all threads have come back.
    mutable std::atomic<std::size_t> invalid_sample_;
};

}  // namespace rcspike::detail
