// From one sample's spike times to its sorted, tie-merged events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "neurons/listening_window.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"

namespace rcspike::detail {

/// Sorts rows of spike times, each into memory that the caller owns. Keeps scratch memory, so every thread needs its
/// own.
template <class Real>
class Sorter {
public:
    /// Writes `inputs`, one for each spike, and `intervals`, at most one more; the result refers to both. Spikes beyond
    /// the capacity are left out, and so are numbers that are not a time: both occur only if the caller is about to
    /// reject the times, or if another thread changes them during the call.
    Spikes<Real> operator()(Span1<const Real> times, const Window& window, std::size_t capacity, std::uint32_t* inputs,
                            Interval<Real>* intervals);

private:
    /// Non-negative floats are ordered as their bit patterns are.
    using Key = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
    struct Spike {
        Key key;
        std::uint32_t input;
    };

    bool bucket_sort(std::size_t n, Real latest);
    void radix_sort(std::size_t n);
    Real latest(std::size_t n) const;

    std::vector<Spike> spikes_, spare_;
    std::vector<std::uint32_t> position_;
};

}  // namespace rcspike::detail
