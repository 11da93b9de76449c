// Charge that the switches of the synapses put on the membranes as they open at the end of charging (docs/model.md).
#pragma once

#include "events/event_batch.h"
#include "memory/tiles.h"
#include "parallel/split.h"
#include "rcspike/circuit.h"
#include "rcspike/span.h"
#include "synapses/synapses.h"

namespace rcspike::detail {

/// Voltages in V_th that the switches of one layer add to v(1). The kernels do not know them: charging adds them in a
/// second pass over the rows that conduct, and no gradient but dL/dv(1) itself depends on them.
template <class Real>
struct Injection {
    Real plus = 0, minus = 0;   // of each conducting device on either rail
    bool every_device = false;  // pairs: both devices of each conduct, also those of no conductance
    Tiles<Real> of_rows;        // unless empty: of each synapse or pair, in place of the numbers above

    Injection() = default;
    explicit Injection(const Circuit& circuit)
        : plus(static_cast<Real>(circuit.injection_plus)), minus(static_cast<Real>(circuit.injection_minus)) {}

    bool is_absent() const { return plus == 0 && minus == 0 && of_rows.cols == 0; }
};

/// Adds the injected voltages to some tiles of one sample or position; the events switch on `synapses`.
template <class Real>
void inject(const Injection<Real>& injection, const Synapses<Real>& synapses, const kernels::Events<Real>& events,
            Range tiles, Real* v);

}  // namespace rcspike::detail
