// -ln(1 - x)/x, which says when a membrane reaches a threshold (docs/single-phase.md). Included as block.h is, after
// relax.h.

/// Numbers of terms of artanh(z)/z, z^2 < 0.0295, for the last bit; and the bits of sqrt(1/2).
template <class Real>
struct Artanh;
template <>
struct Artanh<float> {
    static constexpr int terms = 5;
    static constexpr std::int32_t root = 0x3f3504f3;
};
template <>
struct Artanh<double> {
    static constexpr int terms = 11;
    static constexpr std::int64_t root = 0x3fe6a09e667f3bcd;
};

/// -ln(1 - x)/x for x < 1, and 1 at x = 0. With 1 - x = 2^n m and m about 1, -ln m = 2 artanh((1 - m)/(1 + m)), whose
/// numerator is x itself where n = 0: nothing cancels for small x.
template <class B>
RCSPIKE_INLINE B log_ratio(B x) {
    using Real = typename B::Real;
    using Vec = typename B::Vec;
    using Bits = typename B::Bits;
    constexpr int mantissa_bits = Chi<Real>::mantissa_bits;
    const auto low_bits = (decltype(Artanh<Real>::root){1} << mantissa_bits) - 1;
    const B one = B::all(1), two = B::all(2), magic = B::all(Real(1.5) * Real(std::int64_t{1} << mantissa_bits));
    const B w = one - x;
    B m, n, numerator;
    for (int i = 0; i < B::parts; ++i) {
        const Bits bits = (Bits)w.part[i], above = bits - Artanh<Real>::root;
        m.part[i] = (Vec)(bits - (above & ~low_bits));
        n.part[i] = (Vec)((Bits)magic.part[i] + (above >> mantissa_bits)) - magic.part[i];
        numerator.part[i] = n.part[i] == Real(0) ? x.part[i] : one.part[i] - m.part[i];
    }
    const B denominator = one + m;
    const B z = numerator / denominator, z2 = z * z;
    B series = B::all(Real(1) / (2 * Artanh<Real>::terms - 1));
    for (int i = Artanh<Real>::terms - 2; i >= 0; --i) series = fma(series, z2, B::all(Real(1) / (2 * i + 1)));
    const B direct = two * series / denominator;
    const B reduced = fma(n, B::all(Real(-0.69314718055994531)), two * z * series) / x;
    B ratio;
    for (int i = 0; i < B::parts; ++i) ratio.part[i] = n.part[i] == Real(0) ? direct.part[i] : reduced.part[i];
    return ratio;
}
