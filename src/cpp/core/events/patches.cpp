#include "events/patches.h"

#include <algorithm>

namespace rcspike::detail {
namespace {

/// The spikes of some lines of patches should take at most this part of a core's second-level cache.
constexpr std::size_t cache_bytes = 256 * 1024;

}  // namespace

template <class Real>
void Patches<Real>::set_geometry(const Conv2d& conv) {
    if (conv == conv_ && !pixels_.empty()) return;
    conv_ = conv;
    in_ = conv.seen();
    out_ = conv.positions();
    const auto spans = [&](std::size_t n_in, std::size_t n_out, std::size_t kernel) {
        std::vector<Span> of_pixels(n_in);
        for (std::size_t y = 0; y < n_in; ++y) {
            const std::size_t from_edge = y + conv.padding;
            const std::size_t first = from_edge < kernel ? 0 : (from_edge - kernel) / conv.stride + 1;
            const std::size_t last = std::max(first, std::min(n_out, from_edge / conv.stride + 1));
            of_pixels[y] = {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)};
        }
        return of_pixels;
    };
    down_ = spans(in_.height, out_.height, conv.kernel_height);
    across_ = spans(in_.width, out_.width, conv.kernel_width);
    pixels_.clear();
    pixel_codes_.clear();
    for (std::size_t y = 0; y < in_.height; ++y) {
        for (std::size_t x = 0; x < in_.width; ++x) {
            const std::size_t code = ((y + conv.padding) * conv.kernel_width + x + conv.padding) * in_.channels;
            for (std::size_t c = 0; c < in_.channels; ++c) {
                pixels_.push_back({static_cast<std::uint16_t>(y), static_cast<std::uint16_t>(x)});
                pixel_codes_.push_back(static_cast<std::uint32_t>(code + c));
            }
        }
    }
}

template <class Real>
void Patches<Real>::start(const EventTarget<Real>& target, const kernels::Events<Real>& image) {
    set_geometry(*convolution_of(target.wiring));
    coupling_ = target.coupling;
    window_ = window_of(target.phases);
    n_spikes_ = image.n_spikes();
    times_.resize(n_spikes_ + 1);
    codes_.resize(n_spikes_);
    places_.resize(n_spikes_);
    std::size_t spike = 0;
    for (std::size_t k = 0; k < image.n_steps; ++k) {
        for (; spike < image.steps[k].end; ++spike) {
            times_[spike] = image.steps[k].start;
            places_[spike] = pixels_[image.inputs[spike]];
            codes_[spike] = pixel_codes_[image.inputs[spike]];
        }
    }
    times_[n_spikes_] = 1;
    stride_ = std::min(target.n_rows, n_spikes_) + 1;
    rows_.resize(stride_);
    steps_.resize(stride_);
    const std::size_t lines = cache_bytes / (stride_ * sizeof(std::uint32_t) * out_.width);
    lines_at_once_ = std::max<std::size_t>(lines / conv_.pool, 1) * conv_.pool;
}

template <class Real>
void Patches<Real>::make(Range lines) {
    const std::size_t n = (lines.last - lines.first) * out_.width;
    numbers_.resize(n * stride_);
    ends_.resize(n);
    corners_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t y = (lines.first + i / out_.width) * conv_.stride, x = i % out_.width * conv_.stride;
        ends_[i] = numbers_.data() + i * stride_;
        corners_[i] = static_cast<std::uint32_t>((y * conv_.kernel_width + x) * in_.channels);
    }
    near_.resize(n_spikes_ + 1);
    std::size_t n_near = 0;
    for (std::size_t spike = 0; spike < n_spikes_; ++spike) {  // without a branch, which could not be predicted
        const Span down = down_[places_[spike].y];
        near_[n_near] = static_cast<std::uint32_t>(spike);
        n_near += static_cast<std::size_t>(down.first < lines.last) * (down.last > lines.first);
    }
    for (std::size_t k = 0; k < n_near; ++k) {
        const std::uint32_t spike = near_[k];
        const Span down = down_[places_[spike].y], across = across_[places_[spike].x];
        const std::size_t last_line = std::min<std::size_t>(down.last, lines.last);
        for (std::size_t oy = std::max<std::size_t>(down.first, lines.first); oy < last_line; ++oy) {
            std::uint32_t** const ends = ends_.data() + (oy - lines.first) * out_.width;
            for (std::size_t ox = across.first; ox < across.last; ++ox) *ends[ox]++ = spike;
        }
    }
    for (std::size_t i = 0; i < n; ++i) *ends_[i] = static_cast<std::uint32_t>(n_spikes_);
}

/// Equal times become one step, as everywhere.
template <class Real>
const kernels::Events<Real>& Patches<Real>::events(std::size_t i) {
    const kernels::PatchSpikes<Real> patch = spikes(i);
    std::size_t n_steps = 0;
    Real start = 0;
    for (std::uint32_t k = 0; k < patch.n; ++k) {
        rows_[k] = static_cast<std::uint32_t>(patch.row(k));
        const Real time = patch.time(k);
        if (k == 0 || time != start) steps_[n_steps++] = kernels::make_step(coupling_, start, time - start, k);
        start = time;
    }
    steps_[n_steps++] =
        kernels::make_step(coupling_, start, window_.last_step(start), static_cast<std::uint32_t>(patch.n));
    events_ = {rows_.data(), steps_.data(), n_steps};
    return events_;
}

template class Patches<float>;
template class Patches<double>;

}  // namespace rcspike::detail
