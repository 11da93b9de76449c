// Conductances drawn for weights, with the deviations of real devices. Included as block.h is, after normal_numbers.h.

/// One number for each device of some synapses: on the positive rail and on the negative rail.
template <class Real>
struct Rows {
    alignas(64) Real plus[at_once], minus[at_once];

    explicit Rows(Real value) {
        std::fill_n(plus, at_once, value);
        std::fill_n(minus, at_once, value);
    }
    /// f of normal numbers.
    template <class Function>
    RCSPIKE_INLINE void set_normal(const Stream& stream, std::size_t first, const Function& f) {
        constexpr std::size_t width = sizeof(FloatVec) / 4;
        alignas(64) float n[2][at_once];
        draw_normals(stream, first, n[0], n[1]);
        Real* const to[] = {plus, minus};
        for (int device = 0; device < 2; ++device) {
            for (std::size_t i = 0; i < at_once; i += width) {
                FloatVec x;
                std::memcpy(&x, n[device] + i, sizeof x);
                x = f(x);
                for (std::size_t k = 0; k < width; ++k) to[device][i + k] = x[k];
            }
        }
    }
    void set_uniform(const Stream& stream, std::size_t first) {
        constexpr std::size_t width = sizeof(Words) / 4;
        for (std::size_t i = 0; i < at_once; i += width) {
            Words x0, x1;
            stream.words(first + i, x0, x1);
            const FloatVec a = uniform(x0), b = uniform(x1);
            for (std::size_t k = 0; k < width; ++k) plus[i + k] = a[k];
            for (std::size_t k = 0; k < width; ++k) minus[i + k] = b[k];
        }
    }
};

template <class Real>
void draw(const DeviceDraw<Real>& d, std::size_t first_weight, std::size_t n, const Real* weights, Real* first,
          Real* second, Real* slope) {
    using B = Block<Real, 1>;
    const Stream lognormal(d, 0), proportional(d, 1), absolute(d, 2), stuck(d, 3);
    Rows<Real> log_factor(1), factor(1), error(0), chance(1);
    const float stuck_off = d.stuck_off, stuck_any = d.stuck_off + d.stuck_on;
    const B g_min = B::all(d.g_min), g_max = B::all(d.g_max), zero = B::all(0);
    const B to_integer = B::all(sizeof(Real) == 4 ? Real(0x1.8p23) : Real(0x1.8p52));
    for (std::size_t start = 0; start < n; start += at_once) {
        const std::size_t from = first_weight + start;
        if (d.lognormal > 0) {
            log_factor.set_normal(lognormal, from, [&](FloatVec x) RCSPIKE_LAMBDA { return exp(x * d.lognormal); });
        }
        if (d.proportional > 0) {
            factor.set_normal(proportional, from, [&](FloatVec x) RCSPIKE_LAMBDA { return 1 + x * d.proportional; });
        }
        if (d.absolute > 0) error.set_normal(absolute, from, [&](FloatVec x) RCSPIKE_LAMBDA { return x * d.absolute; });
        if (stuck_any > 0) chance.set_uniform(stuck, from);
        for (std::size_t i = 0; i < at_once && start + i < n; i += lanes<Real>) {
            const B w = B::load(weights + start + i);
            B size = min(abs(w), B::all(d.w_max));
            if (d.level > 0) {
                const B level = B::all(d.level);
                size = ((size / level + to_integer) - to_integer) * level;
            }
            const B up = g_min + size;
            B slopes[2];
            const auto device = [&](const B& target, const Real* log_factors, const Real* factors, const Real* errors,
                                    const Real* chances, B& moves) RCSPIKE_LAMBDA {
                const B f = B::load(log_factors + i) * B::load(factors + i);
                const B g = target * f + B::load(errors + i) * g_max;
                const B c = B::load(chances + i);
                moves = where_at_least(c, Real(stuck_any), where_at_least(g, Real(0), f, zero), zero);
                const B at_end = where_at_least(c, Real(stuck_off), g_max, g_min);
                return where_at_least(c, Real(stuck_any), max(g, zero), at_end);
            };
            const B p = device(by_sign(w, up, g_min), log_factor.plus, factor.plus, error.plus, chance.plus, slopes[0]);
            const B m =
                device(by_sign(w, g_min, up), log_factor.minus, factor.minus, error.minus, chance.minus, slopes[1]);
            (d.symmetric ? p - m : p).store(first + start + i);
            (d.symmetric ? p + m : zero - m).store(second + start + i);
            by_sign(w, slopes[0], slopes[1]).store(slope + start + i);
        }
    }
}
