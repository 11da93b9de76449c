// Charging through wires with resistance (rcspike/wires.h), one tile. Included as block.h is.

/// A stretch of wire between two nodes, near and far, and the devices on it, for one tile of neurons:
///
///     I_near = y V_near + t I_far - j        V_far = t V_near - z I_far + s
///
/// In passive stretches y, z >= 0 and 0 <= t <= 1, so joining them neither overflows nor cancels.
template <class B>
struct Stretch {
    using Real = typename B::Real;
    static constexpr std::size_t width = 5 * lanes<Real>;
    B y, t, z, j, s;

    static RCSPIKE_INLINE Stretch load(const Real* from) {
        constexpr std::size_t n = lanes<Real>;
        return {B::load(from), B::load(from + n), B::load(from + 2 * n), B::load(from + 3 * n), B::load(from + 4 * n)};
    }
    RCSPIKE_INLINE void store(Real* to) const {
        constexpr std::size_t n = lanes<Real>;
        y.store(to), t.store(to + n), z.store(to + 2 * n), j.store(to + 3 * n), s.store(to + 4 * n);
    }
};

/// A wire of resistance r, and at its far node a device of conductance g and drive d.
template <class B>
RCSPIKE_INLINE Stretch<B> device_at(B r, B g, B d) {
    const B t = B::all(1) / fma(r, g, B::all(1));
    return {g * t, t, r * t, d * t, r * d * t};
}

/// Two stretches one after the other; their junction has (t V_near + s + z (j_far - t_far I_far)) / (1 + z y_far).
template <class B>
RCSPIKE_INLINE Stretch<B> join(const Stretch<B>& near, const Stretch<B>& far) {
    const B left = B::all(1) / fma(near.z, far.y, B::all(1));
    const B through = near.t * left;
    const B back = far.t * left;
    Stretch<B> both;
    both.y = fma(near.t * through, far.y, near.y);
    both.t = through * far.t;
    both.z = fma(far.t * back, near.z, far.z);
    both.j = fma(through, far.j - far.y * near.s, near.j);
    both.s = fma(back, fma(near.z, far.j, near.s), far.s);
    return both;
}

/// Each wire is a tree of stretches: a spike changes its device and the stretches that contain it.
template <int wires, class Real>
void charge_wired(const Events<Real>& events, const WiredTile<Real>& tile, const WirePlan<Real>& plan, Real* v_out,
                  Real* scratch) {
    using B = Block<Real, 1>;
    using S = Stretch<B>;
    const B r = B::load(tile.resistance);
    const auto at = [&](int wire, std::size_t node)
                        RCSPIKE_LAMBDA { return scratch + (node * wires + static_cast<std::size_t>(wire)) * S::width; };
    const auto set = [&](std::size_t leaf, Real conducting) RCSPIKE_LAMBDA {
        const std::size_t offset = plan.rows[leaf] * lanes<Real>;
        const B part = B::all(conducting), length = r * B::all(plan.segments[leaf]);
        for (int w = 0; w < wires; ++w) {
            const B g = part * B::load(tile.conductance[w] + offset), d = part * B::load(tile.drive[w] + offset);
            device_at(length, g, d).store(at(w, leaf));
        }
    };
    const auto join_all = [&](const Junction* junction, const Junction* end) RCSPIKE_LAMBDA {
        for (; junction != end; ++junction) {
            for (int w = 0; w < wires; ++w) {
                join(S::load(at(w, junction->near)), S::load(at(w, junction->far))).store(at(w, junction->both));
            }
        }
    };
    for (std::size_t leaf = 0; leaf < plan.n_leaves; ++leaf) set(leaf, tile.off);
    join_all(plan.junctions, plan.junctions + plan.ends[0]);
    const B drive0 = B::load(tile.drive0), conductance0 = B::load(tile.conductance0);
    B v = B::all(0);
    std::size_t spike = 0;
    for (std::size_t k = 0; k < events.n_steps; ++k) {
        const Step<Real>& step = events.steps[k];
        for (const std::size_t end = step.end; spike < end; ++spike) set(plan.leaf_of[spike], Real(1));
        if (k > 0) join_all(plan.junctions + plan.ends[k - 1], plan.junctions + plan.ends[k]);
        B drive = drive0, conductance = conductance0;
        for (int w = 0; w < wires && plan.n_leaves > 0; ++w) {
            const S root = S::load(at(w, plan.root));
            drive = drive + root.j;
            conductance = conductance + root.y;
        }
        const B y = conductance * B::all(step.y);
        v = LinearMembrane<B, false>(drive * B::all(step.a), y, v).next;
    }
    v.store(v_out);
}
