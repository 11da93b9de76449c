// Digests, and the layers that the parts of `bits` compute.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "fixture.h"
#include "rcspike/charge.h"
#include "rcspike/circuit.h"
#include "rcspike/schedule.h"

namespace rcspike::test {

/// FNV-1a, 64 bits.
class Digest {
public:
    void add(const void* data, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) value_ = (value_ ^ static_cast<const unsigned char*>(data)[i]) * prime;
    }
    template <class Real>
    void add(const Matrix<Real>& m) {
        add(m.values.data(), m.values.size() * sizeof(Real));
    }
    std::string text() const {
        char hex[17];
        std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(value_));
        return hex;
    }

private:
    static constexpr std::uint64_t prime = 0x100000001b3;
    std::uint64_t value_ = 0xcbf29ce484222325;
};

inline const std::vector<Circuit>& circuits() {
    static const std::vector<Circuit> all{Circuit{}, Circuit{4, -4, 0.3, 0}, Circuit{2, -0.5, 0.1, 0},
                                          Circuit::conventional()};
    return all;
}

/// Of devices that are not ohmic: nearly ohmic ones, steep ones, and other rails behind diodes.
inline const std::vector<Circuit>& sinh_circuits() {
    static const std::vector<Circuit> all = [] {
        std::vector<Circuit> made{Circuit{}, Circuit{}, Circuit{2, -0.5, 0.1, 0}};
        made[0].v_0 = 30;
        made[1].v_0 = 0.1;
        made[2].v_0 = 0.493;
        return made;
    }();
    return all;
}

/// Sizes that fill no vector; the second layer is dealt with in several parts.
struct Shape {
    std::size_t batch, n_in, n_out;
};
constexpr Shape shapes[] = {{9, 40, 21}, {19, 300, 90}, {2, 3, 7}};

template <class Real>
Matrix<Real> times_of(const Shape& shape) {
    return tied_times<Real>(shape.batch, shape.n_in, 64, 1);
}
/// Exponents far below 1 and far above it.
template <class Real>
Matrix<Real> weights_of(const Shape& shape, double scale) {
    return uniform<Real>(shape.n_in, shape.n_out, -scale, scale, 2);
}
/// Two thirds are 0, as behind neurons that are silent.
template <class Real>
Matrix<Real> sparse(std::size_t rows, std::size_t cols, std::uint64_t seed) {
    Random random(seed);
    Matrix<Real> m(rows, cols);
    for (Real& value : m.values) value = random.below(3) == 0 ? static_cast<Real>(random.uniform(-1, 1)) : Real(0);
    return m;
}

/// Calls f(schedule, shape, weights, circuit) for layers that take every path through the kernels of these circuits.
template <class Real, class Function>
void for_each_layer(const Function& f, const std::vector<Circuit>& of = circuits()) {
    for (const Shape& shape : shapes) {
        const Schedule<Real> schedule(times_of<Real>(shape));
        for (const double scale : {0.1, 10.0}) {
            for (const Circuit& circuit : of) f(schedule, shape, weights_of<Real>(shape, scale), circuit);
        }
    }
}

/// Calls f(schedule, shape, synapses) for affine synapses with and without ones that conduct from t = 0.
template <class Real, class Function>
void for_each_affine_layer(const Function& f) {
    for (const Shape& shape : shapes) {
        const Schedule<Real> schedule(times_of<Real>(shape));
        for (const double scale : {0.1, 10.0}) {
            const Matrix<Real> drive = weights_of<Real>(shape, scale);
            const Matrix<Real> conductance = uniform<Real>(shape.n_in, shape.n_out, 0, scale, 8);
            const Matrix<Real> drive0 = uniform<Real>(1, shape.n_out, -1, 1, 9);
            const Matrix<Real> conductance0 = uniform<Real>(1, shape.n_out, 0, scale, 10);
            f(schedule, shape, AffineSynapses<Real>{drive, conductance, {}, {}});
            f(schedule, shape, AffineSynapses<Real>{drive, conductance, drive0, conductance0});
        }
    }
}

/// Calls f(schedule, shape, weights, circuit) for amplifiers that are slow and fast, on symmetric and on other rails.
template <class Real, class Function>
void for_each_amplified_layer(const Function& f) {
    for (const Shape& shape : shapes) {
        const Schedule<Real> schedule(times_of<Real>(shape));
        for (const double scale : {0.1, 10.0}) {
            for (Circuit circuit : {Circuit{0.1, -0.1}, Circuit{2, -0.5, 0.1, 0}}) {
                for (const double transconductance : {2.0, 500.0}) {
                    circuit.transconductance = transconductance;
                    circuit.summing_capacitance = 0.5;
                    circuit.output_capacitance = 0.3;
                    f(schedule, shape, weights_of<Real>(shape, scale), circuit);
                }
            }
        }
    }
}

/// Calls f(schedule, shape, weights, circuit, synapses) for rows that load the membrane: weights on symmetric and on
/// other rails, a third of them 0, and affine synapses of any loads.
template <class Real, class Function>
void for_each_loaded_layer(const Function& f) {
    for (const Shape& shape : shapes) {
        const Schedule<Real> schedule(times_of<Real>(shape));
        const double each = 0.5 / static_cast<double>(shape.n_in);
        const Matrix<Real> loads = uniform<Real>(5 * shape.n_in, shape.n_out, -each, each, 12);
        for (const double scale : {0.1, 10.0}) {
            Matrix<Real> weights = weights_of<Real>(shape, scale);
            for (Real& w : weights.values) w = std::abs(w) < scale / 3 ? Real(0) : w;
            const Matrix<Real> conductance = uniform<Real>(shape.n_in, shape.n_out, 0, scale, 8);
            const Matrix<Real> row = uniform<Real>(1, shape.n_out, 0, scale, 10);
            for (Circuit circuit : {Circuit{}, Circuit{2, -0.5, 0.1, 0}}) {
                circuit.load = {0.1 * scale * each, 0.3, each / 4, each / 5, 2 / scale, 3 / scale};
                circuit.injection_plus = each / 3;
                circuit.injection_minus = -each / 2;
                f(schedule, shape, weights, circuit, AffineSynapses<Real>{weights, conductance, row, row, loads});
            }
        }
    }
}

}  // namespace rcspike::test
