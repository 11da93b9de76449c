// Elementary functions against the C library's in long double.
#include "check.h"
#include "common/elementary.h"
#include "fixture.h"

using namespace rcspike;
using namespace rcspike::test;

// Half a unit in the last place is rounding to the nearest; the reference is 2^11 times as fine, or no finer at all.
TEST(a_power_is_the_nearest_number) {
    const bool finer = std::numeric_limits<long double>::digits > std::numeric_limits<double>::digits;
    for (const double base : {0.9, 0.999, 0.5}) {
        for (std::uint64_t n = 1; n < 40000; n += 1 + n / 1000) {
            const long double exact = std::pow(static_cast<long double>(base), static_cast<long double>(n));
            if (exact < 1e-280L) break;
            CHECK_CLOSE((detail::power(base, n) - exact) / ulp(static_cast<double>(exact)), 0.0L,
                        finer ? 0.501L : 1.5L);
        }
        CHECK_EQUAL(detail::power(base, 0), 1.0);
        CHECK_EQUAL(detail::power(base, std::uint64_t{1} << 53), 0.0);
    }
}
