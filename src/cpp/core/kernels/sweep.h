// Charging and traces of one tile (docs/model.md). Included as block.h is, after sums.h.

/// Tiles larger than the second-level cache prefetch their rows some spikes ahead, because no processor can guess which
/// row comes next (20,000 inputs: twice as fast). Smaller tiles gain nothing.
constexpr std::size_t ahead = 24;

template <class Tiles>
RCSPIKE_INLINE bool is_far(const Tiles& tile) {
    return tile.stride * sizeof(*tile.rows()) > detail::fetch_ahead_above;
}
RCSPIKE_INLINE void fetch(const void* row) { __builtin_prefetch(row); }

/// The charging phase of a row of tiles; all other loops follow this one. `visit(step, on, v, moved)` is called in
/// every step before v becomes moved.next; `on` has the sums over the conducting synapses, `moved` the membrane over
/// the step.
template <class Sums, class Tiles, class Visit, class B = typename Sums::Blocks, class Real = typename B::Real>
RCSPIKE_INLINE B sweep(const Events<Real>& events, const Tiles& tile, const Visit& visit) {
    Sums on(tile);
    const typename Sums::Law law(tile);
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
        const auto moved = law.over(on.a(step), on.y(step), v);
        visit(step, on, v, moved);
        v = moved.next;
    }
    return v;
}

template <class Sums, class Tile, class B = typename Sums::Blocks, class Real>
void charge(const Events<Real> events, const Tile tile, Real* v) {
    const auto nothing = [](const Step<Real>&, const Sums&, B, const auto&) RCSPIKE_LAMBDA {};
    const typename Sums::Law law(tile);
    law.voltage(sweep<Sums>(events, tile, nothing)).store(v);
}

/// v at sorted times within the phase: repeats the step that contains a time, up to that time.
template <class Sums, class B = typename Sums::Blocks, class Real>
void trace(const Events<Real>& events, const ResistiveTile<Real>& tile, const Real* at, std::size_t n_at, Real* out) {
    std::size_t next_at = 0;
    for (; !Sums::always_on && next_at < n_at && at[next_at] < events.steps[0].length; ++next_at) {
        B::all(0).store(out + next_at * lanes<Real>);
    }
    B end = B::all(0);
    const typename Sums::Law law(tile);
    const auto visit = [&](const Step<Real>& step, const Sums& on, B v, const auto& moved) RCSPIKE_LAMBDA {
        for (; next_at < n_at && at[next_at] < step.start + step.length; ++next_at) {
            const Step<Real> part = make_step(tile.coupling, step.start, at[next_at] - step.start, step.end);
            law.voltage(law.over(on.a(part), on.y(part), v).next).store(out + next_at * lanes<Real>);
        }
        end = moved.next;
    };
    sweep<Sums>(events, tile, visit);
    end = law.voltage(end);
    for (; next_at < n_at; ++next_at) end.store(out + next_at * lanes<Real>);
}
