// Charging and traces of one tile (docs/model.md). Included as block.h is, after sums.h.

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
    return tile.stride * sizeof(*tile.rows()) > 128 * 1024;
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
            if (far) fetch(tile.rows() + events.inputs[std::min(spike + ahead, last)] * lanes<Real>);
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

template <class Sums, class Tile, class B = typename Sums::Blocks, class Real>
void charge(const Events<Real> events, const Tile tile, Real* v) {
    const auto nothing = [](const Step<Real>&, const Sums&, B, B, B, const Relaxation<B>&) RCSPIKE_LAMBDA {};
    sweep<Sums>(events, tile, nothing).store(v);
}

/// v at sorted times within the phase: the step that holds a time is run once more, up to it.
template <class Sums, class B = typename Sums::Blocks, class Real>
void trace(const Events<Real>& events, const ResistiveTile<Real>& tile, const Real* at, std::size_t n_at, Real* out) {
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
