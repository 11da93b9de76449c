// Charging where the rows load the membrane, and its backward pass, one tile (docs/row-loads.md). Included as block.h
// is, after adjoint.h.

/// What the devices of one row are to the membranes of a tile: drive D and conductance G; the change of capacitance as
/// they close; the kick (kick v - kick_drive)/C that this gives to v; and end_drive - end v as they open.
template <class B>
struct LoadingDevices {
    B drive, conductance, closing, kick, kick_drive, end, end_drive;
};

template <class B>
RCSPIKE_INLINE LoadingDevices<B> operator+(const LoadingDevices<B>& a, const LoadingDevices<B>& b) {
    return {a.drive + b.drive,        a.conductance + b.conductance, a.closing + b.closing,
            a.kick + b.kick,          a.kick_drive + b.kick_drive,   a.end + b.end,
            a.end_drive + b.end_drive};
}

/// The devices of affine synapses, number by number.
template <class B>
struct AffineDevices {
    using Blocks = B;
    using Real = typename B::Real;
    using Tile = AffineTile<Real>;
    static constexpr std::size_t width = lanes<Real>;

    static RCSPIKE_INLINE LoadingDevices<B> before(const Tile& tile) {
        const B none = B::all(0);
        return {B::load(tile.drive0), B::load(tile.conductance0), B::all(1), none, none, none, none};
    }
    static RCSPIKE_INLINE LoadingDevices<B> load(const Tile& tile, std::size_t offset) {
        const Real* const loads = tile.loads + n_row_loads * offset;
        return {B::load(tile.drive + offset), B::load(tile.conductance + offset), B::load(loads),
                B::load(loads + width),       B::load(loads + 2 * width),         B::load(loads + 3 * width),
                B::load(loads + 4 * width)};
    }
    /// Adds dL/dD, dL/dG and those of the loads.
    static RCSPIKE_INLINE void add(const Tile&, const AffineGradient<Real>& gradient, std::size_t offset,
                                   const LoadingDevices<B>& slope) {
        const auto add_to = [](Real* to, B change) RCSPIKE_LAMBDA { (B::load(to) + change).store(to); };
        Real* const loads = gradient.loads + n_row_loads * offset;
        add_to(gradient.drive + offset, slope.drive);
        add_to(gradient.conductance + offset, slope.conductance);
        add_to(loads, slope.closing);
        add_to(loads + width, slope.kick);
        add_to(loads + 2 * width, slope.kick_drive);
        add_to(loads + 3 * width, slope.end);
        add_to(loads + 4 * width, slope.end_drive);
    }
    static RCSPIKE_INLINE void add_always_on(const AffineGradient<Real>& gradient, const LoadingDevices<B>& slope) {
        if (gradient.drive0) (B::load(gradient.drive0) + slope.drive).store(gradient.drive0);
        if (gradient.conductance0) (B::load(gradient.conductance0) + slope.conductance).store(gradient.conductance0);
    }
};

/// The device of each weight, whose body has a capacitance in inverse proportion to it. A weight of 0 has no device,
/// and no gradient.
template <class B>
struct WeightDevices {
    using Blocks = B;
    using Real = typename B::Real;
    using Tile = ResistiveTile<Real>;

    const Tile& tile;
    B w, size;

    RCSPIKE_INLINE WeightDevices(const Tile& of, std::size_t offset)
        : tile(of), w(B::load(of.weights + offset)), size(abs(w)) {}

    RCSPIKE_INLINE B of_sign(Real plus, Real minus) const { return by_sign(w, B::all(plus), B::all(minus)); }
    RCSPIKE_INLINE B if_exists(B x) const {
        return where_at_least(size, std::numeric_limits<Real>::min(), x, B::all(0));
    }
    RCSPIKE_INLINE B body() const { return if_exists(of_sign(tile.loads->body_plus, tile.loads->body_minus) / size); }
    RCSPIKE_INLINE B needed_width() const { return of_sign(tile.loads->width_plus, tile.loads->width_minus) * size; }
    RCSPIKE_INLINE B wide(B x) const {
        const B needed = needed_width();
        return if_exists(where_at_least(needed, Real(1), needed, B::all(1)) * x);
    }
    RCSPIKE_INLINE B junction() const { return of_sign(tile.loads->junction_plus, tile.loads->junction_minus); }
    RCSPIKE_INLINE B injection() const { return of_sign(tile.loads->injection_plus, tile.loads->injection_minus); }
    RCSPIKE_INLINE B rail() const { return of_sign(tile.loads->rail_plus, tile.loads->rail_minus); }
    RCSPIKE_INLINE B a() const { return of_sign(tile.coupling.a_plus, tile.coupling.a_minus); }
    RCSPIKE_INLINE B b() const { return of_sign(tile.coupling.b_plus, tile.coupling.b_minus); }

    static RCSPIKE_INLINE LoadingDevices<B> before(const Tile&) {
        const B none = B::all(0);
        return {none, none, B::all(1), none, none, none, none};
    }
    static RCSPIKE_INLINE LoadingDevices<B> load(const Tile& tile, std::size_t offset) {
        const WeightDevices device(tile, offset);
        const WeightLoads<Real>& l = *tile.loads;
        const B junction = device.wide(device.junction()), body = device.body(), rail = device.rail();
        const auto both = [&](Real of_body, Real of_junction)
                              RCSPIKE_LAMBDA { return fma(body, B::all(of_body), junction * B::all(of_junction)); };
        const B kick = both(l.kick_body, l.kick_junction), end = both(l.end_body, l.end_junction);
        return {device.w * device.a(),
                device.size * device.b(),
                both(l.closing_body, l.closing_junction),
                kick,
                kick * rail,
                end,
                fma(end, rail, device.wide(device.injection()))};
    }
    /// Adds dL/dw.
    static RCSPIKE_INLINE void add(const Tile& tile, const WeightGradient<Real>& gradient, std::size_t offset,
                                   const LoadingDevices<B>& slope) {
        const WeightDevices device(tile, offset);
        const WeightLoads<Real>& l = *tile.loads;
        const B rail = device.rail();
        const B of_kick = fma(slope.kick_drive, rail, slope.kick), of_end = fma(slope.end_drive, rail, slope.end);
        const B of_body =
            fma(of_end, B::all(l.end_body), fma(of_kick, B::all(l.kick_body), slope.closing * B::all(l.closing_body)));
        const B of_junction = fma(of_end, B::all(l.end_junction),
                                  fma(of_kick, B::all(l.kick_junction), slope.closing * B::all(l.closing_junction)));
        const B of_width = fma(device.injection(), slope.end_drive, device.junction() * of_junction);
        const B by_size =
            where_at_least(device.needed_width(), Real(1), device.of_sign(l.width_plus, l.width_minus), B::all(0));
        const B of_size =
            fma(by_size, of_width, fma(-device.body() / device.size, of_body, slope.conductance * device.b()));
        const B change = device.if_exists(fma(slope.drive, device.a(), flip_sign(of_size, device.w)));
        (B::load(gradient.weights + offset) + change).store(gradient.weights + offset);
    }
    static RCSPIKE_INLINE void add_always_on(const WeightGradient<Real>&, const LoadingDevices<B>&) {}
};

/// The membranes of a tile over one step: rows that close kick v, and then it moves on.
template <class B>
struct LoadedStep {
    B v, slope, conductance;  // v, v' and the summed conductance before the rows close
    B per_capacitance;        // 1/C from then on
    B kicked, jump;           // v after the kick, and its derivative by v before it
    LinearMembrane<B, false> moved;
    B rise;  // v' at the end of the step, times its length
};

/// As `sweep`: calls visit(LoadedStep) in every step. Returns v(1) before the switches open; `on` becomes the sums over
/// the rows that conduct by then, but for their kicks.
template <class Devices, class Visit, class B = typename Devices::Blocks, class Real>
RCSPIKE_INLINE B loaded_sweep(const Events<Real>& events, const typename Devices::Tile& tile, LoadingDevices<B>& on,
                              const Visit& visit) {
    on = Devices::before(tile);
    B v = B::all(0), per_capacitance = B::all(1);
    std::size_t spike = 0;
    for (std::size_t k = 0; k < events.n_steps; ++k) {
        const Step<Real>& step = events.steps[k];
        const B slope = fma(-on.conductance, v, on.drive) * per_capacitance, conductance = on.conductance;
        on.kick = on.kick_drive = B::all(0);
        for (; spike < step.end; ++spike) on = on + Devices::load(tile, events.inputs[spike] * lanes<Real>);
        per_capacitance = B::all(1) / on.closing;
        const B kicked = fma(fma(on.kick, v, -on.kick_drive), per_capacitance, v);
        const B jump = fma(on.kick, per_capacitance, B::all(1)), length = B::all(step.length) * per_capacitance;
        const B a = on.drive * length, y = -(on.conductance * length);
        const LinearMembrane<B, false> moved(a, y, kicked);
        visit(LoadedStep<B>{v, slope, conductance, per_capacitance, kicked, jump, moved, fma(y, moved.next, a)});
        v = moved.next;
    }
    return v;
}

template <class Devices, class B = typename Devices::Blocks, class Real>
RCSPIKE_INLINE void charge_loaded(const Events<Real>& events, const typename Devices::Tile& tile, Real* v) {
    LoadingDevices<B> on;
    const B end = loaded_sweep<Devices>(events, tile, on, [](const LoadedStep<B>&) RCSPIKE_LAMBDA {});
    fma(-on.end, end, end + on.end_drive).store(v);
}

/// As charge_backward. A device that closes earlier or later ends the slope v' of before the kick and starts that of
/// after it: dL/dt = lambda v' - lambda' v'', with lambda of before and lambda' of after the kick. What devices of
/// equal times have of it together is shared out by what each of them adds.
template <class Devices, class B = typename Devices::Blocks, class Gradient, class Real>
RCSPIKE_INLINE void loaded_backward(const Events<Real>& events, const typename Devices::Tile& tile, const Real* grad_v,
                                    const Gradient& gradient, Real* scratch) {
    enum Part {
        v_,
        slope_,
        conductance_,
        per_capacitance_,
        kicked_,
        jump_,
        by_start_,
        by_drive_,
        by_conductance_,
        rise_,
        n_parts
    };
    constexpr std::size_t width = lanes<Real>;
    static_assert(n_parts * width == loaded_scratch<Real>(1));
    Real* kept = scratch;
    LoadingDevices<B> on;
    const auto keep = [&](const LoadedStep<B>& step) RCSPIKE_LAMBDA {
        const B parts[n_parts] = {step.v,
                                  step.slope,
                                  step.conductance,
                                  step.per_capacitance,
                                  step.kicked,
                                  step.jump,
                                  step.moved.by_start(),
                                  step.moved.by_drive(),
                                  step.moved.by_conductance(),
                                  step.rise};
        for (std::size_t i = 0; i < n_parts; ++i) parts[i].store(kept + i * width);
        kept += n_parts * width;
    };
    const B end = loaded_sweep<Devices>(events, tile, on, keep);

    const B none = B::all(0), upstream = B::load(grad_v);
    LoadingDevices<B> slope{none, none, none, none, none, -(upstream * end), upstream};
    B lambda = fma(-on.end, upstream, upstream);
    std::size_t spike = events.n_spikes();
    for (std::size_t k = events.n_steps; k-- > 0;) {
        kept -= n_parts * width;
        const auto part = [&](Part i) RCSPIKE_LAMBDA { return B::load(kept + i * width); };
        const B v = part(v_), v_slope = part(slope_), per_capacitance = part(per_capacitance_), kicked = part(kicked_);
        const B over_step = lambda * per_capacitance, length = over_step * B::all(events.steps[k].length);
        slope.drive = fma(length, part(by_drive_), slope.drive);
        slope.conductance = fma(-length, part(by_conductance_), slope.conductance);
        const B after = lambda * part(by_start_), at_kick = after * per_capacitance;
        slope.closing = slope.closing - fma(over_step, part(rise_), at_kick * (kicked - v));
        slope.kick = at_kick * v;
        slope.kick_drive = -at_kick;
        const B relaxing = part(conductance_) * per_capacitance;
        const LoadingDevices<B> by_time{-at_kick,
                                        at_kick * kicked,
                                        at_kick * v_slope,
                                        at_kick * fma(relaxing, v, v_slope),
                                        -(at_kick * relaxing),
                                        none,
                                        none};
        lambda = after * part(jump_);
        for (const std::size_t first = k == 0 ? 0 : events.steps[k - 1].end; spike > first;) {
            const std::size_t offset = events.inputs[--spike] * lanes<Real>;
            Devices::add(tile, gradient, offset, slope);
            if (!gradient.times) continue;
            const LoadingDevices<B> device = Devices::load(tile, offset);
            B sum = B::load(gradient.times + spike * lanes<Real>);
            sum = fma(device.drive, by_time.drive, sum);
            sum = fma(device.conductance, by_time.conductance, sum);
            sum = fma(device.closing, by_time.closing, sum);
            sum = fma(device.kick, by_time.kick, sum);
            fma(device.kick_drive, by_time.kick_drive, sum).store(gradient.times + spike * lanes<Real>);
        }
    }
    Devices::add_always_on(gradient, slope);
}

template <class Real, class B = Block<Real, 1>>
void charge_loaded_affine(const Events<Real>& events, const AffineTile<Real>& tile, std::size_t n_tiles, Real* v) {
    for (std::size_t t = 0; t < n_tiles; ++t) {
        const std::size_t skip = t * tile.stride, row = t * lanes<Real>;
        const AffineTile<Real> one{tile.drive + skip, tile.conductance + skip,
                                   tile.drive0 + row, tile.conductance0 + row,
                                   tile.stride,       tile.loads + n_row_loads * skip};
        charge_loaded<AffineDevices<B>>(events, one, v + row);
    }
}

template <class Real, class B = Block<Real, 1>>
void charge_loaded_resistive(const Events<Real>& events, const ResistiveTile<Real>& tile, std::size_t n_tiles,
                             Real* v) {
    ResistiveTile<Real> one = tile;
    for (std::size_t t = 0; t < n_tiles; ++t, one.weights += tile.stride) {
        charge_loaded<WeightDevices<B>>(events, one, v + t * lanes<Real>);
    }
}

template <class Real, class B = Block<Real, 1>>
void loaded_affine_backward(const Events<Real>& events, const AffineTile<Real>& tile, const Real* grad_v,
                            const AffineGradient<Real>& gradient, Real* scratch) {
    loaded_backward<AffineDevices<B>>(events, tile, grad_v, gradient, scratch);
}

template <class Real, class B = Block<Real, 1>>
void loaded_resistive_backward(const Events<Real>& events, const ResistiveTile<Real>& tile, const Real* grad_v,
                               const WeightGradient<Real>& gradient, Real* scratch) {
    loaded_backward<WeightDevices<B>>(events, tile, grad_v, gradient, scratch);
}
