#include "events/check_times.h"

#include "common/check.h"

namespace rcspike::detail {

template <class Real>
std::size_t count_spikes(Span1<const Real> times, const Window& window) {
    const auto bound = static_cast<Real>(window.latest);
    std::size_t n_active = 0, n_good = 0;
    for (std::size_t j = 0; j < times.size; ++j) {
        n_active += times[j] <= bound;
        n_good += times[j] >= 0;  // NaN fails every comparison
    }
    return n_good == times.size ? n_active : invalid_times;
}

template <class Real>
void reject_times(Span2<const Real> times, const Window& window, std::size_t sample) {
    const Real* row = times.row(sample);
    std::size_t j = 0;
    while (j + 1 < times.cols && row[j] >= 0) ++j;
    reject("times[", sample, ", ", j, "] is ", row[j], "; spike times must be at least 0 (", window.no_spike,
           " for no spike)");
}

#define RCSPIKE_INSTANTIATE(Real)                                        \
    template std::size_t count_spikes(Span1<const Real>, const Window&); \
    template void reject_times(Span2<const Real>, const Window&, std::size_t);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike::detail
