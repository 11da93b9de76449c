#include "events/event_batch.h"

#include <algorithm>
#include <variant>

#include "common/check.h"
#include "parallel/split.h"
#include "parallel/workers.h"

namespace rcspike::detail {

void check_phases(Phases of_schedule, Phases of_neurons) {
    if (of_schedule == of_neurons) return;
    reject("the schedule is for neurons of phases '", name_of(of_schedule), "', the layer has phases '",
           name_of(of_neurons), "'");
}

template <class Real>
void EventBatch<Real>::resize(std::size_t batch, std::size_t max_intervals, const EventTarget<Real>& target) {
    events_.resize(batch);
    stride_ = max_intervals + 1;
    steps_.resize(batch * stride_);
    n_joined_ = joined_rows(target.wiring, target.n_rows);
    rows_.resize(batch * n_joined_);
    inputs_.resize(batch * n_joined_);
}

template <class Real>
void EventBatch<Real>::set(std::size_t sample, const Spikes<Real>& spikes, const EventTarget<Real>& target) {
    Spikes<Real> on_rows = spikes;
    if (n_joined_ > 0) {
        thread_local std::vector<Interval<Real>> intervals;
        intervals.resize(n_joined_ + 1);
        on_rows = first_spikes(target.wiring, spikes, n_joined_, rows_.data() + sample * n_joined_,
                               inputs_.data() + sample * n_joined_, intervals.data());
    }
    kernels::Step<Real>* steps = steps_.data() + sample * stride_;
    Real start = 0;
    std::uint32_t end = 0;
    for (std::size_t k = 0; k < on_rows.n_intervals; ++k) {
        const Interval<Real>& next = on_rows.intervals[k];
        steps[k] = kernels::make_step(target.coupling, start, next.start - start, end);
        start = next.start;
        end = next.end;
    }
    const Real length = window_of(target.phases).last_step(start);
    steps[on_rows.n_intervals] = kernels::make_step(target.coupling, start, length, end);
    events_[sample] = {on_rows.inputs, steps, on_rows.n_intervals + 1};
}

template <class Real>
void EventBatch<Real>::set(const Schedule<Real>& schedule, const EventTarget<Real>& target, Threads threads) {
    check_phases(schedule.phases(), target.phases);
    std::size_t max_intervals = 0;
    for (std::size_t s = 0; s < schedule.batch(); ++s) max_intervals = std::max(max_intervals, schedule[s].n_intervals);
    resize(schedule.batch(), max_intervals, target);
    for_each_task(divide_up(size(), samples_per_task), threads, [&](std::size_t task, std::size_t) {
        for (std::size_t s = task * samples_per_task; s < std::min(size(), (task + 1) * samples_per_task); ++s) {
            set(s, schedule[s], target);
        }
    });
}

template class EventBatch<float>;
template class EventBatch<double>;

}  // namespace rcspike::detail
