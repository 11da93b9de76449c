// From images to spike times.
#include "check.h"
#include "fixture.h"
#include "rcspike/encode.h"

using namespace rcspike;
using namespace rcspike::test;

TEST_EACH_REAL(brighter_pixels_spike_earlier_and_black_ones_never) {
    const Matrix<Real> images(1, 4, {0, Real(0.25), Real(0.75), 1});
    Matrix<Real> times(1, 4);
    encode<Real>(images, times);
    CHECK(same_bits(times, Matrix<Real>(1, 4, {Real(inf), Real(0.75), Real(0.25), 0})));
}

TEST_EACH_REAL(bytes_are_fractions_of_255_in_single_precision) {
    const Matrix<std::uint8_t> images(1, 3, {0, 51, 255});
    Matrix<Real> times(1, 3);
    encode<Real>(images.view(), times);
    CHECK(same_bits(times, Matrix<Real>(1, 3, {Real(inf), Real(1 - 51.0F / 255.0F), 0})));
}

TEST_EACH_REAL(a_value_that_is_not_an_intensity_is_rejected_and_nothing_written) {
    for (const double bad : {-0.1, 1.5, not_a_number}) {
        Matrix<Real> times(1, 2, {7, 7});
        CHECK_THROWS(encode<Real>(Matrix<Real>(1, 2, {Real(0.5), Real(bad)}), times), std::invalid_argument,
                     "intensities must lie in [0, 1], got ");
        CHECK_EQUAL(times(0, 0), Real(7));
        CHECK_THROWS(encode<Real>(Matrix<Real>(2, 1), times), std::invalid_argument, "times must have shape (2, 1)");
    }
}
