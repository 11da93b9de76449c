// Charging, its backward pass, traces and Adam on one tile (docs/model.md). Included as block.h is.

/// Weights of some rows at once, and where their gradients are added: neighbouring tiles side by side.
template <class B, class Real>
RCSPIKE_INLINE B load_drive(const Tile<Real>& tile, std::size_t offset) {
    return B::load(tile.drive + offset, tile.stride);
}
template <class B, class Real>
RCSPIKE_INLINE void add_to_drive(Real* gradient, const Tile<Real>& tile, std::size_t offset, B change) {
    (B::load(gradient + offset, tile.stride) + change).store(gradient + offset, tile.stride);
}
/// times += w slope, w being what load_drive gives.
template <class B, class Real>
RCSPIKE_INLINE void add_to_times(Real* times, const Tile<Real>&, std::size_t, B w, B slope) {
    fma(w, slope, B::load(times)).store(times);
}

/// Running sums of the conducting synapses. Affine: A = sum D, B = sum G.
template <class B>
struct AffineSums {
    using Blocks = B;
    using Real = typename B::Real;
    static constexpr bool always_on = true;
    static constexpr bool bounded = false;
    B drive, conductance;

    RCSPIKE_INLINE explicit AffineSums(const Tile<Real>& tile)
        : drive(B::load(tile.drive0)), conductance(B::load(tile.conductance0)) {}
    RCSPIKE_INLINE void switch_on(const Tile<Real>& tile, std::size_t offset) {
        drive = drive + B::load(tile.drive + offset, tile.stride);
        conductance = conductance + B::load(tile.conductance + offset, tile.stride);
    }
    RCSPIKE_INLINE B a(const Step<Real>& step) const { return drive * B::all(step.a); }
    RCSPIKE_INLINE B y(const Step<Real>& step) const { return conductance * B::all(step.y); }
};

/// Resistive synapses cost one load. On symmetric rails A = a sum w and B = b sum |w|.
template <class B, bool symmetric>
struct ResistiveSums;

template <class B>
struct ResistiveSums<B, true> {
    using Blocks = B;
    using Real = typename B::Real;
    static constexpr bool always_on = false;
    static constexpr bool bounded = true;
    B sum, sum_abs;

    template <class Tiles>
    RCSPIKE_INLINE explicit ResistiveSums(const Tiles&) : sum(B::all(0)), sum_abs(sum) {}

    template <class Tiles>
    RCSPIKE_INLINE void switch_on(const Tiles& tile, std::size_t offset) {
        const B w = load_drive<B>(tile, offset);
        sum = sum + w;
        sum_abs = sum_abs + abs(w);
    }
    RCSPIKE_INLINE B a(const Step<Real>& step) const { return sum * B::all(step.a); }
    RCSPIKE_INLINE B y(const Step<Real>& step) const { return sum_abs * B::all(step.y); }
};

/// On others each sign has sums of its own: from sum w and sum |w|, a B of one rail alone would be left to rounding.
template <class B>
struct ResistiveSums<B, false> {
    using Blocks = B;
    using Real = typename B::Real;
    static constexpr bool always_on = false;
    static constexpr bool bounded = false;
    B plus, minus;  // sums of the positive and of the negative weights
    Coupling<Real> c;

    RCSPIKE_INLINE explicit ResistiveSums(const Tile<Real>& tile) : plus(B::all(0)), minus(plus), c(tile.coupling) {}

    RCSPIKE_INLINE void switch_on(const Tile<Real>& tile, std::size_t offset) {
        const B w = B::load(tile.drive + offset, tile.stride);
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

/// Pairs of devices: the same sums, of two arrays, and the synapses that are always on.
template <class B, bool symmetric>
struct PairSums {
    using Blocks = B;
    using Real = typename B::Real;
    static constexpr bool always_on = true;
    static constexpr bool bounded = symmetric;
    B first, second, drive0, conductance0;
    Coupling<Real> c;

    RCSPIKE_INLINE explicit PairSums(const Tile<Real>& tile)
        : first(B::all(0)),
          second(first),
          drive0(B::load(tile.drive0)),
          conductance0(B::load(tile.conductance0)),
          c(tile.coupling) {}

    RCSPIKE_INLINE void switch_on(const Tile<Real>& tile, std::size_t offset) {
        first = first + B::load(tile.drive + offset, tile.stride);
        second = second + B::load(tile.conductance + offset, tile.stride);
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

/// v e + a phi. With e = 1 + y phi it is v + (a + y v) phi, one operation less but with the rounding error of the
/// larger of the two voltages: right where both are bounded by the same rail.
template <bool bounded, class B>
RCSPIKE_INLINE B advance(B v, B a, B y, const Relaxation<B>& r) {
    return bounded ? fma(fma(y, v, a), r.phi, v) : fma(v, r.e, a * r.phi);
}

/// Rows of tiles that fill the second-level cache are fetched some spikes ahead: which comes next no
/// processor can guess (20,000 inputs: twice as fast). Nearer ones are as fast without.
constexpr std::size_t ahead = 24;

template <class Tiles>
RCSPIKE_INLINE bool is_far(const Tiles& tile) {
    return tile.stride * sizeof(*tile.drive) > 128 * 1024;
}
RCSPIKE_INLINE void fetch(const void* row) { __builtin_prefetch(row); }

/// The charging phase of a row of tiles, the loop that everything follows. `visit(step, on, v, next, a, r)` sees every
/// step before v becomes next: the conducting synapses, a = A d and the relaxation r.
template <class Sums, class Tiles, class Visit, class B = typename Sums::Blocks, class Real = typename B::Real>
RCSPIKE_INLINE B sweep(const Events<Real>& events, const Tiles& tile, const Visit& visit) {
    Sums on(tile);
    B v = B::all(0);
    std::size_t spike = 0;
    const bool far = is_far(tile);
    const std::size_t last = events.n_spikes() - 1;
    for (std::size_t k = Sums::always_on ? 0 : 1; k < events.n_steps; ++k) {
        const Step<Real>& step = events.steps[k];
        for (const std::size_t end = step.end; spike < end; ++spike) {
            if (far) fetch(tile.drive + events.inputs[std::min(spike + ahead, last)] * lanes<Real>);
            on.switch_on(tile, events.inputs[spike] * lanes<Real>);
        }
        const B a = on.a(step);
        const B y = on.y(step);
        const Relaxation<B> r = relax(y);
        const B next = advance<Sums::bounded>(v, a, y, r);
        visit(step, on, v, next, a, r);
        v = next;
    }
    return v;
}

template <class Sums, class B = typename Sums::Blocks, class Real>
void charge(const Events<Real> events, const Tile<Real> tile, Real* v) {
    const auto nothing = [](const Step<Real>&, const Sums&, B, B, B, const Relaxation<B>&) RCSPIKE_LAMBDA {};
    sweep<Sums>(events, tile, nothing).store(v);
}

/// v at sorted times within the phase: the step that holds a time is run once more, up to it.
template <class Sums, class B = typename Sums::Blocks, class Real>
void trace(const Events<Real>& events, const Tile<Real>& tile, const Real* at, std::size_t n_at, Real* out) {
    std::size_t next_at = 0;
    for (; !Sums::always_on && next_at < n_at && at[next_at] < events.steps[0].length; ++next_at) {
        B::all(0).store(out + next_at * lanes<Real>);
    }
    B end = B::all(0);
    const auto visit = [&](const Step<Real>& step, const Sums& on, B v, B next, B,
                           const Relaxation<B>&) RCSPIKE_LAMBDA {
        for (; next_at < n_at && at[next_at] < step.start + step.length; ++next_at) {
            const Step<Real> part = make_step(tile.coupling, step.start, at[next_at] - step.start, step.end);
            const B y = on.y(part);
            advance<Sums::bounded>(v, on.a(part), y, relax(y)).store(out + next_at * lanes<Real>);
        }
        end = next;
    };
    sweep<Sums>(events, tile, visit);
    for (; next_at < n_at; ++next_at) end.store(out + next_at * lanes<Real>);
}

/// The backward pass: P and Q, or their counterparts, and the factors of the gradients of the synapses that a step
/// begins with. `kept_phi` and `kept_mean` are phi and v e + a psi of the step. Affine: dL/dD = P, dL/dG = -Q,
/// dL/dt = -lambda (D - G v).
template <class B>
struct AffineAdjoint {
    using Real = typename B::Real;
    B p = B::all(0), minus_q = p, lambda, lambda_v;

    RCSPIKE_INLINE explicit AffineAdjoint(const Tile<Real>&) {}

    RCSPIKE_INLINE void pass(const Step<Real>& step, B lambda_end, B kept_phi, B kept_mean) {
        p = fma(lambda_end * B::all(step.a), kept_phi, p);
        minus_q = fma(lambda_end * B::all(step.y), kept_mean, minus_q);
    }
    RCSPIKE_INLINE void set_times(B new_lambda, B v) {
        lambda = new_lambda;
        lambda_v = new_lambda * v;
    }
    template <bool wants_times>
    RCSPIKE_INLINE void add(const Tile<Real>& tile, const TileGradient<Real>& gradient, std::size_t offset,
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

/// Resistive: dL/dw = a P -+ b Q and dL/dt = w lambda (-a +- b v), one of two by the sign of w.
template <class B, bool symmetric>
struct ResistiveAdjoint;

/// On symmetric rails the sign of w turns one number around.
template <class B>
struct ResistiveAdjoint<B, true> {
    using Real = typename B::Real;
    Real a, b;
    B p = B::all(0), minus_q = p;  // times a and b, as the factors of a step are
    B lambda, lambda_v;            // the second times b

    template <class Tiles>
    RCSPIKE_INLINE explicit ResistiveAdjoint(const Tiles& tile) : a(tile.coupling.a_plus), b(tile.coupling.b_plus) {}

    RCSPIKE_INLINE void pass(const Step<Real>& step, B lambda_end, B kept_phi, B kept_mean) {
        p = fma(lambda_end * B::all(step.a), kept_phi, p);
        minus_q = fma(lambda_end * B::all(step.y), kept_mean, minus_q);
    }
    RCSPIKE_INLINE void set_times(B new_lambda, B v) {
        lambda = new_lambda;
        lambda_v = new_lambda * B::all(b) * v;
    }
    template <bool wants_times, class Tiles>
    RCSPIKE_INLINE void add(const Tiles& tile, const TileGradient<Real>& gradient, std::size_t offset,
                            Real* times) const {
        const B w = load_drive<B>(tile, offset);
        add_to_drive(gradient.drive, tile, offset, p + flip_sign(minus_q, w));
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

    RCSPIKE_INLINE explicit ResistiveAdjoint(const Tile<Real>& tile) : c(tile.coupling) {}

    RCSPIKE_INLINE void pass(const Step<Real>& step, B lambda_end, B kept_phi, B kept_mean) {
        const B weight = lambda_end * B::all(step.length);
        p = fma(weight, kept_phi, p);
        q = fma(weight, kept_mean, q);
    }
    RCSPIKE_INLINE void set_times(B lambda, B v) {
        const B lambda_v = lambda * v;
        time_plus = fma(lambda_v, B::all(c.b_plus), lambda * B::all(-c.a_plus));
        time_minus = fma(lambda_v, B::all(-c.b_minus), lambda * B::all(-c.a_minus));
    }
    RCSPIKE_INLINE B weight_slope(B w) const {
        const B plus = fma(q, B::all(-c.b_plus), p * B::all(c.a_plus));
        const B minus = fma(q, B::all(c.b_minus), p * B::all(c.a_minus));
        return by_sign(w, plus, minus);
    }
    template <bool wants_times>
    RCSPIKE_INLINE void add(const Tile<Real>& tile, const TileGradient<Real>& gradient, std::size_t offset,
                            Real* times) const {
        const B w = B::load(tile.drive + offset);
        (B::load(gradient.drive + offset) + weight_slope(w)).store(gradient.drive + offset);
        if (wants_times) fma(w, by_sign(w, time_plus, time_minus), B::load(times)).store(times);
    }
};

/// Pairs that were drawn for weights: dL/dw of the device that the weight's sign chooses, before the slope of the draw.
template <class B, bool symmetric>
struct PairAdjoint;

template <class B>
struct PairAdjoint<B, true> : ResistiveAdjoint<B, true> {
    using Real = typename B::Real;
    RCSPIKE_INLINE explicit PairAdjoint(const Tile<Real>& tile) : ResistiveAdjoint<B, true>(tile) {}

    template <bool wants_times>
    RCSPIKE_INLINE void add(const Tile<Real>& tile, const TileGradient<Real>& gradient, std::size_t offset,
                            Real* times) const {
        const B change = this->p + flip_sign(this->minus_q, B::load(tile.weights + offset));
        (B::load(gradient.drive + offset) + change).store(gradient.drive + offset);
        if (!wants_times) return;
        const B sum = fma(this->lambda * B::all(-this->a), B::load(tile.drive + offset), B::load(times));
        fma(this->lambda_v, B::load(tile.conductance + offset), sum).store(times);
    }
};

template <class B>
struct PairAdjoint<B, false> : ResistiveAdjoint<B, false> {
    using Real = typename B::Real;
    RCSPIKE_INLINE explicit PairAdjoint(const Tile<Real>& tile) : ResistiveAdjoint<B, false>(tile) {}

    template <bool wants_times>
    RCSPIKE_INLINE void add(const Tile<Real>& tile, const TileGradient<Real>& gradient, std::size_t offset,
                            Real* times) const {
        const B change = this->weight_slope(B::load(tile.weights + offset));
        (B::load(gradient.drive + offset) + change).store(gradient.drive + offset);
        if (!wants_times) return;
        const B sum = fma(this->time_plus, B::load(tile.drive + offset), B::load(times));
        fma(this->time_minus, B::load(tile.conductance + offset), sum).store(times);
    }
};

/// The forward sweep once more, keeping of each step what the backward one needs, and then the backward one. One tile
/// at a time: what is kept stays in the first-level cache.
template <class Sums, class Adjoint, bool wants_times, class Tiles, class B = typename Sums::Blocks, class Real>
void charge_backward(const Events<Real> events, const Tiles tile, const Real* grad_v, const TileGradient<Real> gradient,
                     Real* scratch) {
    constexpr std::size_t width = lanes<Real>;
    constexpr std::size_t kept_size = (wants_times ? 4 : 3) * width;
    Real* kept = scratch;
    const auto keep = [&](const Step<Real>&, const Sums&, B v, B next, B a, const Relaxation<B>& r) RCSPIKE_LAMBDA {
        r.e.store(kept);
        r.phi.store(kept + width);
        // v e + a psi, since psi = phi - chi and the next v is v e + a phi.
        fma(-a, r.chi, next).store(kept + 2 * width);
        if (wants_times) v.store(kept + 3 * width);
        kept += kept_size;
    };
    sweep<Sums>(events, tile, keep);

    Adjoint adjoint(tile);
    B lambda = B::load(grad_v);
    const bool far = is_far(tile);
    std::size_t spike = events.n_spikes();
    for (std::size_t k = events.n_steps - 1; k > 0; --k) {
        kept -= kept_size;
        adjoint.pass(events.steps[k], lambda, B::load(kept + width), B::load(kept + 2 * width));
        lambda = lambda * B::load(kept);
        if (wants_times) adjoint.set_times(lambda, B::load(kept + 3 * width));
        for (const std::size_t first = events.steps[k - 1].end; spike > first;) {
            const std::size_t offset = events.inputs[--spike] * lanes<Real>;
            if (far) {
                const std::size_t next = events.inputs[spike - std::min(spike, ahead)] * lanes<Real>;
                fetch(tile.drive + next);
                fetch(gradient.drive + next);
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

template <class Real>
void adam(const Adam<Real>& adam, std::size_t n, const Real* gradient, std::size_t n_parts, std::size_t stride,
          const Real* slope, Real* weights, Real* moment1, Real* moment2) {
    using B = Block<Real, 1>;
    const auto all = [](Real value) RCSPIKE_LAMBDA { return B::all(value); };
    for (std::size_t i = 0; i < n; i += lanes<Real>) {
        B g = B::load(gradient + i);
        for (std::size_t part = 1; part < n_parts; ++part) g = g + B::load(gradient + part * stride + i);
        if (slope) g = g * B::load(slope + i);
        B m1 = B::load(moment1 + i);
        B m2 = B::load(moment2 + i);
        m1 = fma(all(1 - adam.beta1), g - m1, m1);
        m2 = fma(all(1 - adam.beta2), g * g - m2, m2);
        m1.store(moment1 + i);
        m2.store(moment2 + i);
        const B scale = sqrt(m2 * all(adam.correction2)) + all(adam.epsilon);
        const B step = (m1 * all(adam.learning_rate * adam.correction1)) / scale;
        const B w = B::load(weights + i) * all(adam.keep) - step;
        min(all(adam.w_max), max(all(-adam.w_max), w)).store(weights + i);  // in this order NaN stays what it is
    }
}

/// Calls f with n, which must not exceed `max`, as a constant.
template <std::size_t max, class Function>
RCSPIKE_INLINE void with_constant(std::size_t n, const Function& f) {
    if constexpr (max > 1) {
        if (n < max) return with_constant<max - 1>(n, f);
    }
    f(std::integral_constant<std::size_t, max>{});
}

/// Calls f with true on symmetric rails and with false on others, as a constant.
template <class Real, class Function>
RCSPIKE_INLINE void with_symmetry(const Coupling<Real>& coupling, const Function& f) {
    if (is_symmetric(coupling)) return f(std::true_type{});
    f(std::false_type{});
}

template <class Real>
void charge_any(const Events<Real>& events, const Tile<Real>& tile, std::size_t n_tiles, Real* v) {
    with_constant<RCSPIKE_TILES_AT_ONCE>(n_tiles, [&](auto n) RCSPIKE_LAMBDA {
        using B = Block<Real, n>;
        if (tile.kind == Synapses::affine) return charge<AffineSums<B>>(events, tile, v);
        with_symmetry(tile.coupling, [&](auto symmetric) RCSPIKE_LAMBDA {
            if (tile.kind == Synapses::pairs) return charge<PairSums<B, symmetric>>(events, tile, v);
            charge<ResistiveSums<B, symmetric>>(events, tile, v);
        });
    });
}

template <class Sums, class Adjoint, class Tiles, class Real>
RCSPIKE_INLINE void charge_backward_timed(const Events<Real>& events, const Tiles& tile, const Real* grad_v,
                                          const TileGradient<Real>& gradient, Real* scratch) {
    if (gradient.times) return charge_backward<Sums, Adjoint, true>(events, tile, grad_v, gradient, scratch);
    charge_backward<Sums, Adjoint, false>(events, tile, grad_v, gradient, scratch);
}

template <class Real>
void charge_backward_any(const Events<Real>& events, const Tile<Real>& tile, const Real* grad_v,
                         const TileGradient<Real>& gradient, Real* scratch) {
    using B = Block<Real, 1>;
    if (tile.kind == Synapses::affine) {
        charge_backward_timed<AffineSums<B>, AffineAdjoint<B>>(events, tile, grad_v, gradient, scratch);
    } else {
        with_symmetry(tile.coupling, [&](auto symmetric) RCSPIKE_LAMBDA {
            if (tile.kind == Synapses::pairs) {
                return charge_backward_timed<PairSums<B, symmetric>, PairAdjoint<B, symmetric>>(events, tile, grad_v,
                                                                                                gradient, scratch);
            }
            charge_backward_timed<ResistiveSums<B, symmetric>, ResistiveAdjoint<B, symmetric>>(events, tile, grad_v,
                                                                                               gradient, scratch);
        });
    }
}

/// The callers make sure that the tile is resistive (layer.h), here and in supply.h: an exception
/// thrown from this file would bring code of this instruction set into functions that the whole program shares.
template <class Real>
void trace_resistive(const Events<Real>& events, const Tile<Real>& tile, const Real* at, std::size_t n_at, Real* v) {
    using B = Block<Real, 1>;
    if (is_symmetric(tile.coupling)) return trace<ResistiveSums<B, true>>(events, tile, at, n_at, v);
    trace<ResistiveSums<B, false>>(events, tile, at, n_at, v);
}

#include "kernels/supply.h"

template <class Real>
constexpr Kernels<Real> make_table() {
    static_assert(RCSPIKE_TILES_AT_ONCE <= max_tiles);
    Kernels<Real> kernels{};
    kernels.tiles_at_once = RCSPIKE_TILES_AT_ONCE;
    kernels.charge = charge_any<Real>;
    kernels.charge_backward = charge_backward_any<Real>;
    kernels.charge_backward_merged = nullptr;
    kernels.charge_rectified = charge_rectified<Real>;
    kernels.supply = supply<Real>;
    kernels.supply_backward = supply_backward<Real>;
    kernels.trace = trace_resistive<Real>;
    kernels.adam = adam<Real>;
    kernels.draw = draw<Real>;
    return kernels;
}
