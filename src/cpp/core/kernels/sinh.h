// The law of a membrane behind devices of I = g V_0 sinh(V/V_0), all with the same V_0 (docs/sinh-devices.md). Included
// as block.h is, after sums.h.

/// A membrane over a stretch of length d, starting at q = 2 V_0 tanh(v/2V_0), which obeys q' = A - B q + kappa A q^2
/// with kappa = 1/(2 V_0)^2; a = A d and y = -B d. In a step, q moves by its rise q' d at the start, times ratio/den,
/// where
///
///     ratio = tanh(rho)/rho     rho^2 = y^2/4 - kappa a^2 = (x/2)^2     den = 1 - ratio (y/2 + kappa a q) >= 1.
///
/// Since tanh(x/2) = (1 - exp(-x))/(1 + exp(-x)), the relaxation of x gives all of it without a division by x.
template <class B>
struct SinhMembrane {
    using Real = typename B::Real;
    B kappa, a, y, start, x;
    Relaxation<B> r;
    B ratio, den, rise;
    B next;  // q at the end

    RCSPIKE_INLINE SinhMembrane(B of_a, B of_y, B q, B steepness)
        : kappa(B::all(Real(0.25)) * steepness * steepness),
          a(of_a),
          y(of_y),
          start(q),
          x(geometric_mean(of_a * steepness, of_y)),
          r(relax(-x)),
          ratio(r.phi * B::all(2) / (B::all(1) + r.e)),
          den(fma(-ratio, fma(kappa * a, q, B::all(Real(0.5)) * y), B::all(1))),
          rise(fma(fma(kappa * a, q, y), q, a)),
          next(fma(ratio / den, rise, q)) {}

    /// dq(end)/dA and -dq(end)/dB, besides d: at the same ratio, and through it.
    RCSPIKE_INLINE B by_drive() const {
        const B direct = ratio / den * fma(kappa * start, next, B::all(1));
        return fma(by_square(), B::all(-2) * kappa * a, direct);
    }
    RCSPIKE_INLINE B by_conductance() const {
        const B half = B::all(Real(0.5));
        return fma(by_square(), half * y, ratio / den * half * (start + next));
    }
    /// dq(end)/dq(start) = 1/(cosh(rho) den)^2.
    RCSPIKE_INLINE B by_start() const {
        const B root = (B::all(1) + r.e) * den;
        return B::all(4) * r.e / (root * root);
    }

private:
    /// x = sqrt((B d)^2 - (A d/V_0)^2), from h = A d/V_0. Two roots: a product of these sums could overflow.
    static RCSPIKE_INLINE B geometric_mean(B h, B of_y) {
        const B none = B::all(0);
        return sqrt(max(h - of_y, none)) * sqrt(max(-of_y - h, none));
    }
    /// dq(end)/d(rho^2). The derivative of the ratio is (1/cosh^2(rho) - ratio)/(2 rho^2), which is
    /// (4 x chi^2 - 8 (1/2 - chi)/x)/(1 + exp(-x))^2: nothing cancels for small x.
    RCSPIKE_INLINE B by_square() const {
        const B slope = where_at_least(-x, Real(-1), chi_slope(-x), (B::all(Real(0.5)) - r.chi) / x);
        const B root = (B::all(1) + r.e) * den;
        return fma(B::all(4) * x * r.chi, r.chi, B::all(-8) * slope) * rise / (root * root);
    }
};

/// As LinearLaw; its state is q.
template <class B, bool>
struct SinhLaw {
    using Membrane = SinhMembrane<B>;
    B steepness;  // 1/V_0

    template <class Tile>
    RCSPIKE_INLINE explicit SinhLaw(const Tile& tile) : steepness(B::all(1 / tile.v_0)) {}

    RCSPIKE_INLINE Membrane over(B a, B y, B q) const { return {a, y, q, steepness}; }
    RCSPIKE_INLINE B by_drive(B lambda, B q) const { return fma(lambda, square(q), lambda); }
    RCSPIKE_INLINE B by_conductance(B q) const { return q; }
    /// v = 2 V_0 artanh(z) with z = q/2V_0: 2 artanh(z) = -ln(1 - p) with p = 2z/(1 + z), of the size of z.
    RCSPIKE_INLINE B voltage(B q) const {
        const B z = abs(ratio_of(q)), below = B::all(1) + z;
        return q / below * log_ratio(z * B::all(2) / below);
    }
    /// dv/dq = 1/(1 - z^2).
    RCSPIKE_INLINE B by_state(B grad_v, B q) const { return grad_v / (B::all(1) - square(q)); }

private:
    RCSPIKE_INLINE B ratio_of(B q) const { return q * steepness * B::all(typename B::Real(0.5)); }
    RCSPIKE_INLINE B square(B q) const { return ratio_of(q) * ratio_of(q); }
};
