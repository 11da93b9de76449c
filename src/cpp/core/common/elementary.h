// exp, expm1, log1p and powers whose bits do not depend on the C library. Double precision, errors of a few ulp at
// most.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace rcspike::detail {

inline double power_of_two(std::int64_t n) {
    const std::int64_t bits = (n + 1023) << 52;
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

/// exp(x) for x <= 0, as softmax needs it; 0 below -700.
inline double exp_of_negative(double x) {
    if (!(x > -700)) return x <= -700 ? 0 : x;
    const double n = std::floor(x * 1.4426950408889634 + 0.5);
    const double r = (x - n * 0.69314718036912382) - n * 1.9082149292705877e-10;
    // Taylor: |r| <= ln(2)/2 and r^14/14! < 1e-17. Factors of its terms, since divisions would take most of the time.
    constexpr double factor[] = {1.0,     1.0 / 2, 1.0 / 3,  1.0 / 4,  1.0 / 5,  1.0 / 6, 1.0 / 7,
                                 1.0 / 8, 1.0 / 9, 1.0 / 10, 1.0 / 11, 1.0 / 12, 1.0 / 13};
    double sum = 1;
    for (int i = 12; i >= 0; --i) sum = 1 + sum * (r * factor[i]);
    return sum * power_of_two(static_cast<std::int64_t>(n));
}

/// ln x for normal x > 0: x = 2^n m with m about 1, ln m = 2 artanh((m - 1)/(m + 1)).
inline double log(double x) {
    std::int64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    std::int64_t n = (bits >> 52) - 1023;
    const std::int64_t mantissa = (bits & 0xFFFFFFFFFFFFF) | (std::int64_t{1023} << 52);
    double m;
    std::memcpy(&m, &mantissa, sizeof m);
    if (m > 1.4142135623730951) {
        m /= 2;
        ++n;
    }
    const double f = (m - 1) / (m + 1);
    const double f2 = f * f;  // at most 0.0295, and 0.0295^11 < 2e-17
    double sum = 0;
    for (int i = 21; i > 0; i -= 2) sum = sum * f2 + 1.0 / i;
    return 2 * f * sum + static_cast<double>(n) * 0.69314718055994531;
}

/// ln(1 + x) for x > -1, accurate for small x: the rounding of 1 + x is added back.
inline double log1p(double x) {
    const double u = 1 + x;
    return log(u) + (x - (u - 1)) / u;
}

/// exp(x) - 1, accurate for small x: the rounding of exp(x) is divided out (Higham, Accuracy and Stability of Numerical
/// Algorithms, 1.14.1).
inline double expm1(double x) {
    const double y = x > 0 ? 1 / exp_of_negative(-x) : exp_of_negative(x);
    return y == 1 ? x : y == 0 ? -1 : (y - 1) * x / log(y);
}

/// base^n for 0 < base < 1, the nearest number: products of sums hi + lo, each off by 2^-104. The C library's pow is
/// off by another ulp now and then, which on x86 depends on the processor.
inline double power(double base, std::uint64_t n) {
    struct Sum {
        double hi, lo;
    };
    const auto product = [](Sum a, Sum b) {
        const double p = a.hi * b.hi;
        const double rest = std::fma(a.hi, b.hi, -p) + (a.hi * b.lo + a.lo * b.hi);
        const double hi = p + rest;
        return Sum{hi, rest - (hi - p)};
    };
    Sum result{1, 0};
    for (Sum square{base, 0}; n > 0; n >>= 1, square = product(square, square)) {
        if (n & 1) result = product(result, square);
    }
    return result.hi;
}

}  // namespace rcspike::detail
