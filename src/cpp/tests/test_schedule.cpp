// Sorting and merging of spike times.
#include <algorithm>
#include <numeric>

#include "check.h"
#include "fixture.h"
#include "rcspike/schedule.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

template <class Real>
std::vector<std::uint32_t> inputs(const Spikes<Real>& train) {
    return {train.inputs, train.inputs + train.n_spikes()};
}

template <class Real>
std::vector<Real> starts(const Spikes<Real>& train) {
    std::vector<Real> all;
    for (std::size_t k = 0; k < train.n_intervals; ++k) all.push_back(train.intervals[k].start);
    return all;
}

/// One row against the standard library's stable sort.
template <class Real>
void check_train(const Spikes<Real>& train, const Real* times, std::size_t n_in) {
    std::vector<std::uint32_t> order(n_in);
    std::iota(order.begin(), order.end(), 0u);
    order.erase(std::remove_if(order.begin(), order.end(), [&](auto j) { return times[j] > 1; }), order.end());
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return times[a] < times[b]; });
    CHECK(inputs(train) == order);
    std::uint32_t begin = 0;
    for (std::size_t k = 0; k < train.n_intervals; ++k) {
        const Interval<Real> interval = train.intervals[k];
        CHECK(interval.end > begin && interval.end <= order.size());
        for (; begin < interval.end && begin < order.size(); ++begin) CHECK_EQUAL(times[order[begin]], interval.start);
        CHECK(k == 0 || interval.start > train.intervals[k - 1].start);
    }
    CHECK_EQUAL(train.intervals[train.n_intervals].start, Real(1));
}

}  // namespace

TEST_EACH_REAL(inputs_are_in_the_order_of_their_spikes_and_ties_share_an_interval) {
    struct Sample {
        std::vector<Real> times;
        std::vector<std::uint32_t> inputs;
        std::vector<Real> starts;
    };
    const Real never = Real(inf), late = std::nextafter(Real(1), Real(2)), t = Real(0.25);
    const Real next = std::nextafter(t, Real(1)), denormal = std::numeric_limits<Real>::denorm_min();
    const Sample samples[] = {
        {{Real(0.5), t, Real(0.5), 0, t, Real(0.5)}, {3, 1, 4, 0, 2, 5}, {0, t, Real(0.5)}},
        {{next, t, next}, {1, 0, 2}, {t, next}},  // neighbouring numbers are not tied
        {{never, late, t, 7}, {2}, {t}},
        {{never, late, 7, 2}, {}, {}},
        {{1, t}, {1, 0}, {t, 1}},  // a spike at the end of the phase is kept
        {{0, Real(-0.0), 0}, {0, 1, 2}, {0}},
        {{denormal, 0, t}, {0, 1, 2}, {0, t}},  // a time too small to be normal is 0
    };
    for (const Sample& sample : samples) {
        const Schedule<Real> schedule(Matrix<Real>(1, sample.times.size(), sample.times));
        const Spikes<Real> train = schedule[0];
        CHECK(inputs(train) == sample.inputs);
        CHECK(starts(train) == sample.starts);
        CHECK(!std::signbit(train.intervals[0].start));
        CHECK_EQUAL(train.intervals[train.n_intervals].start, Real(1));
        CHECK(train.n_intervals == 0 || train.intervals[train.n_intervals - 1].end == train.n_spikes());
    }
}

TEST_EACH_REAL(a_bad_time_is_rejected_by_its_place_and_value) {
    const auto with = [](std::size_t i, std::size_t j, double value) {
        Matrix<Real> times = uniform<Real>(40, 60, 0, 1.5, 1);
        times(39, 59) = -7;  // the first one counts
        times(i, j) = static_cast<Real>(value);
        return times;
    };
    const auto make = [](const Matrix<Real>& times) { return Schedule<Real>(times, Threads::exactly(2)); };
    CHECK_THROWS(make(with(0, 0, not_a_number)), std::invalid_argument,
                 "times[0, 0] is nan; spike times must be at least 0");
    CHECK_THROWS(make(with(33, 2, -0.5)), std::invalid_argument, "times[33, 2] is -0.5; ");
    CHECK_THROWS(make(with(17, 59, -inf)), std::invalid_argument, "times[17, 59] is -inf; ");
    CHECK_THROWS(make(with(1, 1, -double(std::numeric_limits<Real>::min()))), std::invalid_argument,
                 "times[1, 1] is -");
    CHECK_THROWS(make(with(3, 3, 0.5)), std::invalid_argument, "times[39, 59] is -7; ");
}

TEST_EACH_REAL(the_order_is_that_of_a_stable_sort) {
    for (const std::size_t n_in : {0, 1, 2, 3, 40, 200, 1000}) {
        for (const std::size_t batch : {1, 16, 37}) {
            for (const std::size_t levels : {1, 20, 1 << 20}) {
                Matrix<Real> times = tied_times<Real>(batch, n_in, levels, n_in + batch);
                if (n_in > 2) times(0, n_in / 2) = std::numeric_limits<Real>::min();
                for (const int threads : {1, 3}) {
                    const Schedule<Real> schedule(times, Threads::exactly(threads));
                    CHECK_EQUAL(schedule.batch(), batch);
                    CHECK_EQUAL(schedule.n_in(), n_in);
                    for (std::size_t s = 0; s < batch; ++s) check_train(schedule[s], times.row(s), n_in);
                }
            }
        }
    }
}

// In reverse, and all in one of the buckets that spikes are sorted into: these take the slower path.
TEST_EACH_REAL(spikes_may_crowd_together_in_any_order) {
    for (const std::size_t n_in : {20, 300, 3000}) {
        Matrix<Real> times(3, n_in);
        for (std::size_t j = 0; j < n_in; ++j) {
            const auto late = static_cast<Real>(n_in - j) / 1024 / 4096;
            times(0, j) = Real(0.3) + late;
            times(1, j) = j % 3 == 0 ? Real(1) : Real(1) - late;
            times(2, j) = j % 2 == 0 ? Real(0.25) : Real(0.25) + late;
        }
        const Schedule<Real> schedule(times);
        for (std::size_t s = 0; s < times.rows; ++s) check_train(schedule[s], times.row(s), n_in);
    }
}

TEST_EACH_REAL(many_late_times_of_a_single_phase_are_sorted) {
    // Crowded next to 0 on the scale of the latest one, so that the buckets give up.
    Matrix<Real> times = uniform<Real>(1, 3000, 0, 1, 10);
    times.values[17] = Real(1e9);
    const Schedule<Real> schedule(times, Threads::all(), Phases::single);
    const Spikes<Real> spikes = schedule[0];
    CHECK_EQUAL(spikes.n_spikes(), std::size_t{3000});
    for (std::size_t i = 1; i < 3000; ++i) {
        CHECK(times.values[spikes.inputs[i - 1]] <= times.values[spikes.inputs[i]]);
    }
    CHECK_EQUAL(spikes.intervals[spikes.n_intervals].start, Real(inf));
}

TEST_EACH_REAL(a_schedule_can_be_assigned_again) {
    Schedule<Real> schedule;
    CHECK_EQUAL(schedule.batch(), 0u);
    schedule.assign(uniform<Real>(30, 80, 0, 1, 1));
    const Matrix<Real> times = tied_times<Real>(5, 90, 16, 2);
    schedule.assign(times);
    CHECK_EQUAL(schedule.batch(), 5u);
    for (std::size_t s = 0; s < times.rows; ++s) check_train(schedule[s], times.row(s), times.cols);

    CHECK_THROWS(schedule.assign(Matrix<Real>(1, 1, {-1})), std::invalid_argument, "times[0, 0] is -1");
    CHECK_EQUAL(schedule.batch(), 0u);  // rather than half of a batch
    schedule.assign(times);
    check_train(schedule[4], times.row(4), times.cols);
    schedule.assign(Matrix<Real>(0, 90));
    CHECK_EQUAL(schedule.batch(), 0u);
    CHECK_EQUAL(schedule.n_in(), 90u);
}
