// The table of first spikes of this instruction set. Included as block.h is, after all others.

template <class Real>
void first_spike_resistive(const Events<Real>& events, const ResistiveTile<Real>& tile, std::size_t n_tiles,
                           std::size_t n_neurons, const Real* thresholds, Real* times) {
    with_constant<RCSPIKE_TILES_AT_ONCE>(n_tiles, [&](auto n) RCSPIKE_LAMBDA {
        with_symmetry(tile.coupling, [&](auto symmetric) RCSPIKE_LAMBDA {
            first_spike<ResistiveSums<Block<Real, n>, symmetric>>(events, tile, n_neurons, thresholds, times);
        });
    });
}

template <class Real>
void first_spike_affine(const Events<Real>& events, const AffineTile<Real>& tile, std::size_t n_tiles,
                        std::size_t n_neurons, const Real* thresholds, Real* times) {
    with_constant<RCSPIKE_TILES_AT_ONCE>(n_tiles, [&](auto n) RCSPIKE_LAMBDA {
        first_spike<AffineSums<Block<Real, n>>>(events, tile, n_neurons, thresholds, times);
    });
}

template <class Real>
void first_spike_pairs(const Events<Real>& events, const PairTile<Real>& tile, std::size_t n_tiles,
                       std::size_t n_neurons, const Real* thresholds, Real* times) {
    with_constant<RCSPIKE_TILES_AT_ONCE>(n_tiles, [&](auto n) RCSPIKE_LAMBDA {
        with_symmetry(tile.coupling, [&](auto symmetric) RCSPIKE_LAMBDA {
            first_spike<PairSums<Block<Real, n>, symmetric>>(events, tile, n_neurons, thresholds, times);
        });
    });
}

template <class Real, class B = Block<Real, 1>>
std::size_t first_spike_resistive_backward(const Events<Real>& events, const ResistiveTile<Real>& tile,
                                           const SpikeUpstream<Real>& upstream, const WeightGradient<Real>& gradient,
                                           Real* scratch) {
    if (is_symmetric(tile.coupling)) {
        return first_spike_backward<ResistiveSums<B, true>, ResistiveAdjoint<B, true>>(events, tile, upstream, gradient,
                                                                                       scratch);
    }
    return first_spike_backward<ResistiveSums<B, false>, ResistiveAdjoint<B, false>>(events, tile, upstream, gradient,
                                                                                     scratch);
}

template <class Real, class B = Block<Real, 1>>
std::size_t first_spike_affine_backward(const Events<Real>& events, const AffineTile<Real>& tile,
                                        const SpikeUpstream<Real>& upstream, const AffineGradient<Real>& gradient,
                                        Real* scratch) {
    return first_spike_backward<AffineSums<B>, AffineAdjoint<B>>(events, tile, upstream, gradient, scratch);
}

template <class Real, class B = Block<Real, 1>>
std::size_t first_spike_pairs_backward(const Events<Real>& events, const PairTile<Real>& tile,
                                       const SpikeUpstream<Real>& upstream, const WeightGradient<Real>& gradient,
                                       Real* scratch) {
    if (is_symmetric(tile.coupling)) {
        return first_spike_backward<PairSums<B, true>, PairAdjoint<B, true>>(events, tile, upstream, gradient, scratch);
    }
    return first_spike_backward<PairSums<B, false>, PairAdjoint<B, false>>(events, tile, upstream, gradient, scratch);
}

template <class Real>
constexpr Crossings<Real> make_crossings() {
    static_assert(RCSPIKE_TILES_AT_ONCE <= max_tiles);
    Crossings<Real> kernels{};
    kernels.tiles_at_once = RCSPIKE_TILES_AT_ONCE;
    kernels.resistive.first_spike = first_spike_resistive<Real>;
    kernels.resistive.backward = first_spike_resistive_backward<Real>;
    kernels.affine.first_spike = first_spike_affine<Real>;
    kernels.affine.backward = first_spike_affine_backward<Real>;
    kernels.pairs.first_spike = first_spike_pairs<Real>;
    kernels.pairs.backward = first_spike_pairs_backward<Real>;
    return kernels;
}
