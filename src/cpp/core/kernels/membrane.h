// How a membrane moves between events: v' = A - B v, with sums A and B over the synapses that conduct
// (docs/model.md). Included as block.h is, after relax.h.

/// A membrane over a stretch of length d, starting at v; a = A d and y = -B d.
template <class B, bool bounded>
struct LinearMembrane {
    B a;
    Relaxation<B> r;
    B next;  // v at the end

    /// The voltage at the end, v e + a phi. With e = 1 + y phi it is v + (a + y v) phi, one operation less but with the
    /// rounding error of the larger of the two voltages, which is fine where the same rail bounds both.
    RCSPIKE_INLINE LinearMembrane(B of_a, B y, B v)
        : a(of_a), r(relax(y)), next(bounded ? fma(fma(y, v, a), r.phi, v) : fma(v, r.e, a * r.phi)) {}

    /// int v dt / d.
    RCSPIKE_INLINE B mean(B v) const { return fma(v, r.phi, a * r.chi); }

    /// Factors of dL/dA and dL/dB besides lambda d: phi, and v e + a psi, where psi = phi - chi. The next v is v e + a
    /// phi.
    RCSPIKE_INLINE B by_drive() const { return r.phi; }
    RCSPIKE_INLINE B by_conductance() const { return fma(-a, r.chi, next); }
    /// dv(end)/dv(start).
    RCSPIKE_INLINE B by_start() const { return r.e; }
};

/// A law computes the membrane over a stretch, its slope at a voltage, and when it reaches a voltage. The sums that a
/// law needs name it (sums.h), and a tile holds its parameters. Neurons end a run of the membrane, and do not move it.
/// What moves is a state, from which the law computes the voltage: in a linear law the voltage itself.
template <class B, bool bounded>
struct LinearLaw {
    using Real = typename B::Real;
    using Membrane = LinearMembrane<B, bounded>;

    template <class Tile>
    RCSPIKE_INLINE explicit LinearLaw(const Tile&) {}

    RCSPIKE_INLINE Membrane over(B a, B y, B v) const { return {a, y, v}; }
    RCSPIKE_INLINE B voltage(B state) const { return state; }
    /// dL/dstate, from dL/dv.
    RCSPIKE_INLINE B by_state(B grad_v, B) const { return grad_v; }
    /// Slope times d, v' d, at a voltage.
    RCSPIKE_INLINE B rise(B a, B y, B v) const { return fma(y, v, a); }
    /// Derivatives of v' by A, times lambda, and of -v' by B, at a voltage.
    RCSPIKE_INLINE B by_drive(B lambda, B) const { return lambda; }
    RCSPIKE_INLINE B by_conductance(B v) const { return v; }
    /// The fraction of the stretch after which a membrane that rises at the threshold reaches it: s = -ln(1 - x)/B with
    /// x = B (threshold - v)/u and u = A - B v. It is the time along a straight line to the threshold, times
    /// log_ratio(x).
    RCSPIKE_INLINE B part_until(B threshold, B a, B y, B v) const {
        constexpr Real smallest = std::numeric_limits<Real>::min(), epsilon = std::numeric_limits<Real>::epsilon();
        const B straight = max(threshold - v, B::all(0)) / max(rise(a, y, v), B::all(smallest));
        return straight * log_ratio(min(-y * straight, B::all(1 - epsilon / 2)));
    }
};
