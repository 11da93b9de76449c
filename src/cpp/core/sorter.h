// From one sample's spike times to its sorted, tie-merged train.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "rcspike/schedule.h"
#include "rcspike/span.h"

namespace rcspike::detail {

/// Sorts rows of spike times, each into memory of the caller's. Keeps scratch memory, so every thread needs its own.
template <class Real>
class Sorter {
public:
    /// Writes `inputs`, one for each spike, and `intervals`, at most one more; the train refers to both. Of more spikes
    /// than there is `room` for some are left out, and so is what is no time: then somebody changes `times` meanwhile,
    /// or they are about to be refused.
    SpikeTrain<Real> operator()(Span1<const Real> times, std::size_t room, std::uint32_t* inputs,
                                Interval<Real>* intervals);

private:
    /// Non-negative floats are ordered as their bit patterns are.
    using Key = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
    struct Spike {
        Key key;
        std::uint32_t input;
    };

    bool bucket_sort(std::size_t n);
    void radix_sort(std::size_t n);

    std::vector<Spike> spikes_, spare_;
    std::vector<std::uint32_t> position_;
};

/// Spikes among the times of one sample; `refused` if one of them is negative or NaN.
template <class Real>
std::size_t count_spikes(Span1<const Real> times);
inline constexpr std::size_t refused = static_cast<std::size_t>(-1);

/// Throws the error that names the first time in row `sample` that count_spikes refused.
template <class Real>
[[noreturn]] void refuse_times(Span2<const Real> times, std::size_t sample);

}  // namespace rcspike::detail
