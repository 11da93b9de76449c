// From the events of an image to those of the patches of a convolution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "events/event_batch.h"
#include "kernels/kernels.h"
#include "memory/buffer.h"
#include "parallel/split.h"
#include "rcspike/wiring.h"

namespace rcspike::detail {

/// The spikes of each patch of an image, which all follow from the sorted events of the image: in one pass over these,
/// the number of each is appended to the patches that it lies in. Works on some lines of patches at a time, so that
/// they stay in the cache. Keeps scratch memory, so every thread needs its own.
template <class Real>
class Patches {
public:
    /// Starts with an image, whose events are over the maps that the windows see.
    void start(const EventTarget<Real>& target, const kernels::Events<Real>& image);

    /// Lines of patches that stay in the cache, at least those that share neurons.
    std::size_t lines_at_once() const { return lines_at_once_; }
    std::size_t n_lines() const { return out_.height; }
    std::size_t line_size() const { return out_.width; }

    /// Sorts the spikes of the image into the patches of some lines; those of other lines are lost.
    void make(Range lines);

    /// The spikes of patch i of these lines.
    kernels::PatchSpikes<Real> spikes(std::size_t i) const {
        const std::uint32_t* const first = numbers_.data() + i * stride_;
        return {first, static_cast<std::size_t>(ends_[i] - first), times_.data(), codes_.data(), corners_[i]};
    }
    /// The same as events, one for each spike and in their order, until the next call.
    const kernels::Events<Real>& events(std::size_t i);

private:
    /// Where an input lies.
    struct Pixel {
        std::uint16_t y, x;
    };
    /// Patches along one axis that a pixel lies in.
    struct Span {
        std::uint32_t first, last;
    };

    void set_geometry(const Conv2d& conv);

    Conv2d conv_{};
    Maps in_{}, out_{};          // maps that the windows see, and positions
    std::vector<Pixel> pixels_;  // of each input
    // Of each input: minus the code of the corner of a patch it is its row of the synapses there.
    std::vector<std::uint32_t> pixel_codes_;
    std::vector<Span> down_, across_;  // of the patches for each y and for each x
    kernels::Coupling<Real> coupling_{};
    Window window_{};
    std::size_t n_spikes_ = 0;          // of the image
    std::vector<Real> times_;           // of each spike, and the end of the phase
    std::vector<std::uint32_t> codes_;  // of each spike
    std::vector<Pixel> places_;         // of each spike
    std::vector<std::uint32_t> near_;   // spikes in the lines that are made
    std::size_t stride_ = 1;            // spikes of one patch at most, and one more
    std::size_t lines_at_once_ = 1;
    Buffer<std::uint32_t> numbers_;       // of the spikes of each patch
    std::vector<std::uint32_t*> ends_;    // one past the last one of each
    std::vector<std::uint32_t> corners_;  // code of the corner of each
    std::vector<std::uint32_t> rows_;
    std::vector<kernels::Step<Real>> steps_;
    kernels::Events<Real> events_{};
};

}  // namespace rcspike::detail
