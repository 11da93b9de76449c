// The backward pass of charging, one tile (docs/model.md). Included as block.h is, after sweep.h.

/// Gradients of a group of rows: neighbouring tiles side by side.
template <class B, class Real>
RCSPIKE_INLINE void add_to_weights(Real* gradient, const ResistiveTile<Real>& tile, std::size_t offset, B change) {
    (B::load(gradient + offset, tile.stride) + change).store(gradient + offset, tile.stride);
}
/// times += w slope, w as load_weights gives it.
template <class B, class Real>
RCSPIKE_INLINE void add_to_times(Real* times, const ResistiveTile<Real>&, std::size_t, B w, B slope) {
    fma(w, slope, B::load(times)).store(times);
}

/// The backward pass: P and Q, or their counterparts, and the gradient factors of the synapses that switch on at the
/// start of a step. `by_drive` and `by_conductance` are the membrane's factors over the step. Affine: dL/dD = P, dL/dG
/// = -Q, dL/dt = -lambda (D - G v).
template <class B>
struct AffineAdjoint {
    using Real = typename B::Real;
    B p = B::all(0), minus_q = p, lambda, lambda_v;

    RCSPIKE_INLINE explicit AffineAdjoint(const AffineTile<Real>&) {}

    RCSPIKE_INLINE void pass(const Step<Real>& step, B lambda_end, B by_drive, B by_conductance) {
        p = fma(lambda_end * B::all(step.a), by_drive, p);
        minus_q = fma(lambda_end * B::all(step.y), by_conductance, minus_q);
    }
    template <class Law>
    RCSPIKE_INLINE void set_times(const Law& law, B new_lambda, B v) {
        lambda = law.by_drive(new_lambda, v);
        lambda_v = new_lambda * law.by_conductance(v);
    }
    template <bool wants_times>
    RCSPIKE_INLINE void add(const AffineTile<Real>& tile, const AffineGradient<Real>& gradient, std::size_t offset,
                            Real* times) const {
        const auto add_to = [&](Real* to, B change)
                                RCSPIKE_LAMBDA { (B::load(to + offset) + change).store(to + offset); };
        add_to(gradient.drive, p);
        add_to(gradient.conductance, minus_q);
        if (!wants_times) return;
        const B sum = fma(-lambda, B::load(tile.drive + offset), B::load(times));
        fma(lambda_v, B::load(tile.conductance + offset), sum).store(times);
    }
};

/// Resistive: dL/dw = a P -+ b Q and dL/dt = w lambda (-a +- b v); the sign of w chooses.
template <class B, bool symmetric>
struct ResistiveAdjoint;

/// On symmetric rails the sign of w only flips the sign of one number.
template <class B>
struct ResistiveAdjoint<B, true> {
    using Real = typename B::Real;
    Real a, b;
    B p = B::all(0), minus_q = p;  // times a and b, like the factors of a step
    B lambda, lambda_v;            // lambda_v times b

    template <class Tiles>
    RCSPIKE_INLINE explicit ResistiveAdjoint(const Tiles& tile) : a(tile.coupling.a_plus), b(tile.coupling.b_plus) {}

    RCSPIKE_INLINE void pass(const Step<Real>& step, B lambda_end, B by_drive, B by_conductance) {
        p = fma(lambda_end * B::all(step.a), by_drive, p);
        minus_q = fma(lambda_end * B::all(step.y), by_conductance, minus_q);
    }
    template <class Law>
    RCSPIKE_INLINE void set_times(const Law& law, B new_lambda, B v) {
        lambda = law.by_drive(new_lambda, v);
        lambda_v = new_lambda * B::all(b) * law.by_conductance(v);
    }
    template <bool wants_times, class Tiles>
    RCSPIKE_INLINE void add(const Tiles& tile, const WeightGradient<Real>& gradient, std::size_t offset,
                            Real* times) const {
        const B w = load_weights<B>(tile, offset);
        add_to_weights(gradient.weights, tile, offset, p + flip_sign(minus_q, w));
        if (!wants_times) return;
        add_to_times(times, tile, offset, w, fma(lambda, B::all(-a), flip_sign(lambda_v, w)));
    }
};

template <class B>
struct ResistiveAdjoint<B, false> {
    using Real = typename B::Real;
    Coupling<Real> c;
    B p = B::all(0), q = p;
    B time_plus, time_minus;

    template <class Tile>
    RCSPIKE_INLINE explicit ResistiveAdjoint(const Tile& tile) : c(tile.coupling) {}

    RCSPIKE_INLINE void pass(const Step<Real>& step, B lambda_end, B by_drive, B by_conductance) {
        const B weight = lambda_end * B::all(step.length);
        p = fma(weight, by_drive, p);
        q = fma(weight, by_conductance, q);
    }
    template <class Law>
    RCSPIKE_INLINE void set_times(const Law& law, B lambda, B v) {
        const B by_drive = law.by_drive(lambda, v), lambda_v = lambda * law.by_conductance(v);
        time_plus = fma(lambda_v, B::all(c.b_plus), by_drive * B::all(-c.a_plus));
        time_minus = fma(lambda_v, B::all(-c.b_minus), by_drive * B::all(-c.a_minus));
    }
    RCSPIKE_INLINE B weight_slope(B w) const {
        const B plus = fma(q, B::all(-c.b_plus), p * B::all(c.a_plus));
        const B minus = fma(q, B::all(c.b_minus), p * B::all(c.a_minus));
        return by_sign(w, plus, minus);
    }
    template <bool wants_times>
    RCSPIKE_INLINE void add(const ResistiveTile<Real>& tile, const WeightGradient<Real>& gradient, std::size_t offset,
                            Real* times) const {
        const B w = B::load(tile.weights + offset);
        (B::load(gradient.weights + offset) + weight_slope(w)).store(gradient.weights + offset);
        if (wants_times) fma(w, by_sign(w, time_plus, time_minus), B::load(times)).store(times);
    }
};

/// Pairs drawn for weights: dL/dw of the device that the weight's sign chooses, before multiplying by the slope of the
/// draw.
template <class B, bool symmetric>
struct PairAdjoint;

template <class B>
struct PairAdjoint<B, true> : ResistiveAdjoint<B, true> {
    using Real = typename B::Real;
    RCSPIKE_INLINE explicit PairAdjoint(const PairTile<Real>& tile) : ResistiveAdjoint<B, true>(tile) {}

    template <bool wants_times>
    RCSPIKE_INLINE void add(const PairTile<Real>& tile, const WeightGradient<Real>& gradient, std::size_t offset,
                            Real* times) const {
        const B change = this->p + flip_sign(this->minus_q, B::load(tile.weights + offset));
        (B::load(gradient.weights + offset) + change).store(gradient.weights + offset);
        if (!wants_times) return;
        const B sum = fma(this->lambda * B::all(-this->a), B::load(tile.first + offset), B::load(times));
        fma(this->lambda_v, B::load(tile.second + offset), sum).store(times);
    }
};

template <class B>
struct PairAdjoint<B, false> : ResistiveAdjoint<B, false> {
    using Real = typename B::Real;
    RCSPIKE_INLINE explicit PairAdjoint(const PairTile<Real>& tile) : ResistiveAdjoint<B, false>(tile) {}

    template <bool wants_times>
    RCSPIKE_INLINE void add(const PairTile<Real>& tile, const WeightGradient<Real>& gradient, std::size_t offset,
                            Real* times) const {
        const B change = this->weight_slope(B::load(tile.weights + offset));
        (B::load(gradient.weights + offset) + change).store(gradient.weights + offset);
        if (!wants_times) return;
        const B sum = fma(this->time_plus, B::load(tile.first + offset), B::load(times));
        fma(this->time_minus, B::load(tile.second + offset), sum).store(times);
    }
};

/// Repeats the forward sweep, keeps what the backward sweep needs of each step, then runs the backward sweep. One tile
/// at a time, so that the kept values stay in the first-level cache.
template <class Sums, class Adjoint, bool wants_times, class Tiles, class Gradient, class B = typename Sums::Blocks,
          class Real>
void charge_backward(const Events<Real> events, const Tiles tile, const Real* grad_v, const Gradient gradient,
                     Real* scratch) {
    constexpr std::size_t width = lanes<Real>;
    constexpr std::size_t kept_size = (wants_times ? 4 : 3) * width;
    Real* kept = scratch;
    const auto keep = [&](const Step<Real>&, const Sums&, B v, const auto& moved) RCSPIKE_LAMBDA {
        moved.by_start().store(kept);
        moved.by_drive().store(kept + width);
        moved.by_conductance().store(kept + 2 * width);
        if (wants_times) v.store(kept + 3 * width);
        kept += kept_size;
    };
    const B end = sweep<Sums>(events, tile, keep);

    Adjoint adjoint(tile);
    const typename Sums::Law law(tile);
    B lambda = law.by_state(B::load(grad_v), end);
    const bool far = is_far(tile);
    std::size_t spike = events.n_spikes();
    for (std::size_t k = events.n_steps - 1; k > 0; --k) {
        kept -= kept_size;
        adjoint.pass(events.steps[k], lambda, B::load(kept + width), B::load(kept + 2 * width));
        lambda = lambda * B::load(kept);
        if (wants_times) adjoint.set_times(law, lambda, B::load(kept + 3 * width));
        for (const std::size_t first = events.steps[k - 1].end; spike > first;) {
            const std::size_t offset = events.inputs[--spike] * lanes<Real>;
            if (far) {
                const std::size_t next = events.inputs[spike - std::min(spike, ahead)] * lanes<Real>;
                fetch(tile.rows() + next);
                fetch(gradient.rows() + next);
            }
            adjoint.template add<wants_times>(tile, gradient, offset,
                                              wants_times ? gradient.times + spike * lanes<Real> : nullptr);
        }
    }
    if constexpr (std::is_same_v<Adjoint, AffineAdjoint<B>>) {
        adjoint.pass(events.steps[0], lambda, B::load(scratch + width), B::load(scratch + 2 * width));
        if (gradient.drive0) (B::load(gradient.drive0) + adjoint.p).store(gradient.drive0);
        if (gradient.conductance0) (B::load(gradient.conductance0) + adjoint.minus_q).store(gradient.conductance0);
    }
}
