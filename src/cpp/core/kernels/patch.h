// Charging of the patches of a convolution and its backward pass, one tile (docs/convolution.md): resistive synapses on
// symmetric rails. Included as block.h is.

/// The factors of a step that make_step computes, in all lanes.
template <class B>
struct PatchStep {
    B length, a, y;
};

/// The charging phase, like `sweep` over events, except that every spike begins a step. `visit(step, v, moved)` sees
/// each of them.
template <class B, class Tiles, class Visit, class Real = typename B::Real>
RCSPIKE_INLINE B sweep_patch(const PatchSpikes<Real>& patch, const Tiles& tile, const Visit& visit) {
    ResistiveSums<B, true> on(tile);
    const B a_plus = B::all(tile.coupling.a_plus), minus_b = B::all(-tile.coupling.b_plus);
    B v = B::all(0), start = B::all(patch.time(0));
    for (std::size_t k = 0; k < patch.n; ++k) {
        on.switch_on(tile, patch.row(k) * lanes<Real>);
        const B end = B::all(patch.time(k + 1)), length = end - start;
        const PatchStep<B> step{length, length * a_plus, length * minus_b};
        const LinearMembrane<B, true> moved(on.sum * step.a, on.sum_abs * step.y, v);
        visit(step, v, moved);
        v = moved.next;
        start = end;
    }
    return v;
}

template <class Real>
void charge_patch(const PatchSpikes<Real>& patch, const ResistiveTile<Real>& tile, std::size_t n_tiles, Real* v) {
    with_constant<RCSPIKE_TILES_AT_ONCE>(n_tiles, [&](auto n) RCSPIKE_LAMBDA {
        using B = Block<Real, n>;
        const auto nothing = [](const PatchStep<B>&, B, const LinearMembrane<B, true>&) RCSPIKE_LAMBDA {};
        sweep_patch<B>(patch, tile, nothing).store(v);
    });
}

/// Like charge_backward, but the values kept of a step already contain its factors.
template <bool wants_times, class Tiles, class Real, class B = Block<Real, 1>>
void patch_backward_timed(const PatchSpikes<Real> patch, const Tiles tile, const Real* grad_v,
                          const WeightGradient<Real> gradient, Real* scratch) {
    constexpr std::size_t width = lanes<Real>;
    constexpr std::size_t kept_size = (wants_times ? 4 : 3) * width;
    Real* kept = scratch;
    const auto keep = [&](const PatchStep<B>& step, B v, const LinearMembrane<B, true>& moved) RCSPIKE_LAMBDA {
        moved.by_start().store(kept);
        (step.a * moved.by_drive()).store(kept + width);
        (step.y * moved.by_conductance()).store(kept + 2 * width);
        if (wants_times) v.store(kept + 3 * width);
        kept += kept_size;
    };
    sweep_patch<B>(patch, tile, keep);

    ResistiveAdjoint<B, true> adjoint(tile);
    B lambda = B::load(grad_v);
    for (std::size_t k = patch.n; k-- > 0;) {
        kept -= kept_size;
        adjoint.p = fma(lambda, B::load(kept + width), adjoint.p);
        adjoint.minus_q = fma(lambda, B::load(kept + 2 * width), adjoint.minus_q);
        lambda = lambda * B::load(kept);
        if (wants_times) adjoint.set_times(LinearLaw<B, true>(tile), lambda, B::load(kept + 3 * width));
        adjoint.template add<wants_times>(tile, gradient, patch.row(k) * width,
                                          wants_times ? gradient.times + patch.spikes[k] * width : nullptr);
    }
}

template <class Tiles, class Real>
void patch_backward(const PatchSpikes<Real>& patch, const Tiles& tile, const Real* grad_v,
                    const WeightGradient<Real>& gradient, Real* scratch) {
    if (gradient.times) return patch_backward_timed<true>(patch, tile, grad_v, gradient, scratch);
    patch_backward_timed<false>(patch, tile, grad_v, gradient, scratch);
}
