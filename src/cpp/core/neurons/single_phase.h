// Neurons that spike when they reach their thresholds, while they charge (docs/single-phase.md).
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "neurons/listening_window.h"
#include "neurons/sample_counts.h"
#include "rcspike/circuit.h"
#include "rcspike/loss.h"
#include "rcspike/phases.h"
#include "rcspike/span.h"

namespace rcspike::detail {

template <class Real>
struct SinglePhase {
    static constexpr Phases phases = Phases::single;
    static constexpr const char* name = "single";
    static constexpr Window window{horizon, std::numeric_limits<double>::infinity(), "inf"};

    /// Times at which n membranes reach their thresholds, infinity where they do not; without the delay of the spike
    /// and without noise.
    struct State {
        Real* t;
    };

    std::vector<Real> threshold;  // of each neuron, in V_th; empty if all are 1
    Real delay = 0;               // from the crossing to the spike, in T

    SinglePhase() = default;
    /// Throws std::invalid_argument if the circuit has an injection, or a threshold is not above 0.
    SinglePhase(const Circuit& circuit, Span1<const Real> offset);

    /// Throw std::invalid_argument with the reason if the layer's membranes are connected, if its switches inject
    /// charge, or if the charges of its rails are asked for.
    void check_pool(std::size_t pool) const;
    void check_injection(const char* name) const;
    void check_supply(const char* what) const;
    void check_loads() const;

    /// Thresholds of n neurons from number `first` on, into rows of lanes that are full.
    void thresholds(std::size_t first, std::size_t n, Real* to) const {
        for (std::size_t i = 0; i < n; ++i) to[i] = first + i < threshold.size() ? threshold[first + i] : Real(1);
    }

    /// Whether a spike moves with its crossing: noise may have moved it to the start of the phase.
    static bool moves(Real spike, Real crossing) { return spike > 0 || crossing == spike; }

    /// Spike times of n neurons of one sample, with noise in T or null. Returns whether no voltage has overflowed.
    bool spike(State state, const Real* noise, std::size_t n, Real* times) const;
    /// The same of outputs.
    bool read(State state, const Real* noise, std::size_t n, Real* times) const {
        return spike(state, noise, n, times);
    }
    /// What the last layer returns.
    static const Real* output(State, const Real* times) { return times; }

    /// dL/dt of n hidden spikes becomes that of their crossings: the same, but for spikes that noise has moved to the
    /// start of the phase. Neurons that do not spike get `grad_silent_drive`.
    Stuck backward(State state, const Real* times, std::size_t n, Real grad_silent_drive, Real* grad) const;
    /// The same of outputs, where dL/dt of one that does not spike is 0.
    void backward_output(State state, const Real* times, const Real* noise, std::size_t n, Real* grad) const;

    /// Cross-entropy and temporal penalty of one sample with n outputs. Writes `scale` times the slope against the
    /// times without noise; for outputs that do not spike, that against the sum of their drives.
    SampleLoss loss(const Loss& loss, State state, const Real* times, const Real* noise, std::size_t n,
                    std::size_t label, double scale, Real* grad) const;
};

}  // namespace rcspike::detail
