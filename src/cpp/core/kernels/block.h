// One tile row of numbers in registers, for the instruction set that includes this file.
//
// No include guard: every kernels/<isa>.cpp includes it once, inside its own namespace and target region, with
// RCSPIKE_VECTOR_BYTES set. Only what GCC's vector extension cannot say (fused multiply-add, a test of all lanes)
// differs between instruction sets.

#define RCSPIKE_INLINE inline __attribute__((always_inline))
#define RCSPIKE_LAMBDA __attribute__((always_inline))

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

template <class Real>
struct Block {
    using Vec = typename Native<Real>::type;
    using Bits = typename Native<Real>::bits;
    static constexpr int parts = 64 / RCSPIKE_VECTOR_BYTES;

    Vec part[parts];

    static RCSPIKE_INLINE Block all(Real value) {
        Block r;
        for (int i = 0; i < parts; ++i) r.part[i] = value - Vec{};  // minus: +0 would turn -0 around, so it is not free
        return r;
    }
    static RCSPIKE_INLINE Block load(const Real* from) {
        Block r;
        for (int i = 0; i < parts; ++i) r.part[i] = reinterpret_cast<const Vec*>(from)[i];
        return r;
    }
    RCSPIKE_INLINE void store(Real* to) const {
        for (int i = 0; i < parts; ++i) reinterpret_cast<Vec*>(to)[i] = part[i];
    }
};

#define RCSPIKE_BLOCK_OPERATOR(op)                                                       \
    template <class Real>                                                                \
    RCSPIKE_INLINE Block<Real> operator op(Block<Real> a, Block<Real> b) {               \
        Block<Real> r;                                                                   \
        for (int i = 0; i < Block<Real>::parts; ++i) r.part[i] = a.part[i] op b.part[i]; \
        return r;                                                                        \
    }
RCSPIKE_BLOCK_OPERATOR(+)
RCSPIKE_BLOCK_OPERATOR(-)
RCSPIKE_BLOCK_OPERATOR(*)
RCSPIKE_BLOCK_OPERATOR(/)
#undef RCSPIKE_BLOCK_OPERATOR

template <class Real>
RCSPIKE_INLINE Block<Real> operator-(Block<Real> a) {
    for (int i = 0; i < Block<Real>::parts; ++i) a.part[i] = -a.part[i];
    return a;
}

template <class Real>
RCSPIKE_INLINE Block<Real> abs(Block<Real> a) {
    using B = Block<Real>;
    for (int i = 0; i < B::parts; ++i) {
        a.part[i] = (typename B::Vec)((typename B::Bits)a.part[i] & Native<Real>::magnitude_mask);
    }
    return a;
}

/// `negative` where the sign bit of `sign` is set, else `positive`.
template <class Real>
RCSPIKE_INLINE Block<Real> by_sign(Block<Real> sign, Block<Real> positive, Block<Real> negative) {
    using B = Block<Real>;
    for (int i = 0; i < B::parts; ++i) {
        positive.part[i] = (typename B::Bits)sign.part[i] < 0 ? negative.part[i] : positive.part[i];
    }
    return positive;
}

template <class Real>
RCSPIKE_INLINE Block<Real> min(Block<Real> a, Block<Real> b) {
    for (int i = 0; i < Block<Real>::parts; ++i) a.part[i] = a.part[i] < b.part[i] ? a.part[i] : b.part[i];
    return a;
}

template <class Real>
RCSPIKE_INLINE Block<Real> max(Block<Real> a, Block<Real> b) {
    for (int i = 0; i < Block<Real>::parts; ++i) a.part[i] = a.part[i] > b.part[i] ? a.part[i] : b.part[i];
    return a;
}

/// a where x >= bound, else b.
template <class Real>
RCSPIKE_INLINE Block<Real> where_at_least(Block<Real> x, Real bound, Block<Real> a, Block<Real> b) {
    for (int i = 0; i < Block<Real>::parts; ++i) a.part[i] = x.part[i] >= bound ? a.part[i] : b.part[i];
    return a;
}
