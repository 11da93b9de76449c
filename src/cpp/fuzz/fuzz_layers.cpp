// Random layers: on every instruction set of this machine, and on several threads, each computation has the bits that
// it has on the scalar one and one thread, or throws the same error.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "fixture.h"
#include "kernels/dispatch.h"
#include "rcspike/charge.h"
#include "rcspike/device_network.h"
#include "rcspike/energy.h"
#include "rcspike/fire.h"
#include "rcspike/layer.h"
#include "rcspike/rectified.h"
#include "rcspike/trace.h"
#include "rcspike/trainer.h"
#include "rcspike/wires.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

/// Choices that the bytes make, in their order; after their end pseudo-random ones follow, so that a short input
/// describes a whole layer.
class Choices {
public:
    Choices(const std::uint8_t* data, std::size_t size) : data_(data), end_(data + size), rest_(hash(data, size)) {}

    std::size_t below(std::size_t n) { return (data_ < end_ ? *data_++ : rest_.below(256)) % n; }
    double uniform(double low, double high) {
        const auto steps = static_cast<double>(256 * below(256) + below(256));
        return low + (high - low) * steps / 65535;
    }
    template <class Real>
    Real any_bits() {
        std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t> bits = 0;
        for (std::size_t i = 0; i < sizeof bits; ++i) bits |= static_cast<decltype(bits)>(below(256)) << (8 * i);
        Real real;
        std::memcpy(&real, &bits, sizeof real);
        return real;
    }

private:
    static std::uint64_t hash(const std::uint8_t* data, std::size_t size) {  // FNV-1a
        std::uint64_t h = 0xcbf29ce484222325;
        for (std::size_t i = 0; i < size; ++i) h = (h ^ data[i]) * 0x100000001b3;
        return h;
    }

    const std::uint8_t *data_, *end_;
    Random rest_;
};

/// Ties and the ends of the window are frequent.
template <class Real>
Real time(Choices& choose) {
    using limits = std::numeric_limits<Real>;
    switch (choose.below(8)) {
        case 0:
            return Real(inf);
        case 1:
            return static_cast<Real>(choose.below(2));
        case 2:
            return std::nextafter(Real(1), Real(2 * choose.below(2)));
        case 3:
            return limits::denorm_min() * static_cast<Real>(choose.below(256));
        case 4:
        case 5:
            return static_cast<Real>(choose.below(17)) / 16;
        default:
            return static_cast<Real>(choose.uniform(0, 1));
    }
}

/// Mostly of order 1; otherwise zeros of both signs, numbers near the ends of the type's range, or any bits.
template <class Real>
Real weight(Choices& choose) {
    using limits = std::numeric_limits<Real>;
    const Real sign = choose.below(2) == 0 ? Real(1) : Real(-1);
    const std::size_t kind = choose.below(256);
    if (kind < 16) return sign * 0;
    if (kind < 24) return sign * limits::denorm_min() * static_cast<Real>(choose.below(256));
    if (kind < 32) return sign * limits::min() * static_cast<Real>(choose.uniform(0, 4));
    if (kind < 48) return sign * static_cast<Real>(std::exp(choose.uniform(-20, 20)));
    if (kind == 48) return sign * limits::max() / static_cast<Real>(std::exp(choose.uniform(0, 20)));
    if (kind == 49) return choose.any_bits<Real>();
    return sign * static_cast<Real>(choose.uniform(0, 2));
}

double rail(Choices& choose) {
    const double few[] = {1, 2, 0.25, inf, 1000};
    const std::size_t which = choose.below(8);
    return which < 5 ? few[which] : std::exp(choose.uniform(-3, 5));
}

Circuit circuit(Choices& choose) {
    Circuit circuit;
    circuit.e_plus = rail(choose);
    circuit.e_minus = choose.below(2) == 0 ? -circuit.e_plus : -rail(choose);
    if (choose.below(4) == 0) circuit.diode_drop = choose.uniform(0, 1) * std::min(circuit.e_plus, 0.5);
    if (choose.below(4) == 0) circuit.ramp = choose.uniform(-3, 0.99);
    return circuit;
}

std::size_t size(Choices& choose, std::size_t most) { return 1 + choose.below(choose.below(4) == 0 ? most : 9); }

template <class Real>
Matrix<Real> matrix(Choices& choose, std::size_t rows, std::size_t cols, Real (*element)(Choices&)) {
    Matrix<Real> m(rows, cols);
    for (Real& value : m.values) value = element(choose);
    return m;
}

template <class Real>
Matrix<Real> absolute(Matrix<Real> m) {
    for (Real& value : m.values) value = std::abs(value);
    return m;
}

struct Result {
    std::string name, bytes;
};

class Results {
public:
    /// Calls `compute`; its results are the bits of the outputs, or the words of its error.
    template <class Compute, class... Outputs>
    void add(const char* name, const Compute& compute, const Outputs&... outputs) {
        Result result{name, ""};
        try {
            compute();
            (append(result.bytes, outputs), ...);
        } catch (const std::exception& error) {
            result.bytes = error.what();
        }
        all.push_back(std::move(result));
    }

    std::vector<Result> all;

private:
    /// NaN counts as one number: IEEE 754 leaves its sign and payload open, and compilers swap operands.
    template <class Real>
    static void append(std::string& bytes, Matrix<Real> m) {
        for (Real& value : m.values) {
            if (std::isnan(value)) value = Real(not_a_number);
        }
        bytes.append(reinterpret_cast<const char*>(m.values.data()), m.values.size() * sizeof(Real));
    }
};

/// A window over small maps; some do not fit, or join positions that they cannot join.
Conv2d convolution(Choices& choose) {
    Conv2d conv;
    conv.in = {1 + choose.below(9), 1 + choose.below(9), 1 + choose.below(3)};
    conv.kernel_height = 1 + choose.below(4);
    conv.kernel_width = 1 + choose.below(4);
    conv.stride = 1 + choose.below(3);
    conv.padding = choose.below(std::min(conv.kernel_height, conv.kernel_width));
    if (choose.below(4) == 0) conv.first = 1 + choose.below(3);
    if (choose.below(4) == 0) conv.pool = 1 + choose.below(3);
    return conv;
}

/// Neurons of a convolution; 1 if it is not possible, so that its errors are compared.
std::size_t neurons_of(const Conv2d& conv, std::size_t n_columns) {
    try {
        return conv.out(n_columns).size();
    } catch (const std::invalid_argument&) {
        return 1;
    }
}

template <class Real>
Results compute(Choices choose, Threads threads) {
    const std::size_t batch = size(choose, 12), n_in = size(choose, 90), n_out = size(choose, 90);
    const Circuit c = circuit(choose);
    const Matrix<Real> times = matrix<Real>(choose, batch, n_in, time);
    const Matrix<Real> w = matrix<Real>(choose, n_in, n_out, weight);
    const Matrix<Real> up = matrix<Real>(choose, batch, n_out, weight),
                       down = matrix<Real>(choose, batch, n_out, weight);
    const Matrix<Real> conductance = absolute(matrix<Real>(choose, n_in, n_out, weight));
    const Matrix<Real> drive0 = matrix<Real>(choose, 1, n_out, weight);
    const Matrix<Real> conductance0 = absolute(matrix<Real>(choose, 1, n_out, weight));
    const Matrix<Real> at = matrix<Real>(choose, 1, 3, time);

    Results results;
    Matrix<Real> v(batch, n_out), q(batch, n_out), t_out(batch, n_out), curves(batch, 3 * n_out);
    Matrix<Real> grad_times(batch, n_in), grad_w(n_in, n_out), grad_g(n_in, n_out), grad_d0(1, n_out),
        grad_g0(1, n_out);
    const Schedule<Real> schedule(times, threads);

    results.add("charge", [&] { charge<Real>(schedule, w, c, v, threads); }, v);
    results.add("fire", [&] { fire<Real>(v, c, t_out); }, t_out);
    results.add(
        "charge_vjp", [&] { charge_vjp<Real>(schedule, w, c, up, grad_times, grad_w, threads); }, grad_times, grad_w);
    results.add("supply_charge", [&] { supply_charge<Real>(schedule, w, c, v, q, threads); }, v, q);
    results.add(
        "supply_charge_vjp", [&] { supply_charge_vjp<Real>(schedule, w, c, up, down, grad_times, grad_w, threads); },
        grad_times, grad_w);
    results.add("trace", [&] { trace<Real>(schedule, w, c, at, curves, threads); }, curves);

    const AffineSynapses<Real> affine{w, conductance, drive0, conductance0};
    results.add("affine charge", [&] { charge<Real>(schedule, affine, v, threads); }, v);
    results.add(
        "affine charge_vjp",
        [&] {
            charge_vjp<Real>(schedule, affine, up, grad_times, AffineGradient<Real>{grad_w, grad_g, grad_d0, grad_g0},
                             threads);
        },
        grad_times, grad_w, grad_g, grad_d0, grad_g0);

    const Matrix<Real> rails = matrix<Real>(choose, n_in, n_out, weight);
    const RectifiedSynapses<Real> rectified{conductance, w, conductance, rails, drive0, conductance0};
    results.add("rectified charge", [&] { charge<Real>(schedule, rectified, v, threads); }, v);

    const WiredSynapses<Real> wired{
        {{w, conductance}, {rails, conductance}}, conductance0, Real(0.25), drive0, conductance0};
    results.add("wired charge", [&] { charge<Real>(schedule, wired, v, threads); }, v);

    DeviceModel devices{0.1, static_cast<std::uint32_t>(2 + choose.below(40)), 0.2, 0.1, 0.02, 0.1, 0.05, {}, {}};
    results.add(
        "draw_devices",
        [&] { draw_devices<Real>(w, devices, choose.below(256), choose.below(256), 0, grad_w, grad_g, threads); },
        grad_w, grad_g);
    const Matrix<Real> size_of_w = absolute(w);
    const DevicePairs<Real> pairs{conductance, size_of_w, drive0, conductance0, {}};
    results.add("device network", [&] { DeviceNetwork<Real>({pairs}, c).forward(schedule, {}, v, threads); }, v);

    const std::size_t n_classes = size(choose, 20);
    Matrix<Real> first = w, second = matrix<Real>(choose, n_out, n_classes, weight);
    const Loss loss{0.07, 0.01 * static_cast<double>(choose.below(2)), 0.9,
                    0.01 * static_cast<double>(choose.below(2))};
    if (choose.below(2) == 0) devices = {};
    std::vector<std::int64_t> samples, labels;
    for (std::size_t s = 0; s < batch; ++s) {
        samples.push_back(static_cast<std::int64_t>(choose.below(batch)));
        labels.push_back(static_cast<std::int64_t>(choose.below(n_classes)));
    }
    results.add(
        "training",
        [&] {
            Trainer<Real> trainer(Network<Real>({first, second}, c), loss, devices, 7, 0.01);
            for (int i = 0; i < 2; ++i) {
                trainer.step(schedule, {samples.data(), batch}, {labels.data(), batch}, {}, 0.01, threads);
            }
            trainer.network().weights(0, first);
            trainer.network().weights(1, second);
        },
        first, second);

    const Conv2d conv = convolution(choose);
    const std::size_t n_columns = size(choose, 20), n_neurons = neurons_of(conv, n_columns);
    const Matrix<Real> pixels = matrix<Real>(choose, batch, conv.in.size(), time);
    const Matrix<Real> kernel = matrix<Real>(choose, conv.n_rows(), n_columns, weight);
    const Matrix<Real> back = matrix<Real>(choose, batch, n_neurons, weight);
    Matrix<Real> maps(batch, n_neurons), grad_pixels(batch, conv.in.size()), grad_kernel(conv.n_rows(), n_columns);
    const Schedule<Real> of_pixels(pixels, threads);
    results.add("convolution", [&] { Layer<Real>(kernel, c, conv, threads).charge(of_pixels, maps, threads); }, maps);
    results.add(
        "convolution vjp",
        [&] { Layer<Real>(kernel, c, conv, threads).charge_vjp(of_pixels, back, grad_pixels, grad_kernel, threads); },
        grad_pixels, grad_kernel);
    results.add(
        "convolution of a single phase",
        [&] { Network<Real>({kernel}, c, {conv}, Phases::single).forward(pixels, {}, maps, threads); }, maps);
    return results;
}

template <class Real>
void compare(const Choices& choices, Threads threads) {
    kernels::in_use() = kernels::Isa::scalar;
    const Results expected = compute<Real>(choices, Threads::exactly(1));
    for (const kernels::Isa isa : kernels::supported()) {
        kernels::in_use() = isa;
        const Results results = compute<Real>(choices, threads);
        for (std::size_t i = 0; i < expected.all.size(); ++i) {
            if (results.all[i].bytes == expected.all[i].bytes) continue;
            std::fprintf(stderr, "%s in %zu bits on %s with %d threads has other bits than on scalar\n",
                         expected.all[i].name.c_str(), 8 * sizeof(Real), kernels::name(isa).c_str(), threads.count);
            std::abort();
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Choices choices(data, size);
    const Threads threads = Threads::exactly(choices.below(16) == 0 ? 3 : 1);
    choices.below(2) == 0 ? compare<float>(choices, threads) : compare<double>(choices, threads);
    return 0;
}
