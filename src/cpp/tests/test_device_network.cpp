// Networks of device pairs.
#include "rcspike/device_network.h"

#include <algorithm>

#include "check.h"
#include "fixture.h"
#include "rcspike/network.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

/// Weights as ideal pairs.
template <class Real>
struct Pairs {
    Matrix<Real> plus, minus;

    explicit Pairs(const Matrix<Real>& w) : plus(w), minus(w) {
        for (Real& x : plus.values) x = std::max(x, Real(0));
        for (Real& x : minus.values) x = std::max(-x, Real(0));
    }
    DevicePairs<Real> view() const { return {plus, minus, {}, {}, {}}; }
};

}  // namespace

TEST_EACH_REAL(ideal_pairs_have_the_bits_of_the_network) {
    const Matrix<Real> w1 = uniform<Real>(12, 37, -1, 2, 1), w2 = uniform<Real>(37, 4, -1, 1, 2);
    const Pairs<Real> p1(w1), p2(w2);
    for (const Circuit& circuit : {Circuit{1.5, -1.5, 0.1, 0.2}, {2, -1, 0.2, 0}, Circuit::conventional()}) {
        const Network<Real> network({w1, w2}, circuit);
        const DeviceNetwork<Real> chip({p1.view(), p2.view()}, circuit);
        CHECK(chip.n_layers() == 2 && chip.n_in() == 12 && chip.n_out(1) == 4);
        const Matrix<Real> times = tied_times<Real>(40, 12, 32, 3);
        Matrix<Real> expected(40, 4), v(40, 4), v_scheduled(40, 4);
        network.forward(times, {}, expected);
        chip.forward(times, {}, v, Threads::exactly(2));
        chip.forward(Schedule<Real>(times), {}, v_scheduled, Threads::exactly(1));
        CHECK(same_bits(v, expected));
        CHECK(same_bits(v_scheduled, expected));
    }
}

TEST_EACH_REAL(an_offset_is_taken_off_the_voltages) {
    const Pairs<Real> pairs(uniform<Real>(5, 3, -1, 1, 1));
    const Matrix<Real> times = tied_times<Real>(4, 5, 8, 1);
    const Matrix<Real> offset = uniform<Real>(1, 3, -1, 1, 4);
    DevicePairs<Real> view = pairs.view();
    Matrix<Real> v(4, 3), shifted(4, 3);
    DeviceNetwork<Real>({view}, Circuit{}).forward(times, {}, v);
    view.offset = offset;
    DeviceNetwork<Real>({view}, Circuit{}).forward(times, {}, shifted);
    for (std::size_t i = 0; i < v.values.size(); ++i) v.values[i] -= offset.values[i % 3];
    CHECK(same_bits(shifted, v));
}

TEST_EACH_REAL(a_pair_of_negative_conductance_is_rejected) {
    const Matrix<Real> one = uniform<Real>(2, 2, 1, 1, 1), minus_two = uniform<Real>(2, 2, -2, -2, 1);
    const DevicePairs<Real> pairs{one, minus_two, {}, {}, {}};
    CHECK_THROWS(DeviceNetwork<Real>({pairs}, Circuit{}), std::invalid_argument, "a pair of negative conductance");
}
