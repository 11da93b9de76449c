// Neighbouring tiles of which few lanes have a gradient, as one tile. Included as block.h is, for AVX-512 only.

/// Packs the lanes that have a gradient from n neighbouring tiles into one tile: costs a few permutations per row and
/// saves most of the work between rows. Every result keeps its bits.
template <int n>
struct MergedTiles {
    static constexpr int pairs = (n + 1) / 2;
    const float* weights;
    std::size_t stride;
    Coupling<float> coupling;
    __mmask16 used[n];         // lanes of each tile
    __m512i to[n];             // lane of each tile -> lane of the merged one
    __mmask16 of_pair[pairs];  // lanes of the merged tile that belong to tiles 2p and 2p + 1
    __m512i from[pairs];       // lane of the merged tile -> lane of these two, 0..31

    const float* rows() const { return weights; }

    /// Of the lanes whose number in `wanted` is not 0, at most 16.
    MergedTiles(const ResistiveTile<float>& tile, const float* wanted)
        : weights(tile.weights), stride(tile.stride), coupling(tile.coupling) {
        const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        for (int p = 0; p < pairs; ++p) of_pair[p] = 0, from[p] = _mm512_setzero_si512();
        int first = 0;
        for (int i = 0; i < n; ++i) {
            used[i] = _mm512_cmp_ps_mask(_mm512_load_ps(wanted + 16 * i), _mm512_setzero_ps(), _CMP_NEQ_OQ);
            const int count = __builtin_popcount(used[i]);
            const auto place = static_cast<__mmask16>(((1u << count) - 1) << first);
            const __m512i own = _mm512_add_epi32(lane, _mm512_set1_epi32(16 * (i % 2)));
            from[i / 2] = _mm512_mask_expand_epi32(from[i / 2], place, _mm512_maskz_compress_epi32(used[i], own));
            of_pair[i / 2] = static_cast<__mmask16>(of_pair[i / 2] | place);
            to[i] = _mm512_maskz_expand_epi32(used[i], _mm512_add_epi32(lane, _mm512_set1_epi32(first)));
            first += count;
        }
    }

    /// Merges one row of each tile into a row of the merged tile.
    RCSPIKE_INLINE __m512 merge(const float* row, std::size_t apart) const {
        __m512 merged = _mm512_setzero_ps();
        for (int p = 0; p < pairs; ++p) {
            const float* const even = row + std::size_t(2 * p) * apart;
            const __m512 own = 2 * p + 1 < n ? _mm512_maskz_permutex2var_ps(of_pair[p], _mm512_load_ps(even), from[p],
                                                                            _mm512_load_ps(even + apart))
                                             : _mm512_maskz_permutexvar_ps(of_pair[p], from[p], _mm512_load_ps(even));
            merged = p == 0 ? own : _mm512_or_ps(merged, own);
        }
        return merged;
    }
};

template <class B, int n>
RCSPIKE_INLINE B load_weights(const MergedTiles<n>& tile, std::size_t offset) {
    return {{tile.merge(tile.weights + offset, tile.stride)}};
}
template <int n>
RCSPIKE_INLINE __m512 lanes_of(const MergedTiles<n>& tile, int i, __m512 merged) {
    return _mm512_maskz_permutexvar_ps(tile.used[i], tile.to[i], merged);
}
template <class B, int n>
RCSPIKE_INLINE void add_to_weights(float* gradient, const MergedTiles<n>& tile, std::size_t offset, B change) {
    for (int i = 0; i < n; ++i) {
        float* row = gradient + offset + static_cast<std::size_t>(i) * tile.stride;
        _mm512_store_ps(row, _mm512_add_ps(_mm512_load_ps(row), lanes_of(tile, i, change.part[0])));
    }
}
template <class B, int n>
RCSPIKE_INLINE void add_to_times(float* times, const MergedTiles<n>& tile, std::size_t offset, B, B slope) {
    const float* w = tile.weights + offset;
    __m512 sum = _mm512_load_ps(times);
    for (int i = 0; i < n; ++i) {
        const __m512 row = _mm512_load_ps(w + static_cast<std::size_t>(i) * tile.stride);
        sum = _mm512_fmadd_ps(row, lanes_of(tile, i, slope.part[0]), sum);
    }
    _mm512_store_ps(times, sum);
}
