#include "rcspike/schedule.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "check.h"
#include "workers.h"

namespace rcspike {
namespace {

using detail::for_each_task;
using detail::refuse;

/// Non-negative floats are ordered as their bit patterns are.
template <class Real>
using Key = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;

template <class Real>
struct Spike {
    Key<Real> key;
    std::uint32_t input;
};

/// Stable sort by time, byte by byte from the lowest; bytes in which all keys agree are passed over.
template <class Real>
void radix_sort(std::vector<Spike<Real>>& spikes, std::vector<Spike<Real>>& spare, std::size_t n) {
    constexpr std::size_t n_bytes = sizeof(Key<Real>);
    std::array<std::array<std::uint32_t, 256>, n_bytes> count{};
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t b = 0; b < n_bytes; ++b) ++count[b][(spikes[i].key >> (8 * b)) & 255];
    }
    for (std::size_t b = 0; b < n_bytes; ++b) {
        if (count[b][(spikes[0].key >> (8 * b)) & 255] == n) continue;
        std::uint32_t position = 0;
        for (std::uint32_t& c : count[b]) position += std::exchange(c, position);
        for (std::size_t i = 0; i < n; ++i) spare[count[b][(spikes[i].key >> (8 * b)) & 255]++] = spikes[i];
        spikes.swap(spare);
    }
}

/// Ties keep the order of the inputs, so that the same times always give the same schedule.
template <class Real>
void sort(std::vector<Spike<Real>>& spikes, std::vector<Spike<Real>>& spare, std::size_t n) {
    constexpr std::size_t radix_pays_above = 48;  // measured: 256 counters a byte cost as much as sorting 48 numbers
    if (n > radix_pays_above) return radix_sort<Real>(spikes, spare, n);
    std::sort(spikes.begin(), spikes.begin() + static_cast<std::ptrdiff_t>(n),
              [](const auto& a, const auto& b) { return a.key != b.key ? a.key < b.key : a.input < b.input; });
}

/// Samples per task: small enough to balance, large enough that a task outweighs its start.
constexpr std::size_t block = 16;

}  // namespace

template <class Real>
Schedule<Real>::Schedule(Span2<const Real> times, Threads threads) {
    assign(times, threads);
}

template <class Real>
void Schedule<Real>::assign(Span2<const Real> times, Threads threads) {
    if (times.cols > std::numeric_limits<std::uint32_t>::max()) refuse("too many inputs: ", times.cols);
    n_in_ = times.cols;
    first_.assign(times.rows + 1, 0);
    n_intervals_.assign(times.rows, 0);
    const std::size_t n_blocks = (times.rows + block - 1) / block;

    // NaN fails every comparison, so it is found among the times that are not "at least 0".
    for_each_task(n_blocks, threads, [&](std::size_t task, std::size_t) {
        for (std::size_t s = task * block; s < std::min(times.rows, (task + 1) * block); ++s) {
            const Real* row = times.row(s);
            std::size_t n_active = 0, n_good = 0;
            for (std::size_t j = 0; j < times.cols; ++j) {
                n_active += row[j] <= 1;
                n_good += row[j] >= 0;
            }
            first_[s + 1] = n_good == times.cols ? n_active : std::numeric_limits<std::size_t>::max();
        }
    });
    for (std::size_t s = 0; s < times.rows; ++s) {
        if (first_[s + 1] == std::numeric_limits<std::size_t>::max()) {
            const Real* row = times.row(s);
            std::size_t j = 0;
            while (row[j] >= 0) ++j;
            first_.clear();
            refuse("times[", s, ", ", j, "] is ", row[j],
                   "; spike times must be at least 0 (inf or above 1 for no spike)");
        }
        first_[s + 1] += first_[s];
    }
    inputs_.resize(first_.back());
    intervals_.resize(first_.back() + times.rows);

    struct Scratch {
        std::vector<Spike<Real>> spikes, spare;
    };
    std::vector<Scratch> scratch(static_cast<std::size_t>(threads.count));
    for (Scratch& s : scratch) {
        s.spikes.resize(times.cols);
        s.spare.resize(times.cols);
    }
    for_each_task(n_blocks, threads, [&](std::size_t task, std::size_t worker) {
        auto& [spikes, spare] = scratch[worker];
        for (std::size_t s = task * block; s < std::min(times.rows, (task + 1) * block); ++s) {
            const Real* row = times.row(s);
            std::size_t n = 0;
            for (std::size_t j = 0; j < times.cols; ++j) {
                const Real t = row[j] + Real(0);  // -0 becomes 0
                std::memcpy(&spikes[n].key, &t, sizeof t);
                spikes[n].input = static_cast<std::uint32_t>(j);
                n += t <= 1;  // no branch: which inputs spike cannot be predicted
            }
            if (n > 0) sort<Real>(spikes, spare, n);
            std::uint32_t* inputs = inputs_.data() + first_[s];
            Interval<Real>* interval = intervals_.data() + first_[s] + s - 1;
            for (std::size_t i = 0; i < n; ++i) {
                inputs[i] = spikes[i].input;
                if (i == 0 || spikes[i].key != spikes[i - 1].key) {
                    ++interval;
                    std::memcpy(&interval->start, &spikes[i].key, sizeof(Real));
                }
                interval->end = static_cast<std::uint32_t>(i + 1);
            }
            n_intervals_[s] = static_cast<std::uint32_t>(interval + 1 - (intervals_.data() + first_[s] + s));
            interval[1] = {Real(1), static_cast<std::uint32_t>(n)};
        }
    });
}

template class Schedule<float>;
template class Schedule<double>;

}  // namespace rcspike
