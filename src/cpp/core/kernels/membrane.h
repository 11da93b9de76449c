// The law by which a membrane moves between events: v' = A - B v, with sums A and B over the synapses that conduct
// (docs/model.md). Included as block.h is, after relax.h.

/// How such a membrane passes a voltage; a = A d and y = -B d over a stretch of length d.
template <class B>
struct LinearLaw {
    using Real = typename B::Real;

    /// v' d at a voltage.
    RCSPIKE_INLINE static B rise(B a, B y, B v) { return fma(y, v, a); }
    /// The part of the stretch after which a membrane that rises at the threshold reaches it: s = -ln(1 - x)/B with
    /// x = B (threshold - v)/u and u = A - B v. It is the straight line to the threshold times log_ratio(x).
    RCSPIKE_INLINE static B part_until(B threshold, B a, B y, B v) {
        constexpr Real smallest = std::numeric_limits<Real>::min(), epsilon = std::numeric_limits<Real>::epsilon();
        const B straight = max(threshold - v, B::all(0)) / max(rise(a, y, v), B::all(smallest));
        return straight * log_ratio(min(-y * straight, B::all(1 - epsilon / 2)));
    }
};

/// A membrane over such a stretch, from v on. A law has these functions, and names itself
/// in the sums that it needs (sums.h); neurons end a run of the membrane, and do not move it.
template <class B, bool bounded>
struct LinearMembrane {
    using Law = LinearLaw<B>;

    B a;
    Relaxation<B> r;
    B next;  // v at the end

    /// v e + a phi. With e = 1 + y phi it is v + (a + y v) phi, one operation less but with the rounding error of the
    /// larger of the two voltages: right where both are bounded by the same rail.
    RCSPIKE_INLINE LinearMembrane(B of_a, B y, B v)
        : a(of_a), r(relax(y)), next(bounded ? fma(fma(y, v, a), r.phi, v) : fma(v, r.e, a * r.phi)) {}

    /// int v dt / d.
    RCSPIKE_INLINE B mean(B v) const { return fma(v, r.phi, a * r.chi); }

    /// What dL/dA and dL/dB have as factors beside lambda d: phi, and v e + a psi. psi is phi - chi, and the next v is
    /// v e + a phi.
    RCSPIKE_INLINE B by_drive() const { return r.phi; }
    RCSPIKE_INLINE B by_conductance() const { return fma(-a, r.chi, next); }
    /// dv(end)/dv(start).
    RCSPIKE_INLINE B by_start() const { return r.e; }
};
