// How a membrane relaxes over an interval (docs/model.md). Included as block.h is.

/// chi(x) = (1 - phi)/x on [0, 1], phi(x) = (1 - exp(-x))/x: Chebyshev interpolation, error 9e-9 and 1e-16; the first
/// coefficient is 1/2 exactly, so that nothing is rounded at x = 0.
/// Coefficients of powers of -x, all positive: in y = -x every step below is a plain fused multiply-add.
template <class Real>
struct Chi;

template <>
struct Chi<float> {
    static constexpr float coefficient[] = {0.49999999126309721f,   0.16666603660680486f,   0.041659255359337327f,
                                            0.0083011704458224614f, 0.0013248179642864888f, 0.00013742419086074865f};
    static constexpr float largest_exponent = 80.0f;  // exp(-80) is still a normal number
    static constexpr int mantissa_bits = 23;
    static constexpr std::int32_t bias = 127;
};

template <>
struct Chi<double> {
    static constexpr double coefficient[] = {0.5,
                                             0.166666666666654094,
                                             0.041666666666162976,
                                             0.00833333332545321903,
                                             0.00138888882556586632,
                                             0.000198412400961209841,
                                             0.0000248007137026776452,
                                             2.75407668805580116e-6,
                                             2.73542620422973335e-7,
                                             2.34810814896840596e-8,
                                             1.37422854695335674e-9};
    static constexpr double largest_exponent = 700.0;
    static constexpr int mantissa_bits = 52;
    static constexpr std::int64_t bias = 1023;
};

/// How a membrane relaxes over an interval of x = B d: e = exp(-x), phi = (1 - e)/x, chi = (1 - phi)/x.
template <class B>
struct Relaxation {
    B e, phi, chi;
};

/// Computes chi, then phi = 1 - x chi and e = 1 - x phi, without division, so x = 0 is no special case. The polynomial
/// is split into even and odd powers: the length of this chain of operations limits the speed of a sweep of one tile.
template <class B>
RCSPIKE_INLINE Relaxation<B> relax_small(B y) {
    using Real = typename B::Real;
    constexpr auto& c = Chi<Real>::coefficient;
    constexpr int last = sizeof(c) / sizeof(Real) - 1;
    const B y2 = y * y;
    B high = B::all(c[last]);
    B low = B::all(c[last - 1]);
    for (int i = last - 2; i > 0; i -= 2) {
        high = fma(high, y2, B::all(c[i]));
        low = fma(low, y2, B::all(c[i - 1]));
    }
    Relaxation<B> r;
    r.chi = last % 2 == 1 ? fma(high, y, low) : fma(low, y, fma(high, y2, B::all(c[0])));
    r.phi = fma(y, r.chi, B::all(1));
    r.e = fma(y, r.phi, B::all(1));
    return r;
}

/// (chi - 1/2)/y for x <= 1: chi's polynomial without its constant.
template <class B>
RCSPIKE_INLINE B chi_slope(B y) {
    using Real = typename B::Real;
    constexpr auto& c = Chi<Real>::coefficient;
    constexpr int last = sizeof(c) / sizeof(Real) - 1;
    B r = B::all(c[last]);
    for (int i = last - 1; i > 0; --i) r = fma(r, y, B::all(c[i]));
    return r;
}

/// For x > 1, where chi's polynomial ends: exp(-x) = 2^-n exp(-r), r in [0, ln 2]. Lane by lane, so that a neuron's
/// bits do not depend on its neighbours'. It is rarely needed (x is of order 1/150), so it stays out of the hot loop.
template <class B>
__attribute__((noinline, cold)) Relaxation<B> relax_large(const typename B::Real* stored_y) {
    using Real = typename B::Real;
    const B y = B::load(stored_y);
    using C = Chi<Real>;
    const B x = -y;
    // Adding 1.5 2^mantissa leaves floor(x / ln 2), up to rounding, in the low bits of the sum.
    const Real magic = Real(1.5) * Real(std::int64_t{1} << C::mantissa_bits);
    const B bounded = min(x, B::all(C::largest_exponent));
    const B shifted = fma(bounded, B::all(Real(1.4426950408889634)), B::all(Real(-0.5))) + B::all(magic);
    const B n = shifted - B::all(magic);
    // ln 2 in two parts, the first with enough trailing zeros that n times it is exact.
    const Real ln2_high = sizeof(Real) == 4 ? Real(0.693145751953125) : Real(0.69314718036912382);
    const Real ln2_low = sizeof(Real) == 4 ? Real(1.42860682030941723e-6) : Real(1.9082149292705877e-10);
    const B rest = fma(n, B::all(ln2_low), fma(n, B::all(ln2_high), -bounded));
    B e = relax_small(rest).e;
    for (int i = 0; i < B::parts; ++i) {
        const auto power = (C::bias - (typename B::Bits)shifted.part[i]) << C::mantissa_bits;
        e.part[i] *= (typename B::Vec)power;
    }
    e = where_at_least(y, -C::largest_exponent, e, B::all(0));
    const B one = B::all(1);
    const B phi = (one - e) / x;
    const B chi = (one - phi) / x;
    const Relaxation<B> small = relax_small(y);
    return {where_at_least(y, Real(-1), small.e, e), where_at_least(y, Real(-1), small.phi, phi),
            where_at_least(y, Real(-1), small.chi, chi)};
}

/// y = -x = -B d.
template <class B>
RCSPIKE_INLINE Relaxation<B> relax(B y) {
    Relaxation<B> r = relax_small(y);
    if (__builtin_expect(any_below(y, typename B::Real(-1)), false)) {
        // A copy in memory: if the address of y itself were taken, y would be stored on the hot path too.
        alignas(64) typename B::Real stored[B::tiles * lanes<typename B::Real>];
        y.store(stored);
        r = relax_large<B>(stored);
    }
    return r;
}
