#include "sorter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "check.h"

namespace rcspike::detail {

/// Stable, byte by byte from the lowest; bytes in which all keys agree are passed over.
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

/// Ties keep the order of the inputs, so that the same times always give the same schedule.
template <class Real>
void Sorter<Real>::sort(std::size_t n) {
    constexpr std::size_t radix_pays_above = 48;  // measured: 256 counters a byte cost as much as sorting 48 numbers
    if (n > radix_pays_above) return radix_sort(n);
    std::sort(spikes_.begin(), spikes_.begin() + static_cast<std::ptrdiff_t>(n),
              [](const Spike& a, const Spike& b) { return a.key != b.key ? a.key < b.key : a.input < b.input; });
}

template <class Real>
SpikeTrain<Real> Sorter<Real>::operator()(Span1<const Real> times, std::uint32_t* inputs, Interval<Real>* intervals) {
    spikes_.resize(times.size);
    spare_.resize(times.size);
    std::size_t n = 0;
    for (std::size_t j = 0; j < times.size; ++j) {
        const Real t = times[j] + Real(0);  // -0 becomes 0
        std::memcpy(&spikes_[n].key, &t, sizeof t);
        spikes_[n].input = static_cast<std::uint32_t>(j);
        n += t <= 1;  // no branch: which inputs spike cannot be predicted
    }
    if (n > 0) sort(n);
    std::size_t n_intervals = 0;
    for (std::size_t i = 0; i < n; ++i) {
        inputs[i] = spikes_[i].input;
        if (i == 0 || spikes_[i].key != spikes_[i - 1].key) {
            std::memcpy(&intervals[n_intervals++].start, &spikes_[i].key, sizeof(Real));
        }
        intervals[n_intervals - 1].end = static_cast<std::uint32_t>(i + 1);
    }
    intervals[n_intervals] = {Real(1), static_cast<std::uint32_t>(n)};
    return {inputs, intervals, n_intervals};
}

template <class Real>
std::size_t count_spikes(Span1<const Real> times) {
    std::size_t n_active = 0, n_good = 0;
    for (std::size_t j = 0; j < times.size; ++j) {
        n_active += times[j] <= 1;
        n_good += times[j] >= 0;  // NaN fails every comparison
    }
    return n_good == times.size ? n_active : refused;
}

template <class Real>
void refuse_times(Span2<const Real> times, std::size_t sample) {
    const Real* row = times.row(sample);
    std::size_t j = 0;
    while (row[j] >= 0) ++j;
    refuse("times[", sample, ", ", j, "] is ", row[j],
           "; spike times must be at least 0 (inf or above 1 for no spike)");
}

#define RCSPIKE_INSTANTIATE(Real)                         \
    template class Sorter<Real>;                          \
    template std::size_t count_spikes(Span1<const Real>); \
    template void refuse_times(Span2<const Real>, std::size_t);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
