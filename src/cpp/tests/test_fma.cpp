// The fused multiply-add that is composed where a processor has none, where rounding twice would give another result.
#include "check.h"
#include "kernels/scalar.h"

using namespace rcspike;
namespace scalar = kernels::scalar;

namespace {

/// (1 + 2^-n)(1 + 2^-m) = 1 + 2^-n + 2^-m + 2^-(n+m) lies halfway between two numbers of n + m bits. What is added to
/// it, however small, decides to which of them the sum is rounded; rounded to double first, it would be lost.
template <class Real>
void check_halfway(int n, int m) {
    const auto power = [](int exponent) { return std::ldexp(Real(1), exponent); };
    const Real a = 1 + power(-n), b = 1 + power(-m), below = 1 + (power(-n) + power(-m)),
               above = below + power(1 - n - m);
    const Real even = std::fmod(below / power(1 - n - m), Real(2)) == 0 ? below : above;
    for (const Real sign : {Real(1), Real(-1)}) {
        CHECK_EQUAL(scalar::fma(sign * a, b, Real(0)), sign * even);
        for (int exponent = -60; exponent > -110; --exponent) {
            CHECK_EQUAL(scalar::fma(sign * a, b, sign * power(exponent)), sign * above);
            CHECK_EQUAL(scalar::fma(sign * a, b, -sign * power(exponent)), sign * below);
        }
    }
}

}  // namespace

TEST(a_float_halfway_between_two_is_rounded_by_what_is_added) {
    for (int n = 2; n <= 22; ++n) check_halfway<float>(n, 24 - n);
}

TEST(a_double_halfway_between_two_is_rounded_by_what_is_added) {
    for (int n = 2; n <= 51; ++n) check_halfway<double>(n, 53 - n);
}

TEST(a_sum_beside_the_midpoint_of_two_floats_is_not_taken_for_it) {
    // c is large, and the product decides: 2^24 + 1 is the midpoint of 2^24 and 2^24 + 2.
    const float c = 16777216, tiny = 0x1p-40f;
    CHECK_EQUAL(scalar::fma(1 + 0x1p-23f, 1.0f, c), c + 2);
    CHECK_EQUAL(scalar::fma(1.0f, 1.0f, c), c);
    CHECK_EQUAL(scalar::fma(1 - 0x1p-24f, 1.0f, c), c);
    CHECK_EQUAL(scalar::fma(0x1p24f + 2, 1.0f, -1.0f), c);      // a tie, to even
    CHECK_EQUAL(scalar::fma(0x1p24f + 2, 1 + tiny, -1.0f), c);  // 1 + 2^-40 is 1 in float
    CHECK_EQUAL(scalar::fma(0x1p20f, 0x1p4f, 1 + 0x1p-23f), c + 2);
}

TEST(all_lanes_of_a_vector_are_fused) {
    scalar::Floats a, b, c;
    constexpr int lanes = sizeof a / sizeof(float);
    for (int i = 0; i < lanes; ++i) {
        a[i] = b[i] = 1 + 0x1p-12f;
        c[i] = std::ldexp(i % 2 == 0 ? 1.0f : -1.0f, -60);
    }
    const scalar::Floats fused = scalar::fma(a, b, c);
    for (int i = 0; i < lanes; ++i) {
        CHECK_EQUAL(float{fused[i]}, i % 2 == 0 ? 1 + 0x1p-11f + 0x1p-23f : 1 + 0x1p-11f);
    }
}
