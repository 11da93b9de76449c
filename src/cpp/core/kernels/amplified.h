// Charging of columns that an amplifier holds at a virtual ground, and its backward pass, one tile
// (docs/virtual-ground.md). Included as block.h is, after adjoint.h.

/// A column over a step: the voltage s of its summing node relaxes to D/(G + g), and the charge q that has come through
/// the synapses grows by the integral of D - G s. From C_e s' = D - (G + g) s this is h D d + (1 - h) C_e (s' - s),
/// with h = g/(G + g), which needs no other integral and loses no digits where G is small.
template <class B>
struct AmplifiedStep {
    using Real = typename B::Real;

    B share;  // h; of a step of length 0, which brings no charge, 0
    LinearMembrane<B, true> node;
    B charge;

    RCSPIKE_INLINE AmplifiedStep(const Amplifier<Real>& amplifier, Real length, B a, B y, B s)
        : share(B::all(amplifier.gain * length) /
                max(B::all(amplifier.gain * length) - y, B::all(std::numeric_limits<Real>::min()))),
          node(a * B::all(amplifier.per_capacitance),
               (y - B::all(amplifier.gain * length)) * B::all(amplifier.per_capacitance), s),
          charge(fma(a, share, stored(amplifier, share) * (node.next - s))) {}

    /// (1 - h) C_e.
    static RCSPIKE_INLINE B stored(const Amplifier<Real>& amplifier, B share) {
        return fma(share, B::all(-amplifier.capacitance), B::all(amplifier.capacitance));
    }
};

/// As `sweep`: calls visit(s, AmplifiedStep) in every step, with s at its start. Returns the charge of the phase, which
/// is on the integrator once its summing node has settled.
template <class Sums, class Visit, class B = typename Sums::Blocks, class Real>
RCSPIKE_INLINE B amplified_sweep(const Events<Real>& events, const ResistiveTile<Real>& tile, const Visit& visit) {
    Sums on(tile);
    B s = B::all(0), charge = s;
    std::size_t spike = 0;
    for (std::size_t k = 1; k < events.n_steps; ++k) {
        const Step<Real>& step = events.steps[k];
        for (; spike < step.end; ++spike) on.switch_on(tile, events.inputs[spike] * lanes<Real>);
        const AmplifiedStep<B> moved(*tile.amplifier, step.length, on.a(step), on.y(step), s);
        visit(s, moved);
        charge = charge + moved.charge;
        s = moved.node.next;
    }
    return charge;
}

/// As charge_backward, with alpha = dL/ds and mu = dL/dq, which is the same in every step.
template <class Sums, class Adjoint, bool wants_times, class B = typename Sums::Blocks, class Real>
void amplified_backward(const Events<Real>& events, const ResistiveTile<Real>& tile, const Real* grad_v,
                        const WeightGradient<Real>& gradient, Real* scratch) {
    enum Part { s_, share_, by_start_, by_drive_, by_conductance_, mean_, n_parts };
    constexpr std::size_t width = lanes<Real>;
    static_assert(n_parts * width <= backward_scratch<Real>(1));
    const Amplifier<Real>& amplifier = *tile.amplifier;
    Real* kept = scratch;
    amplified_sweep<Sums>(events, tile, [&](B s, const AmplifiedStep<B>& moved) RCSPIKE_LAMBDA {
        const LinearMembrane<B, true>& node = moved.node;
        const B parts[n_parts] = {s,           moved.share, node.by_start(), node.by_drive(), node.by_conductance(),
                                  node.mean(s)};
        for (std::size_t i = 0; i < n_parts; ++i) parts[i].store(kept + i * width);
        kept += n_parts * width;
    });

    Adjoint adjoint(tile);
    const LinearLaw<B, true> law(tile);
    const B mu = B::load(grad_v), per_capacitance = B::all(amplifier.per_capacitance);
    B alpha = B::all(0);
    std::size_t spike = events.n_spikes();
    for (std::size_t k = events.n_steps - 1; k > 0; --k) {
        kept -= n_parts * width;
        const auto part = [&](Part i) RCSPIKE_LAMBDA { return B::load(kept + i * width); };
        const B of_node = mu * AmplifiedStep<B>::stored(amplifier, part(share_));  // what dL/dq adds to dL/ds
        const B at_end = alpha + of_node, by_rate = at_end * per_capacitance, by_charge = mu * part(share_);
        adjoint.pass(events.steps[k], B::all(1), fma(by_rate, part(by_drive_), by_charge),
                     fma(by_rate, part(by_conductance_), by_charge * part(mean_)));
        alpha = fma(at_end, part(by_start_), -of_node);
        if (wants_times) adjoint.set_times(law, fma(alpha, per_capacitance, mu), part(s_));
        for (const std::size_t first = events.steps[k - 1].end; spike > first;) {
            const std::size_t offset = events.inputs[--spike] * lanes<Real>;
            adjoint.template add<wants_times>(tile, gradient, offset,
                                              wants_times ? gradient.times + spike * lanes<Real> : nullptr);
        }
    }
}

template <class Real>
void charge_amplified(const Events<Real>& events, const ResistiveTile<Real>& tile, std::size_t n_tiles, Real* v) {
    with_constant<RCSPIKE_TILES_AT_ONCE>(n_tiles, [&](auto n) RCSPIKE_LAMBDA {
        with_symmetry(tile.coupling, [&](auto symmetric) RCSPIKE_LAMBDA {
            using B = Block<Real, n>;
            const auto nothing = [](B, const AmplifiedStep<B>&) RCSPIKE_LAMBDA {};
            amplified_sweep<ResistiveSums<B, symmetric>>(events, tile, nothing).store(v);
        });
    });
}

template <class Real, class B = Block<Real, 1>>
void amplified_backward_timed(const Events<Real>& events, const ResistiveTile<Real>& tile, const Real* grad_v,
                              const WeightGradient<Real>& gradient, Real* scratch) {
    with_symmetry(tile.coupling, [&](auto symmetric) RCSPIKE_LAMBDA {
        using Sums = ResistiveSums<B, symmetric>;
        using Adjoint = ResistiveAdjoint<B, symmetric>;
        if (gradient.times) return amplified_backward<Sums, Adjoint, true>(events, tile, grad_v, gradient, scratch);
        amplified_backward<Sums, Adjoint, false>(events, tile, grad_v, gradient, scratch);
    });
}
