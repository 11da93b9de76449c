// The optimiser alone, against Adam as its authors write it.
#include "training/optimiser.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "check.h"
#include "fixture.h"
#include "layers.h"
#include "rcspike/adam.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

struct Shape {
    std::size_t n_in, n_out;
};
const std::vector<Shape> shapes{{40, 300}, {5, 21}, {1, 1}};  // the first one takes several tasks

template <class Real>
detail::Tiles<Real>& weights_of(detail::Layer<Real>& layer) {
    return std::get<detail::Resistive<Real>>(layer.synapses).weights;
}

template <class Real>
std::vector<detail::Layer<Real>> layers() {
    std::vector<detail::Layer<Real>> all;
    for (const Shape& shape : shapes) {
        all.push_back(layer_of_weights<Real>(shape.n_in, shape.n_out));
        weights_of(all.back()).pack(uniform<Real>(shape.n_in, shape.n_out, -1, 1, shape.n_in), Threads{1});
    }
    return all;
}

/// A gradient in two parts, whose sizes in sum lie between 0.5 and 1.
template <class Real>
std::vector<Matrix<Real>> parts_of(const Shape& shape, std::uint64_t seed) {
    std::vector<Matrix<Real>> parts{uniform<Real>(shape.n_in, shape.n_out, -0.5, 0.5, seed),
                                    uniform<Real>(shape.n_in, shape.n_out, 0.5, 1, seed + 1)};
    for (std::size_t i = 0; i < parts[0].values.size(); ++i) {
        if (i % 3 == 0) parts[1].values[i] *= -1;
        parts[1].values[i] -= parts[0].values[i];
    }
    return parts;
}

template <class Real>
detail::PartialGradient<Real> packed(const std::vector<Matrix<Real>>& parts) {
    detail::PartialGradient<Real> all;
    detail::Tiles<Real> tiles;
    tiles.resize(parts[0].rows, parts[0].cols);
    all.resize(parts.size(), tiles.rows, tiles.count());
    for (std::size_t i = 0; i < parts.size(); ++i) {
        tiles.pack(parts[i], Threads{1});
        std::copy_n(tiles.values.data(), all.size, all.values.data() + i * all.size);
    }
    return all;
}

template <class Real>
Matrix<Real> matrix(const detail::Tiles<Real>& tiles) {
    Matrix<Real> all(tiles.rows, tiles.cols);
    tiles.unpack(all, Threads{1});
    return all;
}

template <class Real>
void run(const detail::ExtraTasks& tasks) {
    for (std::size_t task = tasks.count; task-- > 0;) tasks.run(task);  // in any order
}

struct Settings {
    double weight_decay = 0, w_max = inf;
};

/// Steps of all layers; their learning rate changes from one to the next.
template <class Real>
void step(detail::Optimiser<Real>& optimiser, std::vector<detail::Layer<Real>>& all, std::size_t n,
          double w_max = inf) {
    optimiser.begin_step(0.02 / static_cast<double>(n));
    for (std::size_t l = 0; l < all.size(); ++l) {
        const detail::PartialGradient<Real> gradient = packed(parts_of<Real>(shapes[l], 10 * n + l));
        run<Real>(optimiser.update(l, gradient, nullptr, w_max, weights_of(all[l])));
    }
}

template <class Real>
std::vector<Span2<const Real>> views(const std::vector<Matrix<Real>>& matrices) {
    return {matrices.begin(), matrices.end()};
}

template <class Real>
std::vector<Matrix<Real>> moments(const detail::Optimiser<Real>& optimiser, int order) {
    std::vector<Matrix<Real>> all;
    for (std::size_t l = 0; l < shapes.size(); ++l) all.push_back(matrix(optimiser.moment(l, order)));
    return all;
}

}  // namespace

// In double, from the constants as Real holds them. A step makes about ten roundings of numbers below 2.
TEST_EACH_REAL(steps_are_those_of_adam_with_decoupled_weight_decay) {
    const double gain1 = Real(1) - static_cast<Real>(0.9), gain2 = Real(1) - static_cast<Real>(0.999);
    for (const Settings& settings : {Settings{}, Settings{0.5, inf}, Settings{0.5, 0.75}}) {
        std::vector<detail::Layer<Real>> all = layers<Real>();
        detail::Optimiser<Real> optimiser(all, settings.weight_decay);
        CHECK_EQUAL(optimiser.steps(), 0u);
        std::vector<std::vector<double>> w, m1, m2;
        for (detail::Layer<Real>& layer : all) {
            const Matrix<Real> start = matrix(weights_of(layer));
            w.emplace_back(start.values.begin(), start.values.end());
            m1.emplace_back(start.values.size(), 0.0);
            m2.emplace_back(start.values.size(), 0.0);
        }
        for (std::size_t n = 1; n <= 4; ++n) {
            step(optimiser, all, n, settings.w_max);
            CHECK_EQUAL(optimiser.steps(), n);
            const double learning_rate = 0.02 / static_cast<double>(n);
            for (std::size_t l = 0; l < all.size(); ++l) {
                const std::vector<Matrix<Real>> parts = parts_of<Real>(shapes[l], 10 * n + l);
                const Matrix<Real> now = matrix(weights_of(all[l]));
                for (std::size_t i = 0; i < now.values.size(); ++i) {
                    const double g = double(parts[0].values[i]) + double(parts[1].values[i]);
                    m1[l][i] += gain1 * (g - m1[l][i]);
                    m2[l][i] += gain2 * (g * g - m2[l][i]);
                    const double mean = m1[l][i] / (1 - std::pow(0.9, n)), square = m2[l][i] / (1 - std::pow(0.999, n));
                    w[l][i] -= learning_rate * settings.weight_decay * w[l][i];
                    w[l][i] -= learning_rate * mean / (std::sqrt(square) + 1e-8);
                    w[l][i] = std::clamp(w[l][i], -settings.w_max, settings.w_max);
                    CHECK_CLOSE(double(now.values[i]), w[l][i], 4 * 10 * 2 * eps<Real>);
                }
            }
        }
    }
}

TEST_EACH_REAL(a_step_on_arrays_has_the_bits_of_the_optimiser) {
    std::vector<detail::Layer<Real>> all = layers<Real>();
    std::vector<Matrix<Real>> values, first, second;
    for (detail::Layer<Real>& layer : all) {
        values.push_back(matrix(weights_of(layer)));
        first.emplace_back(layer.n_in(), layer.n_out());
        second.emplace_back(layer.n_in(), layer.n_out());
    }
    detail::Optimiser<Real> optimiser(all, 0);
    for (std::size_t n = 1; n <= 3; ++n) {
        optimiser.begin_step(0.02);
        for (std::size_t l = 0; l < all.size(); ++l) {
            Matrix<Real> gradient = uniform<Real>(shapes[l].n_in, shapes[l].n_out, -1, 1, 10 * n + l);
            const detail::PartialGradient<Real> parts = packed<Real>({gradient});
            run<Real>(optimiser.update(l, parts, nullptr, inf, weights_of(all[l])));
            adam_step<Real>(gradient, n, 0.02, values[l], first[l], second[l]);
            CHECK(same_bits(values[l], matrix(weights_of(all[l]))));
        }
    }
    for (std::size_t l = 0; l < all.size(); ++l) {
        CHECK(same_bits(first[l], matrix(optimiser.moment(l, 0))));
        CHECK(same_bits(second[l], matrix(optimiser.moment(l, 1))));
    }
}

TEST_EACH_REAL(slopes_multiply_the_gradient) {
    std::vector<detail::Layer<Real>> all = layers<Real>(), same = layers<Real>();
    detail::Optimiser<Real> optimiser(all, 0), other(same, 0);
    optimiser.begin_step(0.1);
    other.begin_step(0.1);
    detail::PartialGradient<Real> gradient = packed<Real>({uniform<Real>(40, 300, -1, 1, 1)});
    detail::Tiles<Real> slopes;
    slopes.pack(uniform<Real>(40, 300, 0.5, 2, 2), Threads{1});
    run<Real>(optimiser.update(0, gradient, slopes.values.data(), inf, weights_of(all[0])));
    for (std::size_t i = 0; i < gradient.size; ++i) gradient.values.data()[i] *= slopes.values.data()[i];
    run<Real>(other.update(0, gradient, nullptr, inf, weights_of(same[0])));
    CHECK(same_bits(matrix(weights_of(all[0])), matrix(weights_of(same[0]))));
    CHECK(same_bits(matrix(optimiser.moment(0, 0)), matrix(other.moment(0, 0))));
}

TEST_EACH_REAL(a_restored_optimiser_continues_bit_for_bit) {
    std::vector<detail::Layer<Real>> all = layers<Real>();
    detail::Optimiser<Real> optimiser(all, 0.1);
    for (std::size_t n = 1; n <= 3; ++n) step(optimiser, all, n);
    detail::Optimiser<Real> restored(all, 0.1);
    restored.restore(optimiser.steps(), views(moments(optimiser, 0)), views(moments(optimiser, 1)));
    std::vector<detail::Layer<Real>> same = layers<Real>();
    for (std::size_t l = 0; l < all.size(); ++l) weights_of(same[l]).pack(matrix(weights_of(all[l])), Threads{1});
    step(optimiser, all, 4);
    step(restored, same, 4);
    CHECK_EQUAL(restored.steps(), 4u);
    for (std::size_t l = 0; l < all.size(); ++l)
        CHECK(same_bits(matrix(weights_of(all[l])), matrix(weights_of(same[l]))));
}

TEST_EACH_REAL(wrong_arguments_are_errors_and_change_nothing) {
    const std::vector<detail::Layer<Real>> all = layers<Real>();
    using Optimiser = detail::Optimiser<Real>;
    CHECK_THROWS(Optimiser(all, -1), std::invalid_argument, "weight_decay must be finite and not negative, got -1");
    CHECK_THROWS(Optimiser(all, inf), std::invalid_argument, "weight_decay must be finite and not negative, got inf");
    Optimiser optimiser(all, 0);
    std::vector<Matrix<Real>> first = moments(optimiser, 0), second = first;
    CHECK_THROWS(optimiser.moment(0, 2), std::invalid_argument, "order must be 0 or 1, got 2");
    first[0].values[0] = 1;
    second[1](2, 3) = -1;
    CHECK_THROWS(optimiser.restore(5, views(first), views(second)), std::invalid_argument, "must not be negative");
    CHECK_EQUAL(optimiser.steps(), 0u);
    CHECK_EQUAL(matrix(optimiser.moment(0, 0)).values[0], Real(0));
    std::vector<Real> a(3), b(2);
    const Span1<Real> three{a.data(), 3}, two{b.data(), 2};
    CHECK_THROWS(adam_step<Real>(three, 0, 0.1, three, three, three), std::invalid_argument, "step must be at least 1");
    CHECK_THROWS(adam_step<Real>(three, 1, inf, three, three, three), std::invalid_argument, "got inf");
    CHECK_THROWS(adam_step<Real>(three, 1, 0.1, three, two, three), std::invalid_argument, "3 numbers, got 2");
}
