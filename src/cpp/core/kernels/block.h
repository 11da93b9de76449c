// One tile row of numbers in registers, for the instruction set that includes this file.
//
// No include guard: every kernels/<isa>.cpp includes it once, inside its own namespace and target region, with
// RCSPIKE_VECTOR_BYTES, RCSPIKE_TILES_AT_ONCE and fma, sqrt and any_below for one vector defined. Instruction sets
// differ only in what GCC's vector extension cannot express (fused multiply-add, a test of all lanes).

template <class Real>
struct Native;

template <>
struct Native<float> {
    typedef float type __attribute__((vector_size(RCSPIKE_VECTOR_BYTES)));
    typedef std::int32_t bits __attribute__((vector_size(RCSPIKE_VECTOR_BYTES)));
    static constexpr std::int32_t magnitude_mask = std::numeric_limits<std::int32_t>::max();
};

template <>
struct Native<double> {
    typedef double type __attribute__((vector_size(RCSPIKE_VECTOR_BYTES)));
    typedef std::int64_t bits __attribute__((vector_size(RCSPIKE_VECTOR_BYTES)));
    static constexpr std::int64_t magnitude_mask = std::numeric_limits<std::int64_t>::max();
};

/// The same row of `n` tiles side by side. Several tiles in one sweep share its loop and its mispredicted branches;
/// every lane gets the same result as when its tile is alone.
template <class R, int n>
struct Block {
    using Real = R;
    using Vec = typename Native<Real>::type;
    using Bits = typename Native<Real>::bits;
    static constexpr int tiles = n;
    static constexpr int parts_per_tile = 64 / RCSPIKE_VECTOR_BYTES;
    static constexpr int parts = n * parts_per_tile;

    Vec part[parts];

    static RCSPIKE_INLINE Block all(Real value) {
        Block r;
        for (int i = 0; i < parts; ++i) r.part[i] = value - Vec{};  // minus: +0 would change -0, so it is not free
        return r;
    }
    /// `stride` numbers lie between the rows of neighbouring tiles.
    static RCSPIKE_INLINE Block load(const Real* from, std::size_t stride = lanes<Real>) {
        Block r;
        for (int i = 0; i < parts; ++i) r.part[i] = address(from, stride, i)[i % parts_per_tile];
        return r;
    }
    RCSPIKE_INLINE void store(Real* to, std::size_t stride = lanes<Real>) const {
        for (int i = 0; i < parts; ++i) const_cast<Vec*>(address(to, stride, i))[i % parts_per_tile] = part[i];
    }

private:
    static RCSPIKE_INLINE const Vec* address(const Real* row, std::size_t stride, int i) {
        return reinterpret_cast<const Vec*>(row + std::size_t(i / parts_per_tile) * stride);
    }
};

#define RCSPIKE_BLOCK_OPERATOR(op)                                                       \
    template <class R, int n>                                                            \
    RCSPIKE_INLINE Block<R, n> operator op(Block<R, n> a, Block<R, n> b) {               \
        Block<R, n> r;                                                                   \
        for (int i = 0; i < Block<R, n>::parts; ++i) r.part[i] = a.part[i] op b.part[i]; \
        return r;                                                                        \
    }
RCSPIKE_BLOCK_OPERATOR(+)
RCSPIKE_BLOCK_OPERATOR(-)
RCSPIKE_BLOCK_OPERATOR(*)
RCSPIKE_BLOCK_OPERATOR(/)
#undef RCSPIKE_BLOCK_OPERATOR

template <class R, int n>
RCSPIKE_INLINE Block<R, n> operator-(Block<R, n> a) {
    for (int i = 0; i < Block<R, n>::parts; ++i) a.part[i] = -a.part[i];
    return a;
}

template <class R, int n>
RCSPIKE_INLINE Block<R, n> abs(Block<R, n> a) {
    using B = Block<R, n>;
    for (int i = 0; i < B::parts; ++i) {
        a.part[i] = (typename B::Vec)((typename B::Bits)a.part[i] & Native<R>::magnitude_mask);
    }
    return a;
}

/// a, negated where the sign bit of `sign` is set.
template <class R, int n>
RCSPIKE_INLINE Block<R, n> flip_sign(Block<R, n> a, Block<R, n> sign) {
    using B = Block<R, n>;
    for (int i = 0; i < B::parts; ++i) {
        const auto bit = (typename B::Bits)sign.part[i] & ~Native<R>::magnitude_mask;
        a.part[i] = (typename B::Vec)((typename B::Bits)a.part[i] ^ bit);
    }
    return a;
}

/// `negative` where the sign bit of `sign` is set, `positive` elsewhere.
template <class R, int n>
RCSPIKE_INLINE Block<R, n> by_sign(Block<R, n> sign, Block<R, n> positive, Block<R, n> negative) {
    using B = Block<R, n>;
    for (int i = 0; i < B::parts; ++i) {
        positive.part[i] = (typename B::Bits)sign.part[i] < 0 ? negative.part[i] : positive.part[i];
    }
    return positive;
}

template <class R, int n>
RCSPIKE_INLINE Block<R, n> min(Block<R, n> a, Block<R, n> b) {
    for (int i = 0; i < Block<R, n>::parts; ++i) a.part[i] = a.part[i] < b.part[i] ? a.part[i] : b.part[i];
    return a;
}

template <class R, int n>
RCSPIKE_INLINE Block<R, n> max(Block<R, n> a, Block<R, n> b) {
    for (int i = 0; i < Block<R, n>::parts; ++i) a.part[i] = a.part[i] > b.part[i] ? a.part[i] : b.part[i];
    return a;
}

/// a where x >= bound, b elsewhere.
template <class R, int n>
RCSPIKE_INLINE Block<R, n> where_at_least(Block<R, n> x, R bound, Block<R, n> a, Block<R, n> b) {
    for (int i = 0; i < Block<R, n>::parts; ++i) a.part[i] = x.part[i] >= bound ? a.part[i] : b.part[i];
    return a;
}

template <class R, int n>
RCSPIKE_INLINE Block<R, n> fma(Block<R, n> a, Block<R, n> b, Block<R, n> c) {
    for (int i = 0; i < Block<R, n>::parts; ++i) c.part[i] = fma(a.part[i], b.part[i], c.part[i]);
    return c;
}

template <class R, int n>
RCSPIKE_INLINE Block<R, n> sqrt(Block<R, n> a) {
    for (int i = 0; i < Block<R, n>::parts; ++i) a.part[i] = sqrt(a.part[i]);
    return a;
}

template <class R, int n>
RCSPIKE_INLINE bool any_below(Block<R, n> x, R bound) {
    typename Block<R, n>::Vec smallest = x.part[0];
    for (int i = 1; i < Block<R, n>::parts; ++i) smallest = smallest < x.part[i] ? smallest : x.part[i];
    return any_below(smallest, bound);
}
