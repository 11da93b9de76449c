#include "events/patches.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
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
            of_pixels[y] = {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)};
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
    const auto channels = static_cast<std::uint32_t>(in_.channels);
    const auto width = static_cast<std::uint32_t>(in_.width);
    const auto line = static_cast<std::uint32_t>(conv_.kernel_width * channels);
    const auto padding = static_cast<std::uint32_t>(conv_.padding);
    pixels_.resize(image.n_spikes());
    near_.resize(pixels_.size() + 1);
    std::uint32_t spike = 0;
    for (std::size_t k = 0; k < image.n_steps; ++k) {
        const Real time = image.steps[k].start + Real(0);  // no -0, so that equal times have equal bits
        for (; spike < image.steps[k].end; ++spike) {
            const std::uint32_t pixel = image.inputs[spike] / channels, y = pixel / width, x = pixel - y * width;
            const std::uint32_t channel = image.inputs[spike] - pixel * channels;
            const std::uint32_t code = (y + padding) * line + (x + padding) * channels + channel;
            pixels_[spike] = {{time, code}, static_cast<std::uint16_t>(y), static_cast<std::uint16_t>(x)};
        }
    }
    sources_.resize(inputs == image.inputs ? 0 : in_.size());
    for (std::size_t i = 0; !sources_.empty() && i < pixels_.size(); ++i) sources_[image.inputs[i]] = inputs[i];
    capacity_ = std::min(front.n_rows, pixels_.size());
    rows_.resize(capacity_);
    steps_.resize(capacity_ + 1);
    const std::size_t lines = cache_bytes / ((capacity_ + 1) * sizeof(Spike) * out_.width);
    lines_at_once_ = std::max<std::size_t>(lines / conv_.pool, 1) * conv_.pool;
}

template <class Real>
void Patches<Real>::make(Range lines) {
    const std::size_t n = (lines.last - lines.first) * out_.width;
    spikes_.resize(n * capacity_);
    ends_.resize(n);
    corners_.resize(n);
    codes_.resize(n);
    const std::size_t kernel_line = conv_.kernel_width * in_.channels;
    const auto at = [&](std::size_t position) {
        return static_cast<std::int64_t>(position * conv_.stride) - static_cast<std::int64_t>(conv_.padding);
    };
    for (std::size_t i = 0; i < n; ++i) {
        ends_[i] = spikes_.data() + i * capacity_;
        const std::size_t oy = lines.first + i / out_.width, ox = i % out_.width;
        const std::int64_t line = at(oy) * static_cast<std::int64_t>(in_.width);
        corners_[i] = (line + at(ox)) * static_cast<std::int64_t>(in_.channels);
        codes_[i] = static_cast<std::uint32_t>((oy * kernel_line + ox * in_.channels) * conv_.stride);
    }
    // Without a branch: which spikes lie in these lines cannot be predicted.
    const Pixel* pixels = pixels_.data();
    std::size_t n_pixels = pixels_.size();
    if (lines.last - lines.first < out_.height) {
        std::size_t n_near = 0;
        for (const Pixel& pixel : pixels_) {
            near_[n_near] = pixel;
            n_near += static_cast<std::size_t>(down_[pixel.y].first < lines.last) * (down_[pixel.y].last > lines.first);
        }
        pixels = near_.data();
        n_pixels = n_near;
    }
    for (std::size_t i = 0; i < n_pixels; ++i) {
        const Pixel& pixel = pixels[i];
        const Span down = down_[pixel.y], across = across_[pixel.x];
        const std::size_t last_line = std::min<std::size_t>(down.last, lines.last);
        for (std::size_t oy = std::max<std::size_t>(down.first, lines.first); oy < last_line; ++oy) {
            Spike** const ends = ends_.data() + (oy - lines.first) * out_.width;
            for (std::size_t ox = across.first; ox < across.last; ++ox) {
                std::memcpy(ends[ox]++, &pixel.spike, sizeof(Spike));  // in one piece, which an assignment is not
            }
        }
    }
}

/// Equal times become one step, as everywhere.
template <class Real>
const kernels::Events<Real>& Patches<Real>::events(std::size_t i) {
    const Spike* const spikes = spikes_.data() + i * capacity_;
    const auto n = static_cast<std::uint32_t>(ends_[i] - spikes);
    using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
    typedef Real Four __attribute__((vector_size(4 * sizeof(Real))));
    const Four factors = {0, 1, coupling_.a_plus, -coupling_.b_plus};
    const std::uint32_t code = codes_[i];
    std::uint32_t* const rows = rows_.data();
    kernels::Step<Real>* const steps = steps_.data();
    std::size_t n_steps = 0;
    Real start = 0;
    Bits before = ~Bits(0);  // of no time: the step before the first spike may have no length
    for (std::uint32_t k = 0; k < n; ++k) {
        const Real time = spikes[k].time;
        Bits bits;
        std::memcpy(&bits, &time, sizeof time);
        rows[k] = spikes[k].code - code;
        // A step as make_step has it, with its four products in one vector.
        Four step = (time - start) * factors;
        step[0] = start;
        std::memcpy(steps + n_steps, &step, sizeof step);
        steps[n_steps].end = k;
        n_steps += bits != before;
        before = bits;
        start = time;
    }
    const Real length = phases_ == Phases::two ? Real(1) - start : Real(1);  // see EventBatch::set
    steps[n_steps++] = kernels::make_step(coupling_, start, length, n);
    events_ = {rows, steps, n_steps};
    return events_;
}

template class Patches<float>;
template class Patches<double>;

}  // namespace rcspike::detail
