// Which inputs of a layer drive which rows of its synapses.
#pragma once

#include <cstddef>
#include <variant>

namespace rcspike {

/// Each input has a row of its own.
struct Dense {};

/// Neighbouring inputs, `window` at a time, share a row, whose synapses conduct from the first of their spikes on: an
/// OR of their spike lines. Only that spike has a gradient; of equal ones, that of the first input.
struct FirstSpike {
    std::size_t window = 1;  ///< divides the number of inputs
};

/// Feature maps as inputs or neurons: number (y width + x) channels + c is channel c of the pixel (y, x).
struct Maps {
    std::size_t height = 1, width = 1, channels = 1;

    std::size_t size() const { return height * width * channels; }
    bool operator==(const Maps& other) const {
        return height == other.height && width == other.width && channels == other.channels;
    }
};

/// A convolution: the same columns of synapses at each position of a window that moves over the inputs, `stride` pixels
/// at a time. Row (ky kernel_width + kx) channels + c of the synapses belongs to channel c of the pixel (ky, kx) of the
/// window. `padding` pixels around the maps never spike. The neurons are the maps `out` with a channel for each column.
struct Conv2d {
    Maps in;
    std::size_t kernel_height = 3, kernel_width = 3;
    std::size_t stride = 1, padding = 0;

    std::size_t n_rows() const { return kernel_height * kernel_width * in.channels; }
    /// Positions of the window. Throws std::invalid_argument if there is none, or a number is not possible.
    Maps out(std::size_t n_columns) const;

    bool operator==(const Conv2d& other) const {
        return in == other.in && kernel_height == other.kernel_height && kernel_width == other.kernel_width &&
               stride == other.stride && padding == other.padding;
    }
};

using Wiring = std::variant<Dense, FirstSpike, Conv2d>;

}  // namespace rcspike
