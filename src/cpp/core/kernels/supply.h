// Charge that each rail delivers to a tile while it charges, and its backward pass (docs/energy.md). Included as
// block.h is, after sweep.h.

/// omega(x) = (2 chi - phi)/x, 1/6 at x = 0. chi's polynomial has the form chi = 1/2 + y r, which gives omega = chi - 2
/// r: hardly anything cancels on [0, 1].
template <class B>
RCSPIKE_INLINE B omega(B y, const Relaxation<B>& relaxation) {
    using Real = typename B::Real;
    const B small = fma(chi_slope(y), B::all(-2), relaxation.chi);
    if (!any_below(y, Real(-1))) return small;
    const B large = (relaxation.phi - (relaxation.chi + relaxation.chi)) / y;
    return where_at_least(y, Real(-1), small, large);
}

/// Running charges Q+ = int (A+ - B+ v) dt and Q- = int (A- - B- v) dt of the synapses of either sign.
template <class B>
struct RailCharges {
    using Real = typename B::Real;
    B plus, minus;

    RCSPIKE_INLINE RailCharges() : plus(B::all(0)), minus(plus) {}

    /// Over a step that starts at v, with int v dt = `v_dt`.
    RCSPIKE_INLINE void add(const Step<Real>& step, const ResistiveSums<B, false>& on, B v,
                            const LinearMembrane<B, false>& moved, B v_dt) {
        const Coupling<Real>& c = on.c;
        const B y = on.y(step), d = B::all(step.length);
        const B before_plus = plus, before_minus = minus;
        plus = fma(on.plus, fma(v_dt, B::all(-c.b_plus), B::all(c.a_plus) * d), plus);
        minus = fma(on.minus, fma(v_dt, B::all(c.b_minus), B::all(c.a_minus) * d), minus);
        if (!__builtin_expect(any_below(y, Real(-1)), false)) return;
        // Then A+ d and B+ int v dt nearly cancel. The charge is therefore split into the current from rail to rail at
        // v_inf = A/B and the charge while v relaxes to v_inf: Q+ = (A+ B- - B+ A-) d/B - B+ (v - v_inf) d phi.
        const B through = B::all(c.a_plus * c.b_minus + c.b_plus * c.a_minus) * (on.plus * d / y) * (on.minus * d);
        const B relaxing = fma(moved.a, B::all(1) / y, v) * moved.r.phi * d;
        const B large_plus = before_plus + fma(on.plus * B::all(-c.b_plus), relaxing, through);
        const B large_minus = before_minus + fma(on.minus * B::all(c.b_minus), relaxing, -through);
        plus = where_at_least(y, Real(-1), plus, large_plus);
        minus = where_at_least(y, Real(-1), minus, large_minus);
    }
    RCSPIKE_INLINE void store(const RailRows<Real>& to) const {
        plus.store(to.plus);
        minus.store(to.minus);
    }
};

template <class Real, class B = Block<Real, 1>>
void supply(const Events<Real>& events, const ResistiveTile<Real>& tile, const RailRows<Real>& charges) {
    RailCharges<B> sum;
    const auto visit =
        [&](const Step<Real>& step, const ResistiveSums<B, false>& on, B v, const LinearMembrane<B, false>& moved)
            RCSPIKE_LAMBDA { sum.add(step, on, v, moved, moved.mean(v) * B::all(step.length)); };
    sweep<ResistiveSums<B, false>>(events, tile, visit);
    sum.store(charges);
}

/// Like charge_backward, for a loss that depends on v(1), Q+ and Q-. Synapses of the positive rail use lambda + dL/dQ+
/// in place of lambda, and lambda gets the source term s = dL/dQ+ B+ + dL/dQ- B-: backwards in time -dlambda/dt = -B
/// lambda - s.
template <class Real, class B = Block<Real, 1>>
void supply_backward(const Events<Real>& events, const ResistiveTile<Real>& tile, const RailUpstream<Real>& upstream,
                     const WeightGradient<Real>& gradient, const RailRows<Real>& charges, Real* scratch) {
    constexpr std::size_t width = lanes<Real>;
    constexpr std::size_t kept_size = 8 * width;
    const Coupling<Real> c = tile.coupling;
    const B grad_plus = B::load(upstream.plus), grad_minus = B::load(upstream.minus);
    RailCharges<B> sum;
    Real* kept = scratch;
    const auto keep = [&](const Step<Real>& step, const ResistiveSums<B, false>& on, B v,
                          const LinearMembrane<B, false>& moved) RCSPIKE_LAMBDA {
        const B a = moved.a;
        const Relaxation<B>& r = moved.r;
        const B d = B::all(step.length);
        const B s = fma(on.minus * grad_minus, B::all(-c.b_minus * step.length),
                        on.plus * grad_plus * B::all(c.b_plus * step.length));
        const B psi = r.phi - r.chi;
        const B v_dt = moved.mean(v) * d;
        sum.add(step, on, v, moved, v_dt);
        r.e.store(kept);
        (s * r.phi).store(kept + width);
        // int lambda dt = lambda d phi - s d chi
        (r.phi * d).store(kept + 2 * width);
        (s * r.chi * d).store(kept + 3 * width);
        // int lambda v dt = lambda d (v e + a psi) - s d (v psi + a omega)
        (moved.by_conductance() * d).store(kept + 4 * width);
        (s * fma(v, psi, a * omega(on.y(step), r)) * d).store(kept + 5 * width);
        v_dt.store(kept + 6 * width);
        v.store(kept + 7 * width);
        kept += kept_size;
    };
    sweep<ResistiveSums<B, false>>(events, tile, keep);
    sum.store(charges);

    const auto row = [&](std::size_t i) RCSPIKE_LAMBDA { return B::load(kept + i * width); };
    B lambda = B::load(upstream.v);
    B p = B::all(0), q = p, v_dt = p;  // int lambda dt, int lambda v dt and int v dt, from here to the end
    std::size_t spike = events.n_spikes();
    for (std::size_t k = events.n_steps - 1; k > 0; --k) {
        kept -= kept_size;
        p = p + fma(lambda, row(2), -row(3));
        q = q + fma(lambda, row(4), -row(5));
        lambda = fma(lambda, row(0), -row(1));
        v_dt = v_dt + row(6);
        const B v = row(7);
        const B left = B::all(Real(1) - events.steps[k].start);
        const B p_plus = fma(grad_plus, left, p), q_plus = fma(grad_plus, v_dt, q);
        const B p_minus = fma(grad_minus, left, p), q_minus = fma(grad_minus, v_dt, q);
        const B plus = fma(q_plus, B::all(-c.b_plus), p_plus * B::all(c.a_plus));
        const B minus = fma(q_minus, B::all(c.b_minus), p_minus * B::all(c.a_minus));
        const B time_plus = (lambda + grad_plus) * fma(v, B::all(c.b_plus), B::all(-c.a_plus));
        const B time_minus = (lambda + grad_minus) * fma(v, B::all(-c.b_minus), B::all(-c.a_minus));
        for (const std::size_t first = events.steps[k - 1].end; spike > first;) {
            const std::size_t offset = events.inputs[--spike] * width;
            const B w = B::load(tile.weights + offset);
            (B::load(gradient.weights + offset) + by_sign(w, plus, minus)).store(gradient.weights + offset);
            if (!gradient.times) continue;
            Real* times = gradient.times + spike * width;
            fma(w, by_sign(w, time_plus, time_minus), B::load(times)).store(times);
        }
    }
}
