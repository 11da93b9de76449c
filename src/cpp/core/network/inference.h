// A batch through all layers, whatever their synapses are: block by block, on several threads.
#pragma once

#include <vector>

#include "layer/layer.h"

namespace rcspike::detail {

/// Voltages of the last layer; noise and errors as in Network::forward.
template <class Real>
void infer(const std::vector<Layer<Real>>& layers, const Schedule<Real>& schedule,
           const std::vector<Span2<const Real>>& noise, Span2<Real> v, Threads threads);

/// The same from spike times.
template <class Real>
void infer(const std::vector<Layer<Real>>& layers, Span2<const Real> times, const std::vector<Span2<const Real>>& noise,
           Span2<Real> v, Threads threads);

}  // namespace rcspike::detail
