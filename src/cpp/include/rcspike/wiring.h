// Which inputs of a layer drive which rows of its synapses.
#pragma once

#include <cstddef>
#include <variant>

namespace rcspike {

/// Each input drives its own row.
struct Dense {};

/// Each group of `window` neighbouring inputs shares a row, whose synapses conduct from the group's first spike on: an
/// OR of the spike lines. Only the first spike has a gradient; if several tie, the input with the lowest number.
struct FirstSpike {
    std::size_t window = 1;  ///< divides the number of inputs
};

/// Feature maps as inputs or neurons: input or neuron number (y width + x) channels + c is channel c of the pixel (y,
/// x).
struct Maps {
    std::size_t height = 1, width = 1, channels = 1;

    std::size_t size() const { return height * width * channels; }
    bool operator==(const Maps& other) const {
        return height == other.height && width == other.width && channels == other.channels;
    }
};

/// The same for maps: the pixels of each `window` x `window` square share one row per channel. Lines and columns of
/// pixels at the far edges that do not fill a square are left out.
struct FirstSpike2d {
    Maps in;
    std::size_t window = 1;

    /// The rows, as maps. Throws std::invalid_argument if no window fits into the maps.
    Maps out() const;
    /// The row of an input, or the number of rows if the input is left out.
    std::size_t row_of(std::size_t input) const {
        const std::size_t height = in.height / window, width = in.width / window;
        const std::size_t pixel = input / in.channels, y = pixel / in.width / window, x = pixel % in.width / window;
        if (y >= height || x >= width) return height * width * in.channels;
        return (y * width + x) * in.channels + input % in.channels;
    }
};

/// A convolution: the same columns of synapses are used at each position of a window that moves over the inputs in
/// steps of `stride` pixels. Row (ky kernel_width + kx) channels + c of the synapses belongs to channel c of the pixel
/// (ky, kx) of the window. `padding` pixels around the maps never spike. The neurons are the maps `out` with a channel
/// for each column.
///
/// With `first` above 1, the window moves over the rows of FirstSpike2d{in, first}. With `pool` above 1 (two-phase
/// neurons only), the membranes of pool x pool positions are connected at the end of charging and share their charge:
/// they form one neuron with the mean of their voltages. Positions at the far edges that do not fill a pool are left
/// out.
struct Conv2d {
    Maps in;
    std::size_t kernel_height = 3, kernel_width = 3;
    std::size_t stride = 1, padding = 0;
    std::size_t first = 1, pool = 1;

    std::size_t n_rows() const { return kernel_height * kernel_width * in.channels; }
    /// Maps that the window moves over. Throws std::invalid_argument if a parameter is not valid.
    Maps seen() const;
    /// Positions of the window, as maps with one channel. Throws std::invalid_argument if there is none.
    Maps positions() const;
    /// Neurons, as maps with n_columns channels. Throws std::invalid_argument likewise.
    Maps out(std::size_t n_columns) const;

    bool operator==(const Conv2d& other) const {
        return in == other.in && kernel_height == other.kernel_height && kernel_width == other.kernel_width &&
               stride == other.stride && padding == other.padding && first == other.first && pool == other.pool;
    }
};

using Wiring = std::variant<Dense, FirstSpike, Conv2d, FirstSpike2d>;

}  // namespace rcspike
