// From the inputs of a layer to the rows of its synapses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rcspike/schedule.h"
#include "rcspike/wiring.h"

namespace rcspike::detail {

/// Number of inputs that drive n_rows rows of synapses, and the reverse. Throw std::invalid_argument if the wiring does
/// not fit.
std::size_t inputs_of(const Wiring& wiring, std::size_t n_rows);
std::size_t rows_of(const Wiring& wiring, std::size_t n_in);

/// The wiring of one of n_layers layers: as given for all of them, or dense if none is given. Throws
/// std::invalid_argument if it is given for another number.
Wiring wiring_of(const std::vector<Wiring>& wiring, std::size_t n_layers, std::size_t layer);

/// Where a layer's columns are evaluated: once per sample, or at each position of a convolution, where `pool` x `pool`
/// positions may share one neuron per column.
struct PositionGrid {
    std::size_t positions = 1, neurons = 1, line = 1, pool = 1;

    /// The row of the neurons that the membranes at a position belong to, both numbered through all samples.
    std::size_t neuron_row(std::size_t position) const {
        if (pool == 1) return position;
        const std::size_t in_sample = position % positions;
        return position / positions * neurons + in_sample / line / pool * (line / pool) + in_sample % line / pool;
    }
};
PositionGrid grid_of(const Wiring& wiring);

/// The convolution whose windows are the positions of a layer, or null if it has one position.
const Conv2d* convolution_of(const Wiring& wiring);

/// Number of rows that a joining wiring produces; 0 if it joins nothing. `n_rows` counts the rows of the synapses.
std::size_t joined_rows(const Wiring& wiring, std::size_t n_rows);

/// Sets `used` to 1 for the rows that some samples of a schedule drive: those of their inputs, or all of a convolution.
template <class Real>
void mark_rows(const Wiring& wiring, const Schedule<Real>& schedule, const std::vector<std::int64_t>& samples,
               std::vector<std::uint8_t>& used);

/// Events of one sample over inputs that a wiring has joined: copies those that switch one on. `rows` and `inputs` get
/// one number for each, which of the joined inputs it is and whose spike; `intervals` one more than there are
/// intervals. All three have capacity for n_rows, the number of joined inputs.
template <class Real>
Spikes<Real> first_spikes(const Wiring& wiring, const Spikes<Real>& spikes, std::size_t n_rows, std::uint32_t* rows,
                          std::uint32_t* inputs, Interval<Real>* intervals);

}  // namespace rcspike::detail
