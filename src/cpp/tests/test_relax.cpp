// How exactly a membrane relaxes: exp(-x), phi(x) = (1 - exp(-x))/x and psi(x) = (phi - exp(-x))/x against closed forms
// in long double, over all x = B d that can occur. One neuron for each x, wired so that its voltage or gradient is the
// function.
#include <algorithm>

#include "check.h"
#include "fixture.h"
#include "rcspike/charge.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

/// 0, the smallest numbers, twelve orders of magnitude below 1 and six above, and both sides of every place where the
/// method changes: 1, where the polynomial ends; multiples of ln 2 and their middles, where the exponent steps; 80 and
/// 700, where exp(-x) stops.
template <class Real>
std::vector<Real> exponents() {
    std::vector<Real> all{0, std::numeric_limits<Real>::denorm_min(), std::numeric_limits<Real>::min()};
    for (double power = -12; power <= 6; power += 0.01) all.push_back(static_cast<Real>(std::pow(10, power)));
    std::vector<double> borders{1, 80, 700, 1e6};
    for (int i = 1; i < 300; ++i) borders.push_back(i * 0.34657359027997264);
    for (const double border : borders) {
        const Real x = static_cast<Real>(border);
        all.insert(all.end(), {std::nextafter(x, Real(0)), x, std::nextafter(x, Real(inf))});
    }
    return all;
}

long double phi(long double x) { return x == 0 ? 1 : -std::expm1(-x) / x; }

long double psi(long double x) {
    if (x > 0.5L) return (phi(x) - std::exp(-x)) / x;
    long double sum = 0, term = 0.5L;  // sum of (-x)^m (m + 1)/(m + 2)!
    for (int m = 0; m < 25; ++m) {
        sum += term * (m + 1);
        term *= -x / (m + 3);
    }
    return sum;
}

/// Errors in units of the last place of the expected numbers.
template <class Real>
long double in_ulp(long double error, long double exact) {
    return error / ulp(static_cast<Real>(exact));
}

}  // namespace

// Up to 1, exp(-x) = 1 - x + x^2 chi, in (0.36, 1). The polynomial is good to 1.3 ulp of chi (a half from its last
// addition, 0.3 from its fit, the rest from earlier steps); x^2 and 1 - x add up to 0.6 and the last sum a half: 2.4
// ulp near x = 1, where exp(-x) and chi have the same ulp. Beyond, reducing the exponent moves it by half an ulp
// more: 2.9. Measured: 1.5.
TEST_EACH_REAL(a_voltage_decays_as_the_exponential) {
    const std::vector<Real> x = exponents<Real>();
    // Up to 1 with no conductance in the first half; then no current and x.
    const Schedule<Real> schedule(Matrix<Real>(1, 2, {0, Real(0.5)}));
    Matrix<Real> drive(2, x.size()), conductance(2, x.size()), v(1, x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        drive(0, i) = 2;
        drive(1, i) = -2;
        conductance(1, i) = 2 * x[i];
    }
    charge<Real>(schedule, AffineSynapses<Real>{drive, conductance, {}, {}}, v);
    const long double smallest = std::exp(sizeof(Real) == 4 ? -80.0L : -700.0L);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double exact = std::exp(-static_cast<long double>(x[i]));
        if (exact < smallest) {
            CHECK(v(0, i) >= 0 && v(0, i) <= smallest * (1 + 4 * eps<Real>));
        } else {
            CHECK_CLOSE(in_ulp<Real>(v(0, i) - exact, exact), 0.0L, 3.0L);
        }
    }
}

// Up to 1, phi = 1 - x chi, in (0.6, 1): a half from the sum and half of chi's 1.3, since its ulp is half of phi's: 1.2
// ulp. Beyond, (1 - exp(-x))/x: exp(-x) < 0.37 is off by 3 of its ulp, 1.5 of the difference's, which adds a half;
// relative to a quotient just above a power of two that is 3.2 ulp, and the division adds a half: 3.7. Measured: 0.9
// and 1.2.
TEST_EACH_REAL(a_voltage_rises_as_phi) {
    const std::vector<Real> x = exponents<Real>();
    const Schedule<Real> schedule(Matrix<Real>(1, 1));
    Matrix<Real> v(1, x.size());
    const Matrix<Real> drive(1, x.size(), std::vector<Real>(x.size(), 1)), conductance(1, x.size(), x);
    charge<Real>(schedule, AffineSynapses<Real>{drive, conductance, {}, {}}, v);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double exact = phi(x[i]);
        CHECK_CLOSE(in_ulp<Real>(v(0, i) - exact, exact), 0.0L, x[i] <= 1 ? 1.5L : 4.0L);
    }
    CHECK_EQUAL(v(0, 0), Real(1));
}

// psi = phi - chi is off by as much as the two together and a half, 8 ulp of phi; measured: 2.3. For large x, where psi
// is 1/x^2 and phi is 1/x, that is x times as much of psi itself.
TEST_EACH_REAL(gradients_follow_phi_and_psi) {
    const std::vector<Real> x = exponents<Real>();
    const Schedule<Real> schedule(Matrix<Real>(1, 1));
    const Matrix<Real> drive(1, x.size(), std::vector<Real>(x.size(), 1)), conductance(1, x.size(), x);
    Matrix<Real> grad_times(1, 1), grad_drive(1, x.size()), grad_conductance(1, x.size());
    charge_vjp<Real>(schedule, AffineSynapses<Real>{drive, conductance, {}, {}}, drive, grad_times,
                     AffineGradient<Real>{grad_drive, grad_conductance, {}, {}});
    for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK_CLOSE(in_ulp<Real>(grad_drive(0, i) - phi(x[i]), phi(x[i])), 0.0L, 4.0L);
        CHECK_CLOSE(in_ulp<Real>(-grad_conductance(0, i) - psi(x[i]), phi(x[i])), 0.0L, 8.0L);
    }
    CHECK_CLOSE(grad_conductance(0, 0), Real(-0.5), eps<Real> / 2);
}

TEST_EACH_REAL(a_membrane_without_current_stays_at_rest_whatever_its_conductance) {
    const std::vector<Real> x = exponents<Real>();
    Matrix<Real> v(1, x.size());
    const Matrix<Real> drive(1, x.size()), conductance(1, x.size(), x);
    charge<Real>(Schedule<Real>(Matrix<Real>(1, 1)), AffineSynapses<Real>{drive, conductance, {}, {}}, v);
    CHECK(std::all_of(v.values.begin(), v.values.end(), [](Real value) { return value == 0; }));
}
