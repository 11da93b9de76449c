// Charging through diodes (rcspike/rectified.h), one tile. Included as block.h is.

/// State, lane by lane, of neurons that have passed a rail: some devices whose inputs have spiked no longer conduct.
template <class Real>
struct Blocked {
    static constexpr std::size_t width = lanes<Real>;
    bool is[width] = {};
    bool any = false;
    alignas(64) Real drive[width], conductance[width];  // sums over the conducting devices
    alignas(64) Real low[width], high[width];           // the nearest rails below and above v, or v itself
    alignas(64) Real v[width], rest[width];             // voltage, and the rest of the interval
};

/// Direction in which a neuron's voltage leaves the rail where it is.
enum class Direction { up, down, none };

/// Adds the devices of some inputs. Without a direction, a device whose rail is exactly at v counts as not conducting
/// (its current is 0 anyway) and bounds the voltage on both sides.
template <class Real>
void add_devices(const RectifiedTile<Real>& tile, const std::uint32_t* inputs, std::size_t n, std::size_t lane,
                 Direction direction, Blocked<Real>& b) {
    const Real v = b.v[lane];
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t at = inputs[i] * lanes<Real> + lane;
        const auto add = [&](Real g, Real rail, bool conducts) RCSPIKE_LAMBDA {
            if (g == 0) return;
            if (conducts) {
                b.drive[lane] += g * rail;
                b.conductance[lane] += g;
            }
            if (rail > v || (rail == v && direction != Direction::up)) b.high[lane] = std::min(b.high[lane], rail);
            if (rail < v || (rail == v && direction != Direction::down)) b.low[lane] = std::max(b.low[lane], rail);
        };
        const Real plus = tile.rail_plus[at], minus = tile.rail_minus[at];
        add(tile.g_plus[at], plus, plus > v || (plus == v && direction == Direction::down));
        add(tile.g_minus[at], minus, minus < v || (minus == v && direction == Direction::up));
    }
}

template <class Real>
void find_devices(const RectifiedTile<Real>& tile, const std::uint32_t* inputs, std::size_t n, std::size_t lane,
                  Direction direction, Blocked<Real>& b) {
    b.drive[lane] = tile.drive0[lane];
    b.conductance[lane] = tile.conductance0[lane];
    b.low[lane] = -std::numeric_limits<Real>::infinity();
    b.high[lane] = std::numeric_limits<Real>::infinity();
    add_devices(tile, inputs, n, lane, direction, b);
}

/// Moves a neuron to the rail that it would pass before `next`, and finds the devices that conduct beyond it.
template <class Real>
void pass_rail(const RectifiedTile<Real>& tile, const std::uint32_t* inputs, std::size_t n, std::size_t lane, Real next,
               Blocked<Real>& b) {
    const bool up = next > b.high[lane];
    const Real rail = up ? b.high[lane] : b.low[lane];
    const double v = b.v[lane], B = b.conductance[lane];
    if (b.v[lane] != rail) {
        // s = -ln(1 - B (rail - v) / u) / B with u = A - B v; where v tends to the rail itself, rounding may pass it.
        const double straight = (rail - v) / (b.drive[lane] - B * v);
        const double x = B * straight;
        const double time = x == 0 ? straight : -detail::log1p(-x) / B;
        b.v[lane] = rail;
        b.rest[lane] = x < 1 && time < b.rest[lane] ? static_cast<Real>(b.rest[lane] - time) : Real(0);
    }
    const Direction direction = up ? Direction::up : Direction::down;
    find_devices(tile, inputs, n, lane, direction, b);
    const Real slope = b.drive[lane] - b.conductance[lane] * rail;
    if (up ? !(slope > 0) : !(slope < 0)) b.rest[lane] = 0;  // currents balance at the rail
}

/// One interval in which a neuron is blocked or would pass a rail, possibly just because an input switches on at its
/// start. The last `n_new` of the n inputs are new. `end` holds the voltages at the end of the interval if no device
/// were blocked.
template <class B, class Real>
__attribute__((noinline, cold)) void step_blocked(const RectifiedTile<Real>& tile, const std::uint32_t* inputs,
                                                  std::size_t n, std::size_t n_new, Real length, const Real* end,
                                                  const Real* low, const Real* high, Real* v, Blocked<Real>& b) {
    constexpr std::size_t width = lanes<Real>;
    for (std::size_t lane = 0; lane < width; ++lane) {
        const bool was = b.is[lane];
        b.is[lane] = was || std::min(v[lane], end[lane]) < low[lane] || std::max(v[lane], end[lane]) > high[lane];
        if (!b.is[lane]) v[lane] = end[lane];
        b.v[lane] = v[lane];
        b.rest[lane] = b.is[lane] ? length : Real(0);
        if (was) add_devices(tile, inputs + n - n_new, n_new, lane, Direction::none, b);
        if (was) continue;
        if (b.is[lane]) find_devices(tile, inputs, n, lane, Direction::none, b);
        if (!b.is[lane]) b.drive[lane] = b.conductance[lane] = 0;
        b.any = b.any || b.is[lane];
    }
    for (bool done = false; !done;) {
        const B rest = B::load(b.rest), at = B::load(b.v), y = -(B::load(b.conductance) * rest);
        alignas(64) Real next[width];
        fma(fma(y, at, B::load(b.drive) * rest), relax(y).phi, at).store(next);
        done = true;
        for (std::size_t lane = 0; lane < width; ++lane) {
            if (!(b.rest[lane] > 0)) continue;
            if (next[lane] >= b.low[lane] && next[lane] <= b.high[lane]) {
                b.v[lane] = next[lane];
                b.rest[lane] = 0;
                continue;
            }
            pass_rail(tile, inputs, n, lane, next[lane], b);
            done = false;
        }
    }
    std::copy_n(b.v, width, v);
}

/// While no neuron passes a rail, this is the sweep for affine synapses, which also tracks the nearest rail on either
/// side.
template <class Real>
void charge_rectified(const Events<Real>& events, const RectifiedTile<Real>& tile, Real* v_out) {
    using B = Block<Real, 1>;
    B drive = B::load(tile.drive0), conductance = B::load(tile.conductance0), v = B::all(0);
    B high = B::all(std::numeric_limits<Real>::max()), low = -high;
    Blocked<Real> blocked;
    std::size_t spike = 0;
    for (std::size_t k = 0; k < events.n_steps; ++k) {
        const Step<Real>& step = events.steps[k];
        const std::size_t first = spike;
        for (const std::size_t end = step.end; spike < end; ++spike) {
            const std::size_t offset = events.inputs[spike] * lanes<Real>;
            drive = drive + B::load(tile.drive + offset);
            conductance = conductance + B::load(tile.conductance + offset);
            high = min(high, B::load(tile.rail_plus + offset));
            low = max(low, B::load(tile.rail_minus + offset));
        }
        const B y = conductance * B::all(step.y);
        const B next = fma(fma(y, v, drive * B::all(step.a)), relax(y).phi, v);
        const bool passes = any_below(high - max(v, next), Real(0)) || any_below(min(v, next) - low, Real(0));
        if (__builtin_expect(!passes && !blocked.any, true)) {
            v = next;
            continue;
        }
        alignas(64) Real stored[4][lanes<Real>];
        v.store(stored[0]);
        next.store(stored[1]);
        low.store(stored[2]);
        high.store(stored[3]);
        step_blocked<B>(tile, events.inputs, spike, spike - first, step.length, stored[1], stored[2], stored[3],
                        stored[0], blocked);
        v = B::load(stored[0]);
    }
    v.store(v_out);
}
