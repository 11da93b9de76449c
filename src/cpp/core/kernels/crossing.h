// Membranes that spike when they reach their threshold while they charge (docs/single-phase.md). Included as block.h
// is, after adjoint.h.

/// Whether any number is 0 or below; NaN counts as neither.
template <class R, int n>
RCSPIKE_INLINE bool any_not_above_zero(Block<R, n> x) {
    typename Block<R, n>::Vec smallest = x.part[0];
    if constexpr (Block<R, n>::parts > 1) smallest = Block<R, n>::all(1).part[0];
    for (int i = 0; i < Block<R, n>::parts; ++i) smallest = x.part[i] < smallest ? x.part[i] : smallest;
    return any_below(smallest, std::numeric_limits<R>::min());
}

/// Whether any number is not NaN.
template <class R, int n>
RCSPIKE_INLINE bool any_number(Block<R, n> x) {
    typename Block<R, n>::Vec smallest = Block<R, n>::all(std::numeric_limits<R>::infinity()).part[0];
    for (int i = 0; i < Block<R, n>::parts; ++i) smallest = x.part[i] < smallest ? x.part[i] : smallest;
    return any_below(smallest, std::numeric_limits<R>::infinity());
}

/// For each neuron of a row of tiles, the step in which it crosses its threshold, starting at voltage v; length 0 means
/// no crossing. The last step has no end: there a crossing may lie beyond its length of 1.
template <class B>
struct Crossing {
    using Real = typename B::Real;
    static constexpr std::size_t size = B::tiles * lanes<Real>;
    alignas(64) Real v[size], a[size], y[size], start[size], length[size] = {}, limit[size];
};

/// A step at whose end some neurons are at or above their threshold.
template <class Real>
struct CrossingStep {
    const Real *thresholds, *v, *a, *y;  // at its start
    Real* next;                          // at its end
};

/// Keeps the steps of neurons that cross and sets their voltages to NaN; returns whether other neurons remain. A
/// membrane that does not rise at the threshold at most tends to it; if it is at or above the threshold, that is
/// rounding, and it does not cross. Kept out of the hot loop because each neuron crosses once.
template <class Law, class B, class Real = typename B::Real>
__attribute__((noinline)) bool keep_crossings(const Law& law, Crossing<B>& crossing, const Step<Real>& step,
                                              const CrossingStep<Real>& from, Real limit) {
    constexpr Real smallest = std::numeric_limits<Real>::min(), lowest = std::numeric_limits<Real>::lowest();
    const B threshold = B::load(from.thresholds), v = B::load(from.v), a = B::load(from.a), y = B::load(from.y);
    const B next = B::load(from.next), none = B::all(-1);
    const B reaches = where_at_least(next, lowest, next - threshold, none);  // NaN never crosses
    const B rises = where_at_least(law.rise(a, y, threshold), smallest, reaches, none);
    const auto keep = [&](Real* to, B now)
                          RCSPIKE_LAMBDA { where_at_least(rises, Real(0), now, B::load(to)).store(to); };
    keep(crossing.v, v);
    keep(crossing.a, a);
    keep(crossing.y, y);
    keep(crossing.start, B::all(step.start));
    keep(crossing.length, B::all(step.length));
    keep(crossing.limit, B::all(limit));
    const B after = where_at_least(rises, Real(0), B::all(std::numeric_limits<Real>::quiet_NaN()), next);
    after.store(from.next);
    return any_number(after);
}

/// Times of the crossings, infinity where there is none, NaN where a voltage has overflowed. Rounding must not move a
/// crossing out of its step at either end: the backward pass would assign a crossing at the start of a step to the step
/// before, so that it would not depend on the input that causes it.
template <class Law, class B, class Real = typename B::Real>
__attribute__((noinline)) void crossing_times(const Law& law, const Crossing<B>& crossing, const Real* thresholds,
                                              const Real* last_v, Real* times) {
    constexpr Real smallest = std::numeric_limits<Real>::min(), infinite = std::numeric_limits<Real>::infinity();
    constexpr Real epsilon = std::numeric_limits<Real>::epsilon();
    const B start = B::load(crossing.start);
    const B reached =
        law.part_until(B::load(thresholds), B::load(crossing.a), B::load(crossing.y), B::load(crossing.v));
    const B part = min(reached, B::load(crossing.limit));
    const B next = fma(start, B::all(Real(0.75) * epsilon), start);  // the next floating-point number
    const B t = max(fma(B::load(crossing.length), part, start), next);
    const B in_time = where_at_least(-t, Real(-horizon), t, B::all(infinite));
    const B silent = where_at_least(B::load(last_v), std::numeric_limits<Real>::lowest(), B::all(infinite),
                                    B::all(std::numeric_limits<Real>::quiet_NaN()));
    where_at_least(B::load(crossing.length), smallest, in_time, silent).store(times);
}

/// First spikes of a row of tiles: a charging sweep that ends when all neurons have spiked. After its spike a neuron's
/// voltage is NaN, which never crosses. A neuron whose voltage overflows gets the time NaN.
template <class Sums, class Tile, class B = typename Sums::Blocks, class Real>
void first_spike(const Events<Real> events, const Tile tile, std::size_t n_neurons, const Real* thresholds,
                 Real* times) {
    constexpr std::size_t size = B::tiles * lanes<Real>;
    alignas(64) Real stored[3][size], at_end[size];
    std::fill(at_end, at_end + n_neurons, Real(0));
    std::fill(at_end + n_neurons, at_end + size, std::numeric_limits<Real>::quiet_NaN());
    const B threshold = B::load(thresholds);
    Sums on(tile);
    const typename Sums::Law law(tile);
    B v = B::load(at_end);
    Crossing<B> crossing;
    // Copies in memory: if the addresses of the variables were taken, they would be stored on the hot path too.
    const auto cross = [&](const Step<Real>& step, B a, B y, B next, Real limit) RCSPIKE_LAMBDA {
        v.store(stored[0]);
        a.store(stored[1]);
        y.store(stored[2]);
        next.store(at_end);
        return keep_crossings(law, crossing, step, {thresholds, stored[0], stored[1], stored[2], at_end}, limit);
    };
    std::size_t spike = 0;
    const bool far = is_far(tile);
    const std::size_t last = events.n_spikes() - 1;
    for (std::size_t k = Sums::always_on ? 0 : 1; k < events.n_steps; ++k) {
        const Step<Real>& step = events.steps[k];
        for (const std::size_t end = step.end; spike < end; ++spike) {
            if (far) fetch(tile.rows() + events.inputs[std::min(spike + ahead, last)] * lanes<Real>);
            on.switch_on(tile, events.inputs[spike] * lanes<Real>);
        }
        const B a = on.a(step), y = on.y(step);
        if (k + 1 == events.n_steps) {  // no end: every membrane that rises at its threshold gets there
            const B risen = where_at_least(v, std::numeric_limits<Real>::lowest(), max(threshold, v), v);
            cross(step, a, y, risen, std::numeric_limits<Real>::max());
            break;
        }
        B next = law.over(a, y, v).next;
        if (__builtin_expect(any_not_above_zero(threshold - next), false)) {
            const bool others = cross(step, a, y, next, 1);
            next = B::load(at_end);
            if (!others) {
                v = next;
                break;
            }
        }
        v = next;
    }
    v.store(at_end);
    crossing_times(law, crossing, thresholds, at_end, times);
}

template <class Tile>
RCSPIKE_INLINE auto coupling_of(const Tile& tile) {
    return tile.coupling;
}
template <class Real>
RCSPIKE_INLINE Coupling<Real> coupling_of(const AffineTile<Real>&) {
    return {1, 1, 1, 1};
}

/// The backward pass, starting at each neuron's spike time: only the part of a step before that time counts, and the
/// backward sweep begins with lambda = -(dL/dt)/(A - B threshold). Returns the number of neurons whose slope at the
/// threshold is below the bound.
template <class Sums, class Adjoint, class Tile, class Gradient, class B = typename Sums::Blocks, class Real>
std::size_t first_spike_backward(const Events<Real> events, const Tile tile, const SpikeUpstream<Real>& upstream,
                                 const Gradient gradient, Real* scratch) {
    constexpr std::size_t width = lanes<Real>, kept_size = 4 * width;
    constexpr Real smallest = std::numeric_limits<Real>::min();
    const Step<Real> unit = make_step(coupling_of(tile), Real(0), Real(1), std::uint32_t{0});
    const B threshold = B::load(upstream.thresholds), t = B::load(upstream.times), zero = B::all(0);
    // Silent neurons depend on all spikes, but for them no step counts.
    const Real until = upstream.drive ? std::numeric_limits<Real>::infinity()
                                      : *std::max_element(upstream.times, upstream.times + width);
    Sums on(tile);
    const typename Sums::Law law(tile);
    B v = zero, slope = B::all(1);
    Real* kept = scratch;
    std::size_t spike = 0, k = Sums::always_on ? 0 : 1;
    for (; k < events.n_steps && events.steps[k].start < until; ++k) {
        const Step<Real>& step = events.steps[k];
        for (const std::size_t end = step.end; spike < end; ++spike) {
            on.switch_on(tile, events.inputs[spike] * lanes<Real>);
        }
        const Real length = k + 1 == events.n_steps ? Real(horizon) : step.length;
        const B left = t - B::all(step.start), d = max(zero, min(left, B::all(length)));
        const B current = on.a(unit), damping = on.y(unit);
        const B a = current * d, y = damping * d;
        const auto moved = law.over(a, y, v);
        moved.by_start().store(kept);
        (moved.by_drive() * d).store(kept + width);
        (moved.by_conductance() * d).store(kept + 2 * width);
        if (gradient.times) v.store(kept + 3 * width);
        kept += kept_size;
        slope = where_at_least(left, smallest, law.rise(current, damping, threshold), slope);
        v = moved.next;
    }

    const B grad = B::load(upstream.grad);
    B lambda = -grad / max(slope, B::all(upstream.min_slope));
    alignas(64) Real slopes[width];
    slope.store(slopes);
    std::size_t n_steep = 0;
    for (std::size_t i = 0; i < width; ++i) n_steep += upstream.grad[i] != 0 && !(slopes[i] >= upstream.min_slope);

    Adjoint adjoint(tile);
    if (upstream.drive) adjoint.pass(unit, B::load(upstream.drive), B::all(1), zero);
    const auto pass = [&]() RCSPIKE_LAMBDA {
        kept -= kept_size;
        adjoint.pass(unit, lambda, B::load(kept + width), B::load(kept + 2 * width));
        lambda = lambda * B::load(kept);
    };
    const bool far = is_far(tile);
    while (k-- > 1) {
        pass();
        const std::size_t first = events.steps[k - 1].end;
        const auto add = [&](auto wants_times) RCSPIKE_LAMBDA {
            while (spike > first) {
                const std::size_t offset = events.inputs[--spike] * lanes<Real>;
                if (far) {
                    const std::size_t next = events.inputs[spike - std::min(spike, ahead)] * lanes<Real>;
                    fetch(tile.rows() + next);
                    fetch(gradient.rows() + next);
                }
                adjoint.template add<wants_times>(tile, gradient, offset,
                                                  wants_times ? gradient.times + spike * lanes<Real> : nullptr);
            }
        };
        if (!gradient.times) {
            add(std::false_type{});
            continue;
        }
        // A spike at the same time or later changes nothing.
        const B left = t - B::all(events.steps[k].start);
        adjoint.set_times(law, where_at_least(left, smallest, lambda, zero), B::load(kept + 3 * width));
        add(std::true_type{});
    }
    if constexpr (std::is_same_v<Adjoint, AffineAdjoint<B>>) {
        if (kept != scratch) pass();
        if (gradient.drive0) (B::load(gradient.drive0) + adjoint.p).store(gradient.drive0);
        if (gradient.conductance0) (B::load(gradient.conductance0) + adjoint.minus_q).store(gradient.conductance0);
    }
    return n_steep;
}
