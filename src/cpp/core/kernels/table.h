// The table of this instruction set. Included as block.h is, after all others.

template <class Real>
void charge_resistive(const Events<Real>& events, const ResistiveTile<Real>& tile, std::size_t n_tiles, Real* v) {
    with_constant<RCSPIKE_TILES_AT_ONCE>(n_tiles, [&](auto n) RCSPIKE_LAMBDA {
        with_symmetry(tile.coupling, [&](auto symmetric) RCSPIKE_LAMBDA {
            charge<ResistiveSums<Block<Real, n>, symmetric>>(events, tile, v);
        });
    });
}

template <class Real>
void charge_affine(const Events<Real>& events, const AffineTile<Real>& tile, std::size_t n_tiles, Real* v) {
    with_constant<RCSPIKE_TILES_AT_ONCE>(
        n_tiles, [&](auto n) RCSPIKE_LAMBDA { charge<AffineSums<Block<Real, n>>>(events, tile, v); });
}

template <class Real>
void charge_pairs(const Events<Real>& events, const PairTile<Real>& tile, std::size_t n_tiles, Real* v) {
    with_constant<RCSPIKE_TILES_AT_ONCE>(n_tiles, [&](auto n) RCSPIKE_LAMBDA {
        with_symmetry(tile.coupling, [&](auto symmetric) RCSPIKE_LAMBDA {
            charge<PairSums<Block<Real, n>, symmetric>>(events, tile, v);
        });
    });
}

template <class Sums, class Adjoint, class Tiles, class Gradient, class Real>
RCSPIKE_INLINE void charge_backward_timed(const Events<Real>& events, const Tiles& tile, const Real* grad_v,
                                          const Gradient& gradient, Real* scratch) {
    if (gradient.times) return charge_backward<Sums, Adjoint, true>(events, tile, grad_v, gradient, scratch);
    charge_backward<Sums, Adjoint, false>(events, tile, grad_v, gradient, scratch);
}

template <class Real, class B = Block<Real, 1>>
void resistive_backward(const Events<Real>& events, const ResistiveTile<Real>& tile, const Real* grad_v,
                        const WeightGradient<Real>& gradient, Real* scratch) {
    with_symmetry(tile.coupling, [&](auto symmetric) RCSPIKE_LAMBDA {
        charge_backward_timed<ResistiveSums<B, symmetric>, ResistiveAdjoint<B, symmetric>>(events, tile, grad_v,
                                                                                           gradient, scratch);
    });
}

template <class Real, class B = Block<Real, 1>>
void affine_backward(const Events<Real>& events, const AffineTile<Real>& tile, const Real* grad_v,
                     const AffineGradient<Real>& gradient, Real* scratch) {
    charge_backward_timed<AffineSums<B>, AffineAdjoint<B>>(events, tile, grad_v, gradient, scratch);
}

template <class Real, class B = Block<Real, 1>>
void pairs_backward(const Events<Real>& events, const PairTile<Real>& tile, const Real* grad_v,
                    const WeightGradient<Real>& gradient, Real* scratch) {
    with_symmetry(tile.coupling, [&](auto symmetric) RCSPIKE_LAMBDA {
        charge_backward_timed<PairSums<B, symmetric>, PairAdjoint<B, symmetric>>(events, tile, grad_v, gradient,
                                                                                 scratch);
    });
}

template <class Real>
void charge_sinh(const Events<Real>& events, const ResistiveTile<Real>& tile, std::size_t n_tiles, Real* v) {
    with_constant<RCSPIKE_TILES_AT_ONCE>(
        n_tiles, [&](auto n) RCSPIKE_LAMBDA { charge<SinhSums<Block<Real, n>>>(events, tile, v); });
}

template <class Real, class B = Block<Real, 1>>
void sinh_backward(const Events<Real>& events, const ResistiveTile<Real>& tile, const Real* grad_v,
                   const WeightGradient<Real>& gradient, Real* scratch) {
    charge_backward_timed<SinhSums<B>, ResistiveAdjoint<B, false>>(events, tile, grad_v, gradient, scratch);
}

template <class Real, class B = Block<Real, 1>>
void trace_resistive(const Events<Real>& events, const ResistiveTile<Real>& tile, const Real* at, std::size_t n_at,
                     Real* v) {
    with_symmetry(tile.coupling, [&](auto symmetric)
                                     RCSPIKE_LAMBDA { trace<ResistiveSums<B, symmetric>>(events, tile, at, n_at, v); });
}

template <class Real>
constexpr Kernels<Real> make_table() {
    static_assert(RCSPIKE_TILES_AT_ONCE <= max_tiles);
    Kernels<Real> kernels{};
    kernels.tiles_at_once = RCSPIKE_TILES_AT_ONCE;
    kernels.resistive.charge = charge_resistive<Real>;
    kernels.resistive.backward = resistive_backward<Real>;
    kernels.affine.charge = charge_affine<Real>;
    kernels.affine.backward = affine_backward<Real>;
    kernels.pairs.charge = charge_pairs<Real>;
    kernels.pairs.backward = pairs_backward<Real>;
    kernels.loaded_resistive.charge = charge_loaded_resistive<Real>;
    kernels.loaded_resistive.backward = loaded_resistive_backward<Real>;
    kernels.loaded_affine.charge = charge_loaded_affine<Real>;
    kernels.loaded_affine.backward = loaded_affine_backward<Real>;
    kernels.sinh_resistive.charge = charge_sinh<Real>;
    kernels.sinh_resistive.backward = sinh_backward<Real>;
    kernels.amplified_resistive.charge = charge_amplified<Real>;
    kernels.amplified_resistive.backward = amplified_backward_timed<Real>;
    kernels.patches.charge = charge_patch<Real>;
    kernels.patches.backward = patch_backward<ResistiveTile<Real>, Real>;
    kernels.charge_rectified = charge_rectified<Real>;
    kernels.charge_wired[0] = charge_wired<1, Real>;
    kernels.charge_wired[1] = charge_wired<2, Real>;
    kernels.supply = supply<Real>;
    kernels.supply_backward = supply_backward<Real>;
    kernels.trace = trace_resistive<Real>;
    kernels.trace_sinh = trace<SinhSums<Block<Real, 1>>, Block<Real, 1>, Real>;
    kernels.adam = adam<Real>;
    kernels.draw = draw<Real>;
    kernels.normal_numbers = normal_numbers;
    return kernels;
}
