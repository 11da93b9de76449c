// Random words and normal numbers: the same on every instruction set. Included as block.h is.

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
