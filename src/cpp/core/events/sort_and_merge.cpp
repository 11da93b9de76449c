#include "events/sort_and_merge.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace rcspike::detail {

/// Stable, byte by byte from the lowest; bytes in which all keys agree are skipped.
template <class Real>
void Sorter<Real>::radix_sort(std::size_t n) {
    constexpr std::size_t n_bytes = sizeof(Key);
    std::array<std::array<std::uint32_t, 256>, n_bytes> count{};
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t b = 0; b < n_bytes; ++b) ++count[b][(spikes_[i].key >> (8 * b)) & 255];
    }
    for (std::size_t b = 0; b < n_bytes; ++b) {
        if (count[b][(spikes_[0].key >> (8 * b)) & 255] == n) continue;
        std::uint32_t position = 0;
        for (std::uint32_t& c : count[b]) position += std::exchange(c, position);
        for (std::size_t i = 0; i < n; ++i) spare_[count[b][(spikes_[i].key >> (8 * b)) & 255]++] = spikes_[i];
        spikes_.swap(spare_);
    }
}

/// Into buckets up to the latest spike, in the order of their inputs, and then each to its place among its neighbours.
/// Gives up, leaving ties in order, on spikes that crowd into a few buckets without being ties.
template <class Real>
bool Sorter<Real>::bucket_sort(std::size_t n, Real latest) {
    std::size_t n_buckets = 256;
    while (n_buckets < n && n_buckets < 16384) n_buckets *= 2;
    position_.assign(n_buckets + 1, 0);  // the last one is for the latest time
    const auto bucket = [scale = static_cast<Real>(n_buckets) / latest](Key key) {
        Real t;
        std::memcpy(&t, &key, sizeof t);
        return static_cast<std::uint32_t>(static_cast<std::int32_t>(t * scale));
    };
    for (std::size_t i = 0; i < n; ++i) ++position_[bucket(spikes_[i].key)];
    std::uint32_t sum = 0;
    for (std::uint32_t& p : position_) sum += std::exchange(p, sum);
    for (std::size_t i = 0; i < n; ++i) spare_[position_[bucket(spikes_[i].key)]++] = spikes_[i];
    spikes_.swap(spare_);

    std::size_t steps_left = 8 * n;
    for (std::size_t i = 1; i < n; ++i) {
        const Spike spike = spikes_[i];
        std::size_t place = i;
        for (; place > 0 && spikes_[place - 1].key > spike.key; --place) spikes_[place] = spikes_[place - 1];
        spikes_[place] = spike;
        if (i - place > steps_left) return false;
        steps_left -= i - place;
    }
    return true;
}

/// The latest of n spikes, or 1 if all are earlier.
template <class Real>
Real Sorter<Real>::latest(std::size_t n) const {
    const Real one = 1;
    Key last;
    std::memcpy(&last, &one, sizeof last);
    for (std::size_t i = 0; i < n; ++i) last = std::max(last, spikes_[i].key);
    Real t;
    std::memcpy(&t, &last, sizeof t);
    return t;
}

template <class Real>
Spikes<Real> Sorter<Real>::operator()(Span1<const Real> times, const Window& window, std::size_t capacity,
                                      std::uint32_t* inputs, Interval<Real>* intervals) {
    const auto bound = static_cast<Real>(window.latest);
    spikes_.resize(times.size);
    spare_.resize(times.size);
    std::size_t n = 0;
    for (std::size_t j = 0; j < times.size; ++j) {
        const Real t = times[j] + Real(0);  // -0 becomes 0
        std::memcpy(&spikes_[n].key, &t, sizeof t);
        spikes_[n].input = static_cast<std::uint32_t>(j);
        n += (t >= 0) & (t <= bound);  // no branch: which inputs spike cannot be predicted
    }
    n = std::min(n, capacity);
    // Ties keep the order of the inputs, so that the same times always give the same events.
    if (n > 1 && !bucket_sort(n, bound > 1 ? latest(n) : bound)) radix_sort(n);
    std::size_t n_intervals = 0;
    for (std::size_t i = 0; i < n; ++i) {
        inputs[i] = spikes_[i].input;
        if (i == 0 || spikes_[i].key != spikes_[i - 1].key) {
            std::memcpy(&intervals[n_intervals++].start, &spikes_[i].key, sizeof(Real));
        }
        intervals[n_intervals - 1].end = static_cast<std::uint32_t>(i + 1);
    }
    intervals[n_intervals] = {static_cast<Real>(window.end), static_cast<std::uint32_t>(n)};
    return {inputs, intervals, n_intervals};
}

template class Sorter<float>;
template class Sorter<double>;

}  // namespace rcspike::detail
