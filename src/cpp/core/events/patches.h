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

/// The events of each patch of an image, which all follow from the sorted events of the image: in one pass over these,
/// each is appended to the patches that it lies in. Works on some lines of patches at a time, so that they stay in the
/// cache. Keeps scratch memory, so every thread needs its own.
template <class Real>
class Patches {
public:
    /// Starts with an image, whose events are over the maps that the windows see. `inputs` says whose spikes they are.
    void start(const Front<Real>& front, const kernels::Events<Real>& image, const std::uint32_t* inputs);

    /// Lines of patches that stay in the cache, at least those that share neurons.
    std::size_t lines_at_once() const { return lines_at_once_; }
    std::size_t n_lines() const { return out_.height; }
    std::size_t line_size() const { return out_.width; }

    /// Sorts the spikes of the image into the patches of some lines; those of other lines are lost.
    void make(Range lines);

    /// The events of patch i of these lines, until the next call.
    const kernels::Events<Real>& events(std::size_t i);

    /// The input of a row of the synapses, at patch i of those that were made last. It exists if the row has an event.
    std::uint32_t input(std::size_t i, std::uint32_t row) const {
        const auto seen = static_cast<std::uint32_t>(corners_[i] + offsets_[row]);
        return sources_.empty() ? seen : sources_[seen];
    }

private:
    /// A spike in a patch: `code` minus that of the patch is its row of the synapses.
    struct Spike {
        Real time;
        std::uint32_t code;
    };
    /// A spike of the image.
    struct Pixel {
        Spike spike;
        std::uint16_t y, x;
    };
    /// Patches along one axis that a pixel lies in.
    struct Span {
        std::uint32_t first, last;
    };

    void set_geometry(const Conv2d& conv);
    Conv2d conv_{};
    Maps in_{}, out_{};                   // maps that the windows see, and positions
    std::vector<Span> down_, across_;     // of the patches for each y and for each x
    std::vector<std::int64_t> offsets_;   // from the corner of a patch to the input of each row
    std::vector<std::int64_t> corners_;   // input at the corner of each patch, which may lie outside the image
    std::vector<std::uint32_t> codes_;    // of each patch
    std::vector<std::uint32_t> sources_;  // input of each pixel that has an event, if inputs are joined
    kernels::Coupling<Real> coupling_{};
    Phases phases_ = Phases::two;
    std::vector<Pixel> pixels_, near_;  // all spikes of the image, and those in some lines of patches
    std::size_t capacity_ = 0;          // spikes of one patch
    std::size_t lines_at_once_ = 1;
    Buffer<Spike> spikes_;      // of each patch
    std::vector<Spike*> ends_;  // one past the last one of each
    std::vector<std::uint32_t> rows_;
    std::vector<kernels::Step<Real>> steps_;
    kernels::Events<Real> events_{};
};

}  // namespace rcspike::detail
