#include "neurons/neurons.h"

#include "common/check.h"

namespace rcspike::detail {

template <class Real>
Neurons<Real> neurons_of(Phases phases, const Circuit& circuit, Span1<const Real> offset) {
    if (offset.data) check_finite("offset", offset);
    switch (phases) {
        case Phases::two:
            return TwoPhase<Real>(circuit, offset);
        case Phases::single:
            break;
    }
    return SinglePhase<Real>(circuit, offset);
}

template Neurons<float> neurons_of(Phases, const Circuit&, Span1<const float>);
template Neurons<double> neurons_of(Phases, const Circuit&, Span1<const double>);

}  // namespace rcspike::detail
