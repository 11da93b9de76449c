// Noise of spike times.
#include "rcspike/noise.h"

#include <algorithm>
#include <cmath>

#include "check.h"
#include "fixture.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

template <class Real>
Matrix<Real> drawn(std::uint64_t seed, std::size_t rows, std::size_t cols, double sigma = 1) {
    Matrix<Real> noise(rows, cols);
    draw_noise<Real>(seed, sigma, noise);
    return noise;
}

}  // namespace

TEST_EACH_REAL(a_number_depends_on_its_seed_and_place_alone) {
    const Matrix<Real> all = drawn<Real>(7, 1, 200);
    for (const std::size_t n : {1, 15, 16, 17, 31, 32, 33, 199}) {
        const Matrix<Real> some = drawn<Real>(7, 1, n);
        CHECK(std::equal(some.values.begin(), some.values.end(), all.values.begin()));
    }
    CHECK(drawn<Real>(7, 10, 20).values == all.values);
    for (const std::uint64_t other : {std::uint64_t{8}, std::uint64_t{7} << 32 | 7}) {
        CHECK(!same_bits(drawn<Real>(other, 1, 200), all));
    }
    drawn<Real>(7, 0, 5);
}

TEST_EACH_REAL(numbers_are_normal) {
    const std::size_t n = 200'000;
    const Matrix<Real> noise = drawn<Real>(1, 1, n, 0.5);
    double moments[5] = {}, neighbours = 0;
    std::size_t below = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double x = noise(0, i) / 0.5;
        for (int power = 1; power < 5; ++power) moments[power] += std::pow(x, power) / n;
        if (i > 0) neighbours += x * noise(0, i - 1) / 0.5 / n;
        below += x < -1;
    }
    // Of each of these means the standard error is the root of its variance over n; five of them are allowed.
    const double error = 5 / std::sqrt(static_cast<double>(n));
    CHECK(std::abs(moments[1]) < error);
    CHECK(std::abs(moments[2] - 1) < error * std::sqrt(2.0));
    CHECK(std::abs(moments[3]) < error * std::sqrt(15.0));
    CHECK(std::abs(moments[4] - 3) < error * std::sqrt(96.0));
    CHECK(std::abs(neighbours) < error);
    CHECK(std::abs(static_cast<double>(below) / n - 0.158655) < error * 0.37);
}

TEST_EACH_REAL(a_deviation_that_cannot_be_is_rejected) {
    Matrix<Real> noise(1, 3);
    for (const double sigma : {-0.1, std::nan(""), HUGE_VAL}) {
        CHECK_THROWS(draw_noise<Real>(1, sigma, noise), std::invalid_argument, "sigma must be finite and not negative");
    }
    draw_noise<Real>(1, 0, noise);
    CHECK(std::all_of(noise.values.begin(), noise.values.end(), [](Real x) { return x == 0; }));
}
