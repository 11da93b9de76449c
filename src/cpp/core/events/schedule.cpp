#include "rcspike/schedule.h"

#include <algorithm>
#include <limits>

#include "common/check.h"
#include "events/check_times.h"
#include "events/sort_and_merge.h"
#include "parallel/workers.h"

namespace rcspike {
namespace {

/// Samples per task: small enough to balance, large enough that a task outweighs its start.
constexpr std::size_t block = 16;

}  // namespace

template <class Real>
Schedule<Real>::Schedule(Span2<const Real> times, Threads threads, Phases phases) {
    assign(times, threads, phases);
}

template <class Real>
Schedule<Real>::Schedule(const Schedule& of, Span1<const std::int64_t> samples) : n_in_(of.n_in_), phases_(of.phases_) {
    first_.assign(samples.size + 1, 0);
    n_intervals_.resize(samples.size);
    for (std::size_t i = 0; i < samples.size; ++i) {
        const std::int64_t s = samples.data[i];
        if (s < 0 || s >= static_cast<std::int64_t>(of.batch())) {
            detail::reject("sample ", s, " does not exist: the schedule has ", of.batch());
        }
        const Spikes<Real> spikes = of[static_cast<std::size_t>(s)];
        first_[i + 1] = first_[i] + spikes.n_spikes();
        n_intervals_[i] = static_cast<std::uint32_t>(spikes.n_intervals);
    }
    inputs_.reserve(first_.back());
    intervals_.reserve(first_.back() + samples.size);
    for (std::size_t i = 0; i < samples.size; ++i) {
        const Spikes<Real> spikes = of[static_cast<std::size_t>(samples.data[i])];
        inputs_.insert(inputs_.end(), spikes.inputs, spikes.inputs + spikes.n_spikes());
        intervals_.insert(intervals_.end(), spikes.intervals, spikes.intervals + spikes.n_intervals + 1);
        intervals_.resize(first_[i + 1] + i + 1);
    }
}

template <class Real>
void Schedule<Real>::assign(Span2<const Real> times, Threads threads, Phases phases) {
    if (times.cols > std::numeric_limits<std::uint32_t>::max()) detail::reject("too many inputs: ", times.cols);
    n_in_ = times.cols;
    phases_ = phases;
    const detail::Window window = detail::window_of(phases);
    first_.assign(times.rows + 1, 0);
    n_intervals_.assign(times.rows, 0);
    const std::size_t n_blocks = (times.rows + block - 1) / block;
    const auto row = [&](std::size_t s) { return Span1<const Real>{times.row(s), times.cols}; };

    detail::for_each_task(n_blocks, threads, [&](std::size_t task, std::size_t) {
        for (std::size_t s = task * block; s < std::min(times.rows, (task + 1) * block); ++s) {
            first_[s + 1] = detail::count_spikes<Real>(row(s), window);
        }
    });
    for (std::size_t s = 0; s < times.rows; ++s) {
        if (first_[s + 1] == detail::invalid_times) {
            first_.clear();
            detail::reject_times(times, window, s);
        }
        first_[s + 1] += first_[s];
    }
    inputs_.resize(first_.back());
    intervals_.resize(first_.back() + times.rows);

    // A sorter writes no more than there are spikes, so the samples can lie one behind the other.
    std::vector<detail::Sorter<Real>> sorters(detail::worker_count(threads));
    detail::for_each_task(n_blocks, threads, [&](std::size_t task, std::size_t worker) {
        for (std::size_t s = task * block; s < std::min(times.rows, (task + 1) * block); ++s) {
            const Spikes<Real> spikes = sorters[worker](row(s), window, first_[s + 1] - first_[s],
                                                        inputs_.data() + first_[s], intervals_.data() + first_[s] + s);
            n_intervals_[s] = static_cast<std::uint32_t>(spikes.n_intervals);
        }
    });
}

template class Schedule<float>;
template class Schedule<double>;

}  // namespace rcspike
