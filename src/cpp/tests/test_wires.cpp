// Columns of devices along wires with resistance.
#include "rcspike/wires.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "check.h"
#include "fixture.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

template <class Real>
struct Columns {
    std::vector<Matrix<Real>> drive, conductance;  // of each wire
    Matrix<Real> resistance, drive0, conductance0;
    Real off;

    Columns(std::size_t n_in, std::size_t n_out, std::size_t n_wires, double r, double open = 0)
        : resistance(uniform<Real>(1, n_out, 0.5 * r, 1.5 * r, 1)),
          drive0(uniform<Real>(1, n_out, -0.3, 0.3, 2)),
          conductance0(uniform<Real>(1, n_out, 0, 0.3, 3)),
          off(static_cast<Real>(open)) {
        const double scale = 4.0 / static_cast<double>(n_in);
        for (std::size_t w = 0; w < n_wires; ++w) {
            drive.push_back(uniform<Real>(n_in, n_out, w == 1 ? -scale : -0.3 * scale, w == 1 ? 0 : scale, 4 + w));
            conductance.push_back(uniform<Real>(n_in, n_out, 0, scale, 6 + w));
        }
    }

    WiredSynapses<Real> view() const {
        WiredSynapses<Real> synapses{{}, resistance, off, drive0, conductance0};
        for (std::size_t w = 0; w < drive.size(); ++w) synapses.wires.push_back({drive[w], conductance[w]});
        return synapses;
    }
};

template <class Real>
Matrix<Real> charged(const Matrix<Real>& times, const Columns<Real>& columns, int threads = 1) {
    Matrix<Real> v(times.rows, columns.resistance.cols);
    charge<Real>(Schedule<Real>(times), columns.view(), v, Threads::exactly(threads));
    return v;
}

/// v(1) of one neuron from one sample's times: the recursion from the far end, at every spike, in double.
template <class Real>
double by_recursion(const Columns<Real>& c, const Real* times, std::size_t i) {
    const std::size_t n = c.drive[0].rows;
    std::vector<double> moments{0, 1};
    for (std::size_t j = 0; j < n; ++j) {
        if (times[j] < 1) moments.push_back(times[j]);
    }
    std::sort(moments.begin(), moments.end());
    double v = 0;
    for (std::size_t k = 0; k + 1 < moments.size(); ++k) {
        double D = c.drive0(0, i), G = c.conductance0(0, i);
        for (std::size_t w = 0; w < c.drive.size(); ++w) {
            double J = 0, Y = 0;
            for (std::size_t j = n; j-- > 0;) {
                const double part = times[j] <= moments[k] ? 1.0 : double(c.off);
                J += part * c.drive[w](j, i), Y += part * c.conductance[w](j, i);
                const double left = 1 / (1 + double(c.resistance(0, i)) * Y);
                J *= left, Y *= left;
            }
            D += J, G += Y;
        }
        const double length = moments[k + 1] - moments[k];
        v = G > 0 ? D / G + (v - D / G) * std::exp(-G * length) : v + D * length;
    }
    return v;
}

}  // namespace

TEST_EACH_REAL(wires_act_as_the_recursion_from_their_far_ends) {
    for (const std::size_t n_in : {1, 2, 7, 64, 100}) {
        const Matrix<Real> times = tied_times<Real>(6, n_in, 40, n_in);
        for (const std::size_t n_wires : {1, 2}) {
            for (const double r : {1e-4, 0.02, 3.0}) {
                for (const double open : {0.0, 0.1}) {
                    const Columns<Real> c(n_in, 21, n_wires, r, open);
                    const Matrix<Real> v = charged(times, c);
                    for (std::size_t s = 0; s < times.rows; ++s) {
                        // Up to 100 currents of order 1/10, a few roundings on each level of the tree.
                        for (std::size_t i = 0; i < 21; ++i) {
                            CHECK_CLOSE(double(v(s, i)), by_recursion(c, times.row(s), i), double(100 * eps<Real>));
                        }
                    }
                }
            }
        }
    }
}

TEST_EACH_REAL(wires_without_resistance_are_affine_synapses) {
    const Columns<Real> c(50, 37, 1, 0);
    const Matrix<Real> times = tied_times<Real>(9, 50, 64, 1);
    Matrix<Real> expected(9, 37);
    charge<Real>(Schedule<Real>(times), AffineSynapses<Real>{c.drive[0], c.conductance[0], c.drive0, c.conductance0},
                 expected);
    const Matrix<Real> v = charged(times, c);
    for (std::size_t k = 0; k < v.values.size(); ++k) CHECK_CLOSE(v.values[k], expected.values[k], 50 * eps<Real>);
}

TEST_EACH_REAL(bits_of_wired_columns_depend_neither_on_instruction_sets_nor_on_threads_nor_on_the_batch) {
    const Columns<Real> c(70, 45, 2, 0.03, 0.05);
    const Matrix<Real> times = tied_times<Real>(40, 70, 256, 2);
    const Matrix<Real> v = charged(times, c);
    CHECK(same_bits(v, charged(times, c, 3)));
    const Matrix<Real> one = charged(Matrix<Real>(1, 70, {times.row(5), times.row(6)}), c);
    CHECK(same_bits(one, Matrix<Real>(1, 45, {v.row(5), v.row(6)})));
    const kernels::Isa before = kernels::in_use();
    for (const kernels::Isa isa : kernels::supported()) {
        kernels::in_use() = isa;
        CHECK(same_bits(v, charged(times, c)));
    }
    kernels::in_use() = before;
}

TEST_EACH_REAL(samples_without_spikes_have_what_is_always_on) {
    const Columns<Real> c(5, 3, 2, 0.1);
    Matrix<Real> times(2, 5, std::vector<Real>(10, Real(inf)));
    const Matrix<Real> v = charged(times, c);
    for (std::size_t i = 0; i < 3; ++i) CHECK_CLOSE(double(v(1, i)), by_recursion(c, times.row(1), i), 1e-6);
}

TEST_EACH_REAL(a_wire_of_huge_resistance_delivers_nothing) {
    const Columns<Real> c(100, 5, 2, 1e25);
    const Matrix<Real> times = tied_times<Real>(3, 100, 16, 3);
    const Matrix<Real> v = charged(times, c);
    for (std::size_t s = 0; s < 3; ++s) {
        for (std::size_t i = 0; i < 5; ++i) {
            const double G = c.conductance0(0, i), D = c.drive0(0, i);
            CHECK_CLOSE(double(v(s, i)), -D * std::expm1(-G) / G, double(4 * eps<Real>));
        }
    }
}

TEST_EACH_REAL(impossible_wires_are_rejected) {
    const Matrix<Real> times = tied_times<Real>(2, 3, 8, 1);
    const auto with = [](const auto& change) {
        Columns<Real> c(3, 4, 2, 0.1);
        change(c);
        return c;
    };
    using C = Columns<Real>&;
    CHECK_THROWS(charged(times, Columns<Real>(2, 4, 1, 0.1)), std::invalid_argument, "drive must have shape (3, 4)");
    CHECK_THROWS(charged(times, Columns<Real>(3, 4, 3, 0.1)), std::invalid_argument, "must have 1 or 2 wires, got 3");
    CHECK_THROWS(charged(times, with([](C c) { c.resistance(0, 2) = -1; })), std::invalid_argument,
                 "resistance[2] must not be negative, got -1");
    CHECK_THROWS(charged(times, with([](C c) { c.resistance(0, 2) = std::numeric_limits<Real>::max() / 8; })),
                 std::invalid_argument, "resistance[2] is ");
    CHECK_THROWS(charged(times, with([](C c) { c.conductance[1](1, 2) = -1; })), std::invalid_argument,
                 "conductance[1, 2] must not be negative, got -1");
    CHECK_THROWS(charged(times, with([](C c) { c.off = 2; })), std::invalid_argument, "off must lie in [0, 1], got 2");
}
