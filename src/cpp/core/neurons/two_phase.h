// Neurons that charge for one phase and then fire by a ramp in the next one (docs/model.md).
#pragma once

#include <cstddef>
#include <vector>

#include "neurons/fire.h"
#include "neurons/listening_window.h"
#include "neurons/sample_counts.h"
#include "rcspike/circuit.h"
#include "rcspike/loss.h"
#include "rcspike/phases.h"
#include "rcspike/span.h"

namespace rcspike::detail {

template <class Real>
struct TwoPhase {
    static constexpr Phases phases = Phases::two;
    static constexpr const char* name = "two";
    static constexpr Window window{1, 1, "inf or above 1"};

    /// v(1) of n membranes. Once they have spiked, minus the offsets: the voltages of neurons without offsets that fire
    /// at the same times; and those of outputs include their noise.
    struct State {
        Real* v;
    };

    Ramp ramp;
    std::vector<Real> offset;  // of the thresholds, in V_th; empty if there is none

    TwoPhase(const Circuit& circuit, Span1<const Real> of_thresholds)
        : ramp(circuit), offset(of_thresholds.data, of_thresholds.data + of_thresholds.size) {}

    /// Throws std::invalid_argument unless a layer with these parts can have such neurons: any can.
    void check_pool(std::size_t) const {}
    void check_injection(const char*) const {}
    void check_supply(const char*) const {}
    void check_loads() const {}

    /// Spike times of n hidden neurons of one sample, with noise in T or null. Returns whether all voltages are finite.
    bool spike(State state, const Real* noise, std::size_t n, Real* times) const;
    /// The same of outputs, which have no phase to fire in: their noise becomes part of their voltages.
    bool read(State state, const Real* noise, std::size_t n, Real* times) const;
    /// What the last layer returns.
    static const Real* output(State state, const Real*) { return state.v; }

    /// dL/dt of n hidden spikes becomes dL/dv. `times` are the spike times with noise: a spike that noise has moved to
    /// the start of the phase no longer depends on its voltage.
    Stuck backward(State state, const Real* times, std::size_t n, Real grad_silent_drive, Real* grad) const;
    /// dL/dv of n voltages that outputs are read as becomes that of the voltages before their noise.
    void backward_output(State state, const Real* times, const Real* noise, std::size_t n, Real* grad) const;

    /// Cross-entropy and temporal penalty of one sample with n outputs. Writes `scale` times the slope against the
    /// voltages before their noise.
    SampleLoss loss(const Loss& loss, State state, const Real* times, const Real* noise, std::size_t n,
                    std::size_t label, double scale, Real* grad) const;
};

}  // namespace rcspike::detail
