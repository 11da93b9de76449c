// Running sums over the conducting synapses of a tile (docs/model.md), and the law of the membrane that they drive.
// Included as block.h is, after membrane.h.

/// Weights of a group of rows: neighbouring tiles side by side.
template <class B, class Real>
RCSPIKE_INLINE B load_weights(const ResistiveTile<Real>& tile, std::size_t offset) {
    return B::load(tile.weights + offset, tile.stride);
}
/// Running sums of the conducting synapses. Affine: A = sum D, B = sum G.
template <class B>
struct AffineSums {
    using Blocks = B;
    using Real = typename B::Real;
    using Law = LinearLaw<B, false>;
    static constexpr bool always_on = true;
    B drive, conductance;

    RCSPIKE_INLINE explicit AffineSums(const AffineTile<Real>& tile)
        : drive(B::load(tile.drive0)), conductance(B::load(tile.conductance0)) {}
    RCSPIKE_INLINE void switch_on(const AffineTile<Real>& tile, std::size_t offset) {
        drive = drive + B::load(tile.drive + offset, tile.stride);
        conductance = conductance + B::load(tile.conductance + offset, tile.stride);
    }
    RCSPIKE_INLINE B a(const Step<Real>& step) const { return drive * B::all(step.a); }
    RCSPIKE_INLINE B y(const Step<Real>& step) const { return conductance * B::all(step.y); }
};

/// Resistive synapses cost one load. On symmetric rails A = a sum w and B = b sum |w|.
template <class B, bool symmetric, template <class, bool> class LawOf = LinearLaw>
struct ResistiveSums;

template <class B, template <class, bool> class LawOf>
struct ResistiveSums<B, true, LawOf> {
    using Blocks = B;
    using Real = typename B::Real;
    using Law = LawOf<B, true>;
    static constexpr bool always_on = false;
    B sum, sum_abs;

    template <class Tiles>
    RCSPIKE_INLINE explicit ResistiveSums(const Tiles&) : sum(B::all(0)), sum_abs(sum) {}

    template <class Tiles>
    RCSPIKE_INLINE void switch_on(const Tiles& tile, std::size_t offset) {
        const B w = load_weights<B>(tile, offset);
        sum = sum + w;
        sum_abs = sum_abs + abs(w);
    }
    RCSPIKE_INLINE B a(const Step<Real>& step) const { return sum * B::all(step.a); }
    RCSPIKE_INLINE B y(const Step<Real>& step) const { return sum_abs * B::all(step.y); }
};

/// On other rails each sign has its own sums: computed from sum w and sum |w|, the B of one rail could be pure rounding
/// error.
template <class B, template <class, bool> class LawOf>
struct ResistiveSums<B, false, LawOf> {
    using Blocks = B;
    using Real = typename B::Real;
    using Law = LawOf<B, false>;
    static constexpr bool always_on = false;
    B plus, minus;  // sums of the positive and of the negative weights
    Coupling<Real> c;

    RCSPIKE_INLINE explicit ResistiveSums(const ResistiveTile<Real>& tile)
        : plus(B::all(0)), minus(plus), c(tile.coupling) {}

    RCSPIKE_INLINE void switch_on(const ResistiveTile<Real>& tile, std::size_t offset) {
        const B w = B::load(tile.weights + offset, tile.stride);
        const B zero = B::all(0);
        plus = plus + max(w, zero);
        minus = minus + min(w, zero);
    }
    RCSPIKE_INLINE B a(const Step<Real>& step) const {
        return fma(minus, B::all(c.a_minus * step.length), plus * B::all(step.a));
    }
    RCSPIKE_INLINE B y(const Step<Real>& step) const {
        return fma(minus, B::all(c.b_minus * step.length), plus * B::all(step.y));
    }
};

/// Pairs of devices: the same sums over two arrays, and the always-on synapses.
template <class B, bool symmetric>
struct PairSums {
    using Blocks = B;
    using Real = typename B::Real;
    using Law = LinearLaw<B, symmetric>;
    static constexpr bool always_on = true;
    B first, second, drive0, conductance0;
    Coupling<Real> c;

    RCSPIKE_INLINE explicit PairSums(const PairTile<Real>& tile)
        : first(B::all(0)),
          second(first),
          drive0(B::load(tile.drive0)),
          conductance0(B::load(tile.conductance0)),
          c(tile.coupling) {}

    RCSPIKE_INLINE void switch_on(const PairTile<Real>& tile, std::size_t offset) {
        first = first + B::load(tile.first + offset, tile.stride);
        second = second + B::load(tile.second + offset, tile.stride);
    }
    RCSPIKE_INLINE B a(const Step<Real>& step) const {
        const B plus = first * B::all(step.a);
        const B both = symmetric ? plus : fma(second, B::all(c.a_minus * step.length), plus);
        return fma(drive0, B::all(step.length), both);
    }
    RCSPIKE_INLINE B y(const Step<Real>& step) const {
        const B both =
            symmetric ? second * B::all(step.y) : fma(second, B::all(c.b_minus * step.length), first * B::all(step.y));
        return fma(conductance0, B::all(-step.length), both);
    }
};
