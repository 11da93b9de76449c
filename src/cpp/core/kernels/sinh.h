// The law of a membrane behind devices of I = g V_0 sinh(V/V_0), all with the same V_0 (docs/sinh-devices.md). Included
// as block.h is, after sums.h.

/// A membrane over a stretch of length d, starting at q = 2 V_0 z, z = tanh(v/2V_0), which obeys
///
///     q' = D - C q + D z^2 = D (1 -+ z)^2 - M q,     M = C - |D|/V_0,
///
/// with the sign of D. In this form nothing cancels next to a rail. With a = D d and rest = M d, q moves in a step by
/// its rise q' d at the start, times ratio/den, where
///
///     x = sqrt(M (M + 2 |D|/V_0)) d     ratio = tanh(x/2)/(x/2)     den = 1 + ratio/2 (M + |D|/V_0 (1 -+ z)) d.
///
/// Since tanh(x/2) = (1 - exp(-x))/(1 + exp(-x)), the relaxation of x gives the ratio without a division by x.
template <class B>
struct SinhMembrane {
    using Real = typename B::Real;
    B steepness, a, start, conductance, x;  // steepness = 1/V_0, conductance = C d
    Relaxation<B> r;
    B ratio, den, rise;
    B next;  // q at the end

    RCSPIKE_INLINE SinhMembrane(B of_a, B rest, B q, B of_steepness) : steepness(of_steepness), a(of_a), start(q) {
        const B one = B::all(1), half = B::all(Real(0.5));
        const B most = abs(a) * steepness, left = one - flip_sign(half * q * steepness, a);
        conductance = rest + most;
        x = sqrt(rest) * sqrt(conductance + most);  // two roots: the product could overflow
        r = relax(-x);
        ratio = B::all(2) * r.phi / (one + r.e);
        den = fma(half * ratio, fma(most, left, rest), one);
        rise = fma(a * left, left, -(rest * q));
        next = fma(ratio / den, rise, q);
    }

    /// dq(end)/dD and -dq(end)/dC, besides d: at the same ratio, and through it.
    RCSPIKE_INLINE B by_drive() const {
        const B kappa = B::all(Real(0.25)) * steepness * steepness;
        const B direct = ratio / den * fma(kappa * start, next, B::all(1));
        return fma(by_square(), B::all(-2) * kappa * a, direct);
    }
    RCSPIKE_INLINE B by_conductance() const {
        const B half = B::all(Real(0.5));
        return half * fma(ratio / den, start + next, -(by_square() * conductance));
    }
    /// dq(end)/dq(start) = 1/(cosh(x/2) den)^2.
    RCSPIKE_INLINE B by_start() const {
        const B root = (B::all(1) + r.e) * den;
        return B::all(4) * r.e / (root * root);
    }

private:
    /// dq(end)/d(x/2)^2. The derivative of the ratio by it is (1/cosh^2(x/2) - ratio)/(x^2/2), which is
    /// (4 x chi^2 - 8 (1/2 - chi)/x)/(1 + exp(-x))^2: nothing cancels for small x.
    RCSPIKE_INLINE B by_square() const {
        const B slope = where_at_least(-x, Real(-1), chi_slope(-x), (B::all(Real(0.5)) - r.chi) / x);
        const B root = (B::all(1) + r.e) * den;
        return fma(B::all(4) * x * r.chi, r.chi, B::all(-8) * slope) * rise / (root * root);
    }
};

/// As LinearLaw. Its state is q; it takes M d in place of -B d.
template <class B, bool>
struct SinhLaw {
    using Membrane = SinhMembrane<B>;
    B steepness;

    template <class Tile>
    RCSPIKE_INLINE explicit SinhLaw(const Tile& tile) : steepness(B::all(1 / tile.sinh->v_0)) {}

    RCSPIKE_INLINE Membrane over(B a, B rest, B q) const { return {a, rest, q, steepness}; }
    RCSPIKE_INLINE B by_drive(B lambda, B q) const { return fma(lambda, z(q) * z(q), lambda); }
    RCSPIKE_INLINE B by_conductance(B q) const { return q; }
    /// v = 2 V_0 artanh(z), where 2 artanh(z) = -ln(1 - p) with p = 2z/(1 + z), of the size of z.
    RCSPIKE_INLINE B voltage(B q) const {
        const B size = abs(z(q)), below = B::all(1) + size;
        return q / below * log_ratio(B::all(2) * size / below);
    }
    /// dv/dq = 1/(1 - z^2).
    RCSPIKE_INLINE B by_state(B grad_v, B q) const { return grad_v / (B::all(1) - z(q) * z(q)); }

private:
    RCSPIKE_INLINE B z(B q) const { return B::all(typename B::Real(0.5)) * q * steepness; }
};

/// The sums of either sign, as on rails of different size: those of M from the small numbers that its devices have, and
/// from twice the smaller one of the two drives that D is the difference of.
template <class B>
struct SinhSums : ResistiveSums<B, false, SinhLaw> {
    using Real = typename B::Real;
    SinhDevices<Real> devices;

    RCSPIKE_INLINE explicit SinhSums(const ResistiveTile<Real>& tile)
        : ResistiveSums<B, false, SinhLaw>(tile), devices(*tile.sinh) {}

    RCSPIKE_INLINE B y(const Step<Real>& step) const {
        const B up = this->plus * B::all(this->c.a_plus), down = this->minus * B::all(-this->c.a_minus);
        const B rests = fma(this->minus, B::all(-devices.rest_minus), this->plus * B::all(devices.rest_plus));
        return fma(min(up, down), B::all(2 / devices.v_0), rests) * B::all(step.length);
    }
};
