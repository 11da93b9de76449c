#include "events/patches.h"

#include <algorithm>
#include <variant>

namespace rcspike::detail {
namespace {

/// The events of some lines of patches should take at most this part of a core's second-level cache.
constexpr std::size_t cache_bytes = 384 * 1024;

}  // namespace

template <class Real>
void Patches<Real>::set_geometry(const Conv2d& conv) {
    if (conv == conv_ && !offsets_.empty()) return;
    conv_ = conv;
    in_ = conv.seen();
    out_ = conv.positions();
    const auto spans = [&](std::size_t n_in, std::size_t n_out, std::size_t kernel) {
        std::vector<Span> of_pixels(n_in);
        for (std::size_t y = 0; y < n_in; ++y) {
            const std::size_t from_edge = y + conv.padding;
            const std::size_t first = from_edge < kernel ? 0 : (from_edge - kernel) / conv.stride + 1;
            const std::size_t last = std::max(first, std::min(n_out, from_edge / conv.stride + 1));
            of_pixels[y] = {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last),
                            static_cast<std::uint32_t>(from_edge - first * conv.stride)};
        }
        return of_pixels;
    };
    down_ = spans(in_.height, out_.height, conv.kernel_height);
    across_ = spans(in_.width, out_.width, conv.kernel_width);
    offsets_.clear();
    for (std::size_t ky = 0; ky < conv.kernel_height; ++ky) {
        for (std::size_t i = 0; i < conv.kernel_width * in_.channels; ++i) {
            offsets_.push_back(static_cast<std::int64_t>(ky * in_.width * in_.channels + i));
        }
    }
}

template <class Real>
void Patches<Real>::start(const Front<Real>& front, const kernels::Events<Real>& image, const std::uint32_t* inputs) {
    set_geometry(std::get<Conv2d>(front.wiring));
    coupling_ = front.coupling;
    phases_ = front.phases;
    image_ = &image;
    const auto channels = static_cast<std::uint32_t>(in_.channels);
    const auto width = static_cast<std::uint32_t>(in_.width);
    pixels_.resize(image.n_spikes());
    near_.resize(pixels_.size() + 1);
    std::uint32_t spike = 0;
    for (std::uint32_t k = 0; k < image.n_steps; ++k) {
        for (; spike < image.steps[k].end; ++spike) {
            const std::uint32_t pixel = image.inputs[spike] / channels, y = pixel / width;
            pixels_[spike] = {static_cast<std::uint16_t>(y), static_cast<std::uint16_t>(pixel - y * width),
                              image.inputs[spike] - pixel * channels, k};
        }
    }
    sources_.resize(inputs == image.inputs ? 0 : in_.size());
    for (std::size_t i = 0; !sources_.empty() && i < pixels_.size(); ++i) sources_[image.inputs[i]] = inputs[i];
    capacity_ = std::min(front.n_rows, pixels_.size());
    const std::size_t event = sizeof(kernels::Step<Real>) + 2 * sizeof(std::uint32_t);
    const std::size_t lines = cache_bytes / ((capacity_ + 1) * event * out_.width);
    lines_at_once_ = std::max<std::size_t>(lines / conv_.pool, 1) * conv_.pool;
}

/// Appends each spike to the patches that it lies in.
template <class Real>
void Patches<Real>::append(Range lines) {
    // Without a branch: which spikes lie in these lines cannot be predicted.
    std::size_t n_near = 0;
    for (const Pixel& pixel : pixels_) {
        near_[n_near] = pixel;
        n_near += (down_[pixel.y].first < lines.last) & (down_[pixel.y].last > lines.first);
    }
    const std::size_t stride = conv_.stride, channels = in_.channels, line = conv_.kernel_width * channels;
    std::fill(counts_.begin(), counts_.end(), 0U);
    for (std::size_t i = 0; i < n_near; ++i) {
        const Pixel pixel = near_[i];
        const Span down = down_[pixel.y], across = across_[pixel.x];
        const std::size_t last_line = std::min<std::size_t>(down.last, lines.last);
        for (std::size_t oy = std::max<std::size_t>(down.first, lines.first); oy < last_line; ++oy) {
            const std::size_t ky = down.at - (oy - down.first) * stride;
            std::size_t row = ky * line + across.at * channels + pixel.channel;
            std::uint32_t* const counts = counts_.data() + (oy - lines.first) * out_.width;
            const std::size_t first = (oy - lines.first) * out_.width * capacity_;
            for (std::size_t ox = across.first; ox < across.last; ++ox, row -= stride * channels) {
                const std::size_t at = first + ox * capacity_ + counts[ox]++;
                rows_.data()[at] = static_cast<std::uint32_t>(row);
                intervals_.data()[at] = pixel.interval;
            }
        }
    }
}

/// Makes the steps of a patch from the intervals of its events. Equal times become one step, as everywhere.
template <class Real>
void Patches<Real>::finish(std::size_t i) {
    const std::uint32_t* const intervals = intervals_.data() + i * capacity_;
    kernels::Step<Real>* const steps = steps_.data() + i * (capacity_ + 1);
    const std::uint32_t n = counts_[i];
    std::size_t n_steps = 0;
    std::uint32_t interval = 0;  // before the first spike
    Real start = 0;
    for (std::uint32_t k = 0; k < n; ++k) {
        const Real next = image_->steps[intervals[k]].start;
        steps[n_steps] = kernels::make_step(coupling_, start, next - start, k);
        n_steps += intervals[k] != interval;
        interval = intervals[k];
        start = next;
    }
    const Real length = phases_ == Phases::two ? Real(1) - start : Real(1);  // see EventBatch::set
    steps[n_steps++] = kernels::make_step(coupling_, start, length, n);
    events_[i] = {rows_.data() + i * capacity_, steps, n_steps};
}

template <class Real>
const kernels::Events<Real>* Patches<Real>::make(Range lines) {
    const std::size_t n = (lines.last - lines.first) * out_.width;
    rows_.resize(n * capacity_);
    intervals_.resize(n * capacity_);
    steps_.resize(n * (capacity_ + 1));
    counts_.resize(n);
    events_.resize(n);
    corners_.resize(n);
    append(lines);
    for (std::size_t i = 0; i < n; ++i) {
        const auto at = [&](std::size_t position) {
            return static_cast<std::int64_t>(position * conv_.stride) - static_cast<std::int64_t>(conv_.padding);
        };
        const std::int64_t corner =
            at(lines.first + i / out_.width) * static_cast<std::int64_t>(in_.width) + at(i % out_.width);
        corners_[i] = corner * static_cast<std::int64_t>(in_.channels);
        finish(i);
    }
    return events_.data();
}

template class Patches<float>;
template class Patches<double>;

}  // namespace rcspike::detail
