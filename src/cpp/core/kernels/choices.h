// Turns run-time numbers and rail symmetry into compile-time constants. Included as block.h is.

/// Calls f with n, which must not exceed `max`, as a constant.
template <std::size_t max, class Function>
RCSPIKE_INLINE void with_constant(std::size_t n, const Function& f) {
    if constexpr (max > 1) {
        if (n < max) return with_constant<max - 1>(n, f);
    }
    f(std::integral_constant<std::size_t, max>{});
}

/// Calls f with true on symmetric rails and with false on others, as a constant.
template <class Real, class Function>
RCSPIKE_INLINE void with_symmetry(const Coupling<Real>& coupling, const Function& f) {
    if (is_symmetric(coupling)) return f(std::true_type{});
    f(std::false_type{});
}
