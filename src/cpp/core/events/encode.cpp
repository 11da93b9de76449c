#include "rcspike/encode.h"

#include <limits>

#include "common/check.h"

namespace rcspike {

template <class Real>
void encode(Span2<const Real> images, Span2<Real> times) {
    detail::check_shape("times", times, images.rows, images.cols);
    for (std::size_t i = 0; i < images.size(); ++i) {
        const Real x = images.data[i];
        if (!(x >= 0 && x <= 1)) detail::reject("intensities must lie in [0, 1], got ", x, "; scale the images first");
    }
    for (std::size_t i = 0; i < images.size(); ++i) {
        const Real x = images.data[i];
        times.data[i] = x > 0 ? 1 - x : std::numeric_limits<Real>::infinity();
    }
}

template <class Real>
void encode(Span2<const std::uint8_t> images, Span2<Real> times) {
    detail::check_shape("times", times, images.rows, images.cols);
    for (std::size_t i = 0; i < images.size(); ++i) {
        // In float for both precisions, as in Python, so that both languages see the same bits.
        const float x = static_cast<float>(images.data[i]) / 255.0F;
        times.data[i] = x > 0 ? static_cast<Real>(1 - x) : std::numeric_limits<Real>::infinity();
    }
}

template void encode(Span2<const float>, Span2<float>);
template void encode(Span2<const double>, Span2<double>);
template void encode(Span2<const std::uint8_t>, Span2<float>);
template void encode(Span2<const std::uint8_t>, Span2<double>);

}  // namespace rcspike
