// The loss over the output spikes of one sample.
#pragma once

#include <cstddef>

#include "layer/readout.h"
#include "rcspike/loss.h"

namespace rcspike::detail {

struct SampleLoss {
    double value;
    bool is_correct;  ///< the label's output would spike first
};

/// Cross-entropy and temporal penalty (docs/model.md) of one sample with n outputs. `v` has the voltages that its
/// output spikes are read as, `delay` the noise in them, in T, or is null. Writes `scale` times the slope against the
/// voltages before that noise.
template <class Real>
SampleLoss sample_loss(const Loss& loss, const Readout& readout, const Real* v, const Real* delay, std::size_t n,
                       std::size_t label, double scale, Real* grad_v);

/// The same from the spike times of n outputs of a single phase, with and without noise. Writes `scale` times the slope
/// against the times without noise; for outputs that do not spike, that against the sum of their drives.
template <class Real>
SampleLoss spike_loss(const Loss& loss, const Real* times, const Real* undelayed, std::size_t n, std::size_t label,
                      double scale, Real* grad);

/// Labels of a batch, which must be classes counted from 0.
void check_labels(Span1<const std::int64_t> labels, std::size_t batch, std::size_t n_classes);

}  // namespace rcspike::detail
