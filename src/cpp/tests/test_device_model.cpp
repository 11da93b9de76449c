// Devices drawn for weights, and training on them.
#include "rcspike/device_model.h"

#include <algorithm>

#include "check.h"
#include "fixture.h"
#include "rcspike/device_network.h"
#include "rcspike/trainer.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

DeviceModel everything() { return {0.1, 30, 0.2, 0.1, 0.02, 0.1, 0.05, {}}; }

template <class Real>
struct Pairs {
    Matrix<Real> plus, minus;

    Pairs(const Matrix<Real>& w, const DeviceModel& model, std::size_t layer, std::uint64_t step = 0, int threads = 1)
        : plus(w.rows, w.cols), minus(w.rows, w.cols) {
        draw_devices<Real>(w, model, 7, step, layer, plus, minus, Threads::exactly(threads));
    }
    DevicePairs<Real> view() const { return {plus, minus, {}, {}, {}}; }
};

}  // namespace

TEST_EACH_REAL(a_draw_depends_on_seed_step_and_layer_alone) {
    const Matrix<Real> w = uniform<Real>(70, 37, -1, 1, 1);
    const Pairs<Real> pairs(w, everything(), 0);
    CHECK(same_bits(Pairs<Real>(w, everything(), 0, 0, 3).plus, pairs.plus));
    CHECK(!same_bits(Pairs<Real>(w, everything(), 0, 1).plus, pairs.plus));
    CHECK(!same_bits(Pairs<Real>(w, everything(), 1).minus, pairs.minus));
    CHECK(*std::min_element(pairs.plus.values.begin(), pairs.plus.values.end()) >= 0);
}

TEST_EACH_REAL(a_step_sees_the_devices_that_are_drawn_for_it) {
    const Matrix<Real> w1 = uniform<Real>(20, 37, -0.3, 0.5, 1), w2 = uniform<Real>(37, 3, -0.5, 0.5, 2);
    const Matrix<Real> times = tied_times<Real>(9, 20, 32, 3);
    const std::vector<std::int64_t> samples{0, 1, 2, 3, 4, 5, 6, 7, 8}, labels{0, 1, 2, 0, 1, 2, 0, 1, 2};
    for (const Circuit& circuit : {Circuit{}, Circuit{2, -1, 0.1, 0}}) {
        Trainer<Real> trainer(Network<Real>({w1, w2}, circuit), Loss{}, everything(), 7);
        const StepReport report =
            trainer.step(Schedule<Real>(times), {samples.data(), 9}, {labels.data(), 9}, {}, 0.01, Threads::exactly(2));
        Matrix<Real> v(9, 3), changed(20, 37);
        const Pairs<Real> first(w1, everything(), 0), second(w2, everything(), 1);
        DeviceNetwork<Real>({first.view(), second.view()}, circuit).forward(times, {}, v);
        std::size_t correct = 0;
        for (std::size_t s = 0; s < 9; ++s) {
            correct += static_cast<std::size_t>(std::max_element(v.row(s), v.row(s) + 3) - v.row(s)) == s % 3;
        }
        CHECK_EQUAL(report.correct, correct);
        trainer.network().weights(0, changed);
        CHECK(!same_bits(changed, w1));
    }
}

TEST(an_impossible_model_is_rejected) {
    const auto with = [](const DeviceModel& model) { validate(model, 2); };
    CHECK_THROWS(with({1, 0, 0, 0, 0, 0, 0, {}}), std::invalid_argument, "off is g_min / g_max");
    CHECK_THROWS(with({0, 1, 0, 0, 0, 0, 0, {}}), std::invalid_argument, "levels must be at least 2");
    CHECK_THROWS(with({0, 0, 0, 0, 0, 0.7, 0.5, {}}), std::invalid_argument, "must not exceed 1 together");
    CHECK_THROWS(with({0, 0, 0, 0, 0, 0, 0, {1}}), std::invalid_argument, "for all 2 layers or for none, got 1");
}
