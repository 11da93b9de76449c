// Devices drawn at random for weights: the same numbers on every instruction set. Included as block.h is.

typedef std::uint32_t Words __attribute__((vector_size(RCSPIKE_VECTOR_BYTES)));
constexpr std::size_t at_once = lanes<float>;

template <int by, class W>
RCSPIKE_INLINE void threefry_round(W& x0, W& x1) {
    x0 += x1;
    x1 = ((x1 << by) | (x1 >> (32 - by))) ^ x0;
}
template <int by0, int by1, int by2, int by3, class W>
RCSPIKE_INLINE void threefry_rounds(W& x0, W& x1) {
    threefry_round<by0>(x0, x1);
    threefry_round<by1>(x0, x1);
    threefry_round<by2>(x0, x1);
    threefry_round<by3>(x0, x1);
}

/// Threefry-2x32-20 (Salmon et al., SC 2011): two random words for each counter (x0, x1) of a key.
template <class W>
RCSPIKE_INLINE void threefry(const std::uint32_t* key, W& x0, W& x1) {
    const std::uint32_t third = 0x1bd11bda ^ key[0] ^ key[1];
    const auto inject = [&](std::uint32_t k0, std::uint32_t k1) RCSPIKE_LAMBDA {
        x0 += k0;
        x1 += k1;
    };
    inject(key[0], key[1]);
    threefry_rounds<13, 15, 26, 6>(x0, x1);
    inject(key[1], third + 1);
    threefry_rounds<17, 29, 16, 24>(x0, x1);
    inject(third, key[0] + 2);
    threefry_rounds<13, 15, 26, 6>(x0, x1);
    inject(key[0], key[1] + 3);
    threefry_rounds<17, 29, 16, 24>(x0, x1);
    inject(key[1], third + 4);
    threefry_rounds<13, 15, 26, 6>(x0, x1);
    inject(third, key[0] + 5);
}

/// The random words of one effect on one layer in one step.
struct Stream {
    std::uint32_t key[2];

    template <class Real>
    Stream(const DeviceDraw<Real>& devices, std::uint32_t effect) : key{devices.step, devices.layer << 3 | effect} {
        threefry(devices.seed, key[0], key[1]);
    }
    explicit Stream(const std::uint32_t* own) : key{own[0], own[1]} {}
    /// Two words for each synapse of one vector, starting at synapse number `first`.
    RCSPIKE_INLINE void words(std::size_t first, Words& x0, Words& x1) const {
        for (std::size_t i = 0; i < sizeof(Words) / 4; ++i) x0[i] = static_cast<std::uint32_t>(first + i);
        x1 = Words{} + static_cast<std::uint32_t>(std::uint64_t{first} >> 32);
        threefry(key, x0, x1);
    }
};

using FloatVec = Native<float>::type;
using IntVec = Native<float>::bits;

RCSPIKE_INLINE FloatVec all(float x) { return x - FloatVec{}; }

/// k 2^-24, where k is the upper 24 bits.
RCSPIKE_INLINE FloatVec uniform(Words x) { return __builtin_convertvector((IntVec)(x >> 8), FloatVec) * 0x1p-24f; }

/// ln u for u in [2^-24, 1]: u = 2^n m with m about 1, ln m = 2 artanh((m - 1)/(m + 1)).
RCSPIKE_INLINE FloatVec log(FloatVec u) {
    const IntVec n = ((IntVec)u - 0x3f3504f3) >> 23;
    const FloatVec m = (FloatVec)((IntVec)u - (n << 23));
    const FloatVec f = (m - 1) / (m + 1);
    const FloatVec f2 = f * f;  // at most 0.0295, and 0.0295^5 / 11 < 3e-9
    FloatVec sum = all(1.0f / 9);
    for (int i = 7; i > 0; i -= 2) sum = fma(sum, f2, all(1.0f / static_cast<float>(i)));
    return fma(__builtin_convertvector(n, FloatVec), all(0.693147181f), 2 * f * sum);
}

/// e^x, |x| at most 80: x = n ln 2 + r, and the series of e^r.
RCSPIKE_INLINE FloatVec exp(FloatVec x) {
    x = x > 80 ? all(80) : x;
    x = x < -80 ? all(-80) : x;
    const FloatVec shifted = fma(x, all(1.44269504f), all(0x1.8p23f));  // the integer is in the low bits
    const FloatVec n = shifted - 0x1.8p23f;
    const FloatVec r = fma(n, all(-1.42860682e-6f), fma(n, all(-0.693145752f), x));
    FloatVec sum = all(1);
    for (int i = 7; i > 0; --i) sum = fma(sum * r, all(1.0f / static_cast<float>(i)), all(1));
    return (FloatVec)((IntVec)sum + ((IntVec)shifted << 23));
}

/// Two normal numbers from two words, by Box and Muller 1958. The angle r lies in [-pi/4, pi/4), and is then mirrored
/// at both axes and at their bisector by three otherwise unused bits.
RCSPIKE_INLINE void normals(Words x0, Words x1, FloatVec& n0, FloatVec& n1) {
    const FloatVec radius = sqrt(-2 * log(uniform(x0) + 0x1p-24f));
    const FloatVec r = fma(uniform(x1), all(1.57079633f), all(-0.785398163f));
    const FloatVec r2 = r * r;  // at most 0.617; cut off after r^9 / 9! and r^8 / 8!, errors below 3e-8
    FloatVec s = all(1.0f / 362880);
    FloatVec c = all(1.0f / 40320);
    constexpr float sine[] = {-1.0f / 5040, 1.0f / 120, -1.0f / 6, 1};
    constexpr float cosine[] = {-1.0f / 720, 1.0f / 24, -1.0f / 2, 1};
    for (int i = 0; i < 4; ++i) {
        s = fma(s, r2, all(sine[i]));
        c = fma(c, r2, all(cosine[i]));
    }
    s = s * r;
    const auto swap = (x1 & 1) == 0;
    const FloatVec a = radius * (swap ? s : c);
    const FloatVec b = radius * (swap ? c : s);
    n0 = (FloatVec)((Words)a ^ (x1 & 2) << 30);
    n1 = (FloatVec)((Words)b ^ (x1 & 4) << 29);
}

/// `at_once` pairs of normal numbers, in float for every precision. Not inlined: it is long, and has several callers.
__attribute__((noinline)) inline void draw_normals(const Stream& stream, std::size_t first, float* n0, float* n1) {
    constexpr std::size_t width = sizeof(Words) / 4;
    for (std::size_t i = 0; i < at_once; i += width) {
        Words x0, x1;
        FloatVec a, b;
        stream.words(first + i, x0, x1);
        normals(x0, x1, a, b);
        std::memcpy(n0 + i, &a, sizeof a);
        std::memcpy(n1 + i, &b, sizeof b);
    }
}

/// Each block holds the first numbers of all pairs, then the second numbers.
inline void normal_numbers(const std::uint32_t* key, std::size_t first_block, std::size_t n_blocks, float* to) {
    const Stream stream(key);
    for (std::size_t i = 0; i < n_blocks; ++i, to += 2 * at_once) {
        draw_normals(stream, (first_block + i) * at_once, to, to + at_once);
    }
}

/// One number for each device of some synapses: on the positive rail and on the negative rail.
template <class Real>
struct Rows {
    alignas(64) Real plus[at_once], minus[at_once];

    explicit Rows(Real value) {
        std::fill_n(plus, at_once, value);
        std::fill_n(minus, at_once, value);
    }
    /// f of normal numbers.
    template <class Function>
    RCSPIKE_INLINE void set_normal(const Stream& stream, std::size_t first, const Function& f) {
        constexpr std::size_t width = sizeof(FloatVec) / 4;
        alignas(64) float n[2][at_once];
        draw_normals(stream, first, n[0], n[1]);
        Real* const to[] = {plus, minus};
        for (int device = 0; device < 2; ++device) {
            for (std::size_t i = 0; i < at_once; i += width) {
                FloatVec x;
                std::memcpy(&x, n[device] + i, sizeof x);
                x = f(x);
                for (std::size_t k = 0; k < width; ++k) to[device][i + k] = x[k];
            }
        }
    }
    void set_uniform(const Stream& stream, std::size_t first) {
        constexpr std::size_t width = sizeof(Words) / 4;
        for (std::size_t i = 0; i < at_once; i += width) {
            Words x0, x1;
            stream.words(first + i, x0, x1);
            const FloatVec a = uniform(x0), b = uniform(x1);
            for (std::size_t k = 0; k < width; ++k) plus[i + k] = a[k];
            for (std::size_t k = 0; k < width; ++k) minus[i + k] = b[k];
        }
    }
};

template <class Real>
void draw(const DeviceDraw<Real>& d, std::size_t first_weight, std::size_t n, const Real* weights, Real* first,
          Real* second, Real* slope) {
    using B = Block<Real, 1>;
    const Stream lognormal(d, 0), proportional(d, 1), absolute(d, 2), stuck(d, 3);
    Rows<Real> log_factor(1), factor(1), error(0), chance(1);
    const float stuck_off = d.stuck_off, stuck_any = d.stuck_off + d.stuck_on;
    const B g_min = B::all(d.g_min), g_max = B::all(d.g_max), zero = B::all(0);
    const B to_integer = B::all(sizeof(Real) == 4 ? Real(0x1.8p23) : Real(0x1.8p52));
    for (std::size_t start = 0; start < n; start += at_once) {
        const std::size_t from = first_weight + start;
        if (d.lognormal > 0) {
            log_factor.set_normal(lognormal, from, [&](FloatVec x) RCSPIKE_LAMBDA { return exp(x * d.lognormal); });
        }
        if (d.proportional > 0) {
            factor.set_normal(proportional, from, [&](FloatVec x) RCSPIKE_LAMBDA { return 1 + x * d.proportional; });
        }
        if (d.absolute > 0) error.set_normal(absolute, from, [&](FloatVec x) RCSPIKE_LAMBDA { return x * d.absolute; });
        if (stuck_any > 0) chance.set_uniform(stuck, from);
        for (std::size_t i = 0; i < at_once && start + i < n; i += lanes<Real>) {
            const B w = B::load(weights + start + i);
            B size = min(abs(w), B::all(d.w_max));
            if (d.level > 0) {
                const B level = B::all(d.level);
                size = ((size / level + to_integer) - to_integer) * level;
            }
            const B up = g_min + size;
            B slopes[2];
            const auto device = [&](const B& target, const Real* log_factors, const Real* factors, const Real* errors,
                                    const Real* chances, B& moves) RCSPIKE_LAMBDA {
                const B f = B::load(log_factors + i) * B::load(factors + i);
                const B g = target * f + B::load(errors + i) * g_max;
                const B c = B::load(chances + i);
                moves = where_at_least(c, Real(stuck_any), where_at_least(g, Real(0), f, zero), zero);
                const B at_end = where_at_least(c, Real(stuck_off), g_max, g_min);
                return where_at_least(c, Real(stuck_any), max(g, zero), at_end);
            };
            const B p = device(by_sign(w, up, g_min), log_factor.plus, factor.plus, error.plus, chance.plus, slopes[0]);
            const B m =
                device(by_sign(w, g_min, up), log_factor.minus, factor.minus, error.minus, chance.minus, slopes[1]);
            (d.symmetric ? p - m : p).store(first + start + i);
            (d.symmetric ? p + m : zero - m).store(second + start + i);
            by_sign(w, slopes[0], slopes[1]).store(slope + start + i);
        }
    }
}
