// From the inputs of a layer to the rows of its synapses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rcspike/schedule.h"
#include "rcspike/wiring.h"

namespace rcspike::detail {

/// Inputs that drive so many rows of synapses, and the reverse. Throw std::invalid_argument if the wiring does not fit.
std::size_t inputs_of(const Wiring& wiring, std::size_t n_rows);
std::size_t rows_of(const Wiring& wiring, std::size_t n_in);

/// The wiring of one of n_layers layers: as given for all of them, or dense if none is given. Throws
/// std::invalid_argument if it is given for another number.
Wiring wiring_of(const std::vector<Wiring>& wiring, std::size_t n_layers, std::size_t layer);

/// How often the columns of a layer are there: once, or at each position of a convolution.
std::size_t positions_of(const Wiring& wiring);

/// Sets `used` to 1 for the rows that the input drives: its own, or all of a convolution.
void mark_rows(const Wiring& wiring, std::uint32_t input, std::vector<std::uint8_t>& used);

/// Events of one sample over the windows of a layer: copies those that switch a row on. `rows` and `inputs` get one
/// number for each, which row it is and whose spike; `intervals` one more than there are intervals. All three have
/// capacity for n_rows.
template <class Real>
Spikes<Real> first_spikes(const FirstSpike& wiring, const Spikes<Real>& spikes, std::size_t n_rows, std::uint32_t* rows,
                          std::uint32_t* inputs, Interval<Real>* intervals);

}  // namespace rcspike::detail
