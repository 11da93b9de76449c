// Training steps: their loss, their gradient, Adam, and resuming from a saved state.
#include "rcspike/trainer.h"

#include <algorithm>
#include <thread>

#include "check.h"
#include "fixture.h"
#include "rcspike/charge.h"
#include "rcspike/energy.h"
#include "rcspike/fire.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

template <class Real>
using Matrices = std::vector<Matrix<Real>>;
using Integers = std::vector<std::int64_t>;

template <class Real>
std::vector<Span2<const Real>> views(const Matrices<Real>& matrices) {
    return {matrices.begin(), matrices.end()};
}

Span1<const std::int64_t> view(const Integers& integers) { return {integers.data(), integers.size()}; }

constexpr std::size_t n_in = 10, n_hidden = 21, n_classes = 3;

/// One noisy pattern of spikes for each class.
template <class Real>
struct Task {
    Matrix<Real> times;
    Integers samples, labels;

    explicit Task(std::size_t n) : times(n, n_in) {
        Random random(7);
        const Matrix<double> patterns = uniform<double>(n_classes, n_in, 0, 1.4, 3);
        for (std::size_t s = 0; s < n; ++s) {
            samples.push_back(static_cast<std::int64_t>((s * 7) % n));  // in an order of its own
            const std::size_t label = (s * 7) % n % n_classes;
            labels.push_back(static_cast<std::int64_t>(label));
            for (std::size_t j = 0; j < n_in; ++j) {
                times(s, j) = static_cast<Real>(std::max(patterns(s % n_classes, j) + random.uniform(-0.1, 0.1), 0.0));
            }
        }
    }
};

template <class Real>
Matrices<Real> first_weights() {
    return {uniform<Real>(n_in, n_hidden, -0.5, 1, 1), uniform<Real>(n_hidden, n_classes, -0.5, 0.5, 2)};
}

template <class Real>
Trainer<Real> make(const Matrices<Real>& weights, const Loss& loss = {}, const Circuit& circuit = {}) {
    return Trainer<Real>(Network<Real>(views(weights), circuit), loss);
}

template <class Real>
StepReport step(Trainer<Real>& trainer, const Task<Real>& task, double learning_rate = 0.01, int threads = 1,
                const Matrices<Real>& noise = {}) {
    return trainer.step(Schedule<Real>(task.times), view(task.samples), view(task.labels), views(noise), learning_rate,
                        Threads::exactly(threads));
}

template <class Real>
Matrices<Real> weights(const Trainer<Real>& trainer) {
    Matrices<Real> all = first_weights<Real>();
    for (std::size_t l = 0; l < all.size(); ++l) trainer.network().weights(l, all[l]);
    return all;
}

template <class Real>
Matrices<Real> moments(const Trainer<Real>& trainer, int order) {
    Matrices<Real> all = first_weights<Real>();
    for (std::size_t l = 0; l < all.size(); ++l) trainer.moment(l, order, all[l]);
    return all;
}

template <class Real>
bool same_bits(const Matrices<Real>& a, const Matrices<Real>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto& x, const auto& y) { return test::same_bits(x, y); });
}

/// Noise for the task's samples, in the order in which they are trained on.
template <class Real>
Matrices<Real> noise(std::size_t batch) {
    return {uniform<Real>(batch, n_hidden, -0.1, 0.1, 8), uniform<Real>(batch, n_classes, -0.1, 0.1, 9)};
}

/// Energy that the rails spend on one layer, over a batch of spike times.
double energy(const Matrix<double>& times, const Matrix<double>& weights, const Circuit& circuit) {
    Matrix<double> plus(times.rows, weights.cols), minus = plus;
    supply_charge<double>(Schedule<double>(times), weights, circuit, plus, minus);
    const double e_plus = std::isinf(circuit.e_plus) ? 1 : circuit.e_plus;
    const double e_minus = std::isinf(circuit.e_minus) ? -1 : circuit.e_minus;
    double sum = 0;
    for (std::size_t i = 0; i < plus.values.size(); ++i) sum += e_plus * plus.values[i] + e_minus * minus.values[i];
    return sum;
}

/// Unclipped spike time of a ramp whose current at voltage v is 1 - b v times that at rest, by Simpson's rule: the time
/// from v to the threshold over that from rest. The current of the nearer end holds outside.
double ramp_time(double v, double b) {
    const auto duration = [b](double from, double to) {
        constexpr int n = 1000;  // for an error of h^4 24 b^4 / (180 (1 - b)^5) < 1e-14
        const double h = (to - from) / n;
        double sum = 0;
        for (int i = 0; i <= n; ++i) sum += (i == 0 || i == n ? 1 : i % 2 == 1 ? 4 : 2) / (1 - b * (from + i * h));
        return sum * h / 3;
    };
    const double inside = std::clamp(v, 0.0, 1.0);
    return (duration(inside, 1) - (v - inside) / (1 - b * inside)) / duration(0, 1);
}

/// Sum of the losses and number of samples whose label's output spikes first, from the definition in double.
std::pair<double, std::size_t> judge(const Task<double>& task, const Matrices<double>& weights, const Loss& loss,
                                     const Circuit& circuit, const Matrices<double>& noise) {
    Matrix<double> times = task.times, v(task.times.rows, n_classes);
    for (std::size_t i = 0; i < v.rows; ++i) {
        std::copy_n(task.times.row(static_cast<std::size_t>(task.samples[i])), n_in, times.row(i));
    }
    Matrices<double> hidden_noise = noise;
    if (!noise.empty()) std::fill(hidden_noise.back().values.begin(), hidden_noise.back().values.end(), 0.0);
    Network<double>(views(weights), circuit).forward(Schedule<double>(times), views(hidden_noise), v);
    Matrix<double> t(v.rows, n_classes);
    for (std::size_t i = 0; i < t.values.size(); ++i) {
        t.values[i] = ramp_time(v.values[i], circuit.ramp) + (noise.empty() ? 0 : noise.back().values[i]);
    }
    double total = 0;
    std::size_t correct = 0;
    if (loss.energy_penalty > 0) {
        Matrix<double> hidden(v.rows, n_hidden);
        charge<double>(Schedule<double>(times), weights[0], circuit, hidden);
        fire<double>(hidden, circuit, hidden);
        for (std::size_t i = 0; i < hidden.values.size() && !noise.empty(); ++i)
            hidden.values[i] = std::max(hidden.values[i] + noise[0].values[i], 0.0);
        total += loss.energy_penalty * (energy(times, weights[0], circuit) + energy(hidden, weights[1], circuit));
    }
    for (std::size_t i = 0; i < v.rows; ++i) {
        double sum = 0;
        const auto label = static_cast<std::size_t>(task.labels[i]);
        for (std::size_t c = 0; c < n_classes; ++c) {
            sum += std::exp((t(i, label) - t(i, c)) / loss.temperature);
            total += loss.temporal_penalty * std::pow(t(i, c) - loss.t_ref, 2);
        }
        total += std::log(sum);
        correct += std::min_element(t.row(i), t.row(i) + n_classes) == t.row(i) + label;
    }
    return {total, correct};
}

}  // namespace

TEST_EACH_REAL(the_loss_falls_and_the_task_is_learnt) {
    const Task<Real> task(24);
    for (const Circuit& circuit : {Circuit{}, Circuit::conventional(), Circuit{2, -1, 0.1, 0.3}}) {
        Trainer<Real> trainer = make(first_weights<Real>(), {}, circuit);
        const double before = step(trainer, task).loss;
        for (int i = 0; i < 40; ++i) step(trainer, task, 0.02);
        const StepReport after = step(trainer, task);
        CHECK(after.loss < before / 10);
        CHECK_EQUAL(after.correct, 24u);
        CHECK_EQUAL(trainer.steps(), 42u);
    }
}

TEST(a_step_reports_the_loss_by_its_definition) {
    const Task<double> task(30);
    const Circuit circuit{2, -1, 0.1, 0.3};
    for (const Loss& loss : {Loss{0.1, 0.7, 0.8}, Loss{0.1, 0.7, 0.8, 0.2}}) {
        for (const Matrices<double>& shifts : {Matrices<double>{}, noise<double>(30)}) {
            Trainer<double> trainer = make(first_weights<double>(), loss, circuit);
            const StepReport report = step(trainer, task, 0.01, 1, shifts);
            const auto [total, correct] = judge(task, first_weights<double>(), loss, circuit, shifts);
            CHECK_CLOSE(report.loss, total, 30 * 20 * eps<double> * total);
            CHECK_EQUAL(report.correct, correct);
        }
    }
}

// After one step the first moment is (1 - 0.9) times the gradient of the mean loss. A hidden voltage that crosses rest
// or threshold within the step puts a kink into the loss; with these weights none lies that close.
TEST(the_gradient_agrees_with_central_differences) {
    const Task<double> task(20);
    constexpr double h = 1e-6;
    const std::pair<Loss, Circuit> cases[] = {{{0.2, 0.5, 0.8}, {}},
                                              {{0.2, 0.5, 0.8}, {2, -1, 0.1, 0.3}},
                                              {{0.2, 0.5, 0.8, 0.05}, {}},
                                              {{0.2, 0.5, 0.8, 0.05}, Circuit::conventional()},
                                              {{0.2, 0.5, 0.8, 0.05}, {2, -1, 0.1, 0.3}}};
    for (const auto& [loss, circuit] : cases) {
        for (const Matrices<double>& shifts : {Matrices<double>{}, noise<double>(20)}) {
            Trainer<double> trainer = make(first_weights<double>(), loss, circuit);
            step(trainer, task, 0, 1, shifts);
            const Matrices<double> first = moments(trainer, 0);
            Matrices<double> at = first_weights<double>();
            for (std::size_t l = 0; l < 2; ++l) {
                for (std::size_t i = 0; i < at[l].values.size(); i += 7) {
                    const double here = at[l].values[i];
                    at[l].values[i] = here + h;
                    const double above = judge(task, at, loss, circuit, shifts).first;
                    at[l].values[i] = here - h;
                    const double below = judge(task, at, loss, circuit, shifts).first;
                    at[l].values[i] = here;
                    // Third derivatives of order 1/tau^3 times h^2, and rounding of a sum of 20 losses over 2 h.
                    CHECK_CLOSE(first[l].values[i] / (1 - 0.9), (above - below) / (2 * h) / 20, 1e-8);
                }
            }
        }
    }
}

TEST(a_step_is_that_of_adam) {
    const Task<double> task(20);
    Trainer<double> trainer = make(first_weights<double>());
    Matrices<double> w = first_weights<double>(), m1 = moments(trainer, 0), m2 = moments(trainer, 1);
    for (int n = 1; n <= 4; ++n) {
        step(trainer, task, 0.02);
        const Matrices<double> now1 = moments(trainer, 0), now2 = moments(trainer, 1), now = weights(trainer);
        for (std::size_t l = 0; l < 2; ++l) {
            for (std::size_t i = 0; i < w[l].values.size(); ++i) {
                const double g = (now1[l].values[i] - 0.9 * m1[l].values[i]) / 0.1;
                CHECK_CLOSE(now2[l].values[i], 0.999 * m2[l].values[i] + 0.001 * g * g, 1e-13 * (1 + g * g));
                const double mean = now1[l].values[i] / (1 - std::pow(0.9, n));
                const double size = std::sqrt(now2[l].values[i] / (1 - std::pow(0.999, n)));
                CHECK_CLOSE(now[l].values[i], w[l].values[i] - 0.02 * mean / (size + 1e-8), 1e-14);
            }
        }
        w = now, m1 = now1, m2 = now2;
    }
}

TEST_EACH_REAL(a_restored_trainer_continues_bit_for_bit) {
    const Task<Real> task(40);
    const Matrices<Real> shifts = noise<Real>(40);
    Trainer<Real> trainer = make(first_weights<Real>());
    for (int i = 0; i < 5; ++i) step(trainer, task, 0.01, 1, shifts);
    Trainer<Real> restored = make(weights(trainer));
    restored.restore(trainer.steps(), views(moments(trainer, 0)), views(moments(trainer, 1)));
    CHECK_EQUAL(restored.steps(), 5u);
    for (int i = 0; i < 5; ++i) {
        const StepReport one = step(trainer, task, 0.01, 1, shifts), other = step(restored, task, 0.01, 1, shifts);
        CHECK_EQUAL(one.loss, other.loss);
    }
    CHECK(same_bits(weights(trainer), weights(restored)));
    CHECK(same_bits(moments(trainer, 0), moments(restored, 0)));
    CHECK(same_bits(moments(trainer, 1), moments(restored, 1)));
}

TEST_EACH_REAL(the_number_of_threads_changes_no_bit) {
    const Task<Real> task(50);
    for (const Loss& loss : {Loss{}, Loss{0.07, 0, 0.9, 0.1}}) {
        Trainer<Real> one = make(first_weights<Real>(), loss);
        for (int i = 0; i < 4; ++i) step(one, task, 0.01, 1, noise<Real>(50));
        for (const int threads : {2, 5}) {
            Trainer<Real> many = make(first_weights<Real>(), loss);
            for (int i = 0; i < 4; ++i) step(many, task, 0.01, threads, noise<Real>(50));
            CHECK(same_bits(weights(one), weights(many)));
        }
    }
}

TEST_EACH_REAL(a_penalty_on_energy_saves_some) {
    const Task<Real> task(24);
    const auto spent = [&](const Loss& loss) {
        Trainer<Real> trainer = make(first_weights<Real>(), loss);
        for (int i = 0; i < 60; ++i) step(trainer, task, 0.02);
        CHECK_EQUAL(step(trainer, task).correct, 24u);
        Trainer<Real> meter = make(weights(trainer), {0.07, 0, 0.9, 1});
        return step(meter, task).loss - step(trainer, task, 0).loss;
    };
    CHECK(spent({0.07, 0, 0.9, 0.05}) < spent({}) / 2);
}

TEST_EACH_REAL(a_trainer_leaves_no_trace_of_larger_batches) {
    const Task<Real> large(50), small(9);
    Trainer<Real> used = make(first_weights<Real>()), fresh = make(first_weights<Real>());
    const Matrices<Real> zero = moments(fresh, 0);
    step(used, large, 0);
    used.restore(0, views(zero), views(zero));
    step(used, small);
    step(fresh, small);
    CHECK(same_bits(weights(used), weights(fresh)));
}

TEST_EACH_REAL(a_step_counts_silent_and_saturated_neurons) {
    // Hidden voltages -1, 0, 0.5, 1 and 2 by one spike at the start.
    const Matrices<Real> w{Matrix<Real>(1, 5, {-1, 0, Real(0.5), 1, 2}), Matrix<Real>(5, 2)};
    Trainer<Real> trainer = make(w, {}, Circuit::conventional());
    const Matrix<Real> times(3, 1);
    const Integers samples{0, 1, 2}, labels{0, 0, 1};
    const StepReport report = trainer.step(Schedule<Real>(times), view(samples), view(labels), {}, 0.1);
    CHECK((report.silent == std::vector<std::size_t>{6}));
    CHECK((report.saturated == std::vector<std::size_t>{6}));
    CHECK_EQUAL(report.correct, 2u);  // voltages are equal: the first output counts
    CHECK_CLOSE(report.loss, 3 * std::log(2.0), 1e-14);
}

// The voltage no longer moves a spike that noise has pushed to the start of the phase.
TEST_EACH_REAL(a_spike_that_noise_cut_off_has_no_gradient) {
    const Matrices<Real> w{Matrix<Real>(1, 2, {Real(0.75), Real(0.75)}), Matrix<Real>(2, 2, {1, 0, 1, 0})};
    const Matrices<Real> early{Matrix<Real>(1, 2, {Real(-0.5), Real(-0.125)}), Matrix<Real>(1, 2)};
    Trainer<Real> trainer = make(w, {}, Circuit::conventional());
    const Integers sample{0}, label{1};
    trainer.step(Schedule<Real>(Matrix<Real>(1, 1)), view(sample), view(label), views(early), 0.1);
    Matrix<Real> first(1, 2);
    trainer.moment(0, 0, first);
    CHECK_EQUAL(first(0, 0), Real(0));
    CHECK(first(0, 1) > 0);
}

TEST_EACH_REAL(a_sample_may_occur_twice) {
    const Task<Real> task(6);
    Trainer<Real> once = make(first_weights<Real>()), twice = make(first_weights<Real>());
    const Integers one{4}, two{4, 4}, label{1}, labels{1, 1};
    const Schedule<Real> schedule(task.times);
    const double loss = once.step(schedule, view(one), view(label), {}, 0.01).loss;
    CHECK_CLOSE(twice.step(schedule, view(two), view(labels), {}, 0.01).loss, 2 * loss, 4 * eps<double> * loss);
    CHECK(same_bits(moments(once, 0), moments(twice, 0)));  // halves of equal numbers add up to them exactly
}

TEST_EACH_REAL(an_empty_batch_changes_nothing) {
    Trainer<Real> trainer = make(first_weights<Real>());
    const StepReport report = trainer.step(Schedule<Real>(Task<Real>(4).times), {}, {}, {}, 0.1);
    CHECK_EQUAL(report.loss, 0.0);
    CHECK_EQUAL(trainer.steps(), 0u);
    CHECK(same_bits(weights(trainer), first_weights<Real>()));
}

TEST_EACH_REAL(what_does_not_fit_is_rejected_and_changes_nothing) {
    Trainer<Real> trainer = make(first_weights<Real>());
    const auto rejected = [&](const Integers& samples, const Integers& labels, const char* why,
                              double learning_rate = 0.1, const Matrices<Real>& noise = {}, std::size_t width = n_in) {
        const Schedule<Real> schedule(Matrix<Real>(4, width));
        CHECK_THROWS(trainer.step(schedule, view(samples), view(labels), views(noise), learning_rate),
                     std::invalid_argument, why);
    };
    rejected({0, 1}, {2, 3}, "label 3 at position 1 must be in [0, 3)");
    rejected({0, 1}, {-1, 0}, "label -1 at position 0 must be in [0, 3)");
    rejected({0, 4}, {0, 0}, "sample 4 does not exist: the schedule has 4");
    rejected({-1, 0}, {0, 0}, "sample -1 does not exist");
    rejected({0, 1}, {0}, "labels must have shape (2,), got (1,)");
    rejected({0}, {0}, "times must have 10 inputs for this network, got 9", 0.1, {}, 9);
    rejected({0}, {0}, "learning_rate must not be negative, got -0.1", -0.1);
    rejected({0}, {0}, "learning_rate must not be negative, got inf", inf);
    rejected({0}, {0}, "learning_rate must not be negative, got nan", not_a_number);
    rejected({0, 1}, {0, 0}, "noise must have shape (2, 21), got (3, 21)", 0.1, noise<Real>(3));
    CHECK_THROWS(make(first_weights<Real>(), {0, 0, 0}), std::invalid_argument, "temperature must be above 0");
    CHECK_THROWS(make(first_weights<Real>(), {not_a_number, 0, 0}), std::invalid_argument,
                 "temperature must be above 0");
    CHECK_THROWS(make(first_weights<Real>(), {inf, 0, 0}), std::invalid_argument, "got inf");
    CHECK_THROWS(make(first_weights<Real>(), {1, inf, 0}), std::invalid_argument, "got inf");
    CHECK_THROWS(make(first_weights<Real>(), {1, -1, 0}), std::invalid_argument, "not negative, got -1");
    CHECK_THROWS(make(first_weights<Real>(), {1, 0, inf}), std::invalid_argument, "t_ref must be finite, got inf");
    CHECK_THROWS(make(first_weights<Real>(), {1, 0, 0, -1}), std::invalid_argument,
                 "energy_penalty must be finite and not negative, got -1");
    CHECK_THROWS(make(first_weights<Real>(), {1, 0, 0, inf}), std::invalid_argument, "not negative, got inf");
    const Matrices<Real> m = first_weights<Real>(), swapped{m[1], m[0]};
    CHECK_THROWS(trainer.restore(1, views<Real>({m[0]}), views(m)), std::invalid_argument,
                 "moments must be given for all 2 layers, got 1");
    CHECK_THROWS(trainer.restore(1, views(swapped), views(m)), std::invalid_argument,
                 "moment must have shape (10, 21)");
    Matrices<Real> squares = m;
    for (Matrix<Real>& square : squares)
        for (Real& x : square.values) x *= x;
    CHECK_THROWS(trainer.restore(1, views(m), views<Real>({squares[0]})), std::invalid_argument, "all 2 layers, got 1");
    CHECK_THROWS(trainer.restore(1, views(m), views(m)), std::invalid_argument, "must not be negative, got -");
    CHECK_THROWS(trainer.restore(~std::uint64_t{0}, views(m), views(squares)), std::invalid_argument,
                 "steps must be at most");
    squares[1](2, 1) = Real(not_a_number);
    CHECK_THROWS(trainer.restore(1, views(m), views(squares)), std::invalid_argument, "moment[2, 1] must be finite");
    CHECK_THROWS(moments(trainer, 2), std::invalid_argument, "order must be 0 or 1, got 2");
    CHECK_EQUAL(trainer.steps(), 0u);
    CHECK(same_bits(weights(trainer), m));
    const Matrices<Real> zero{Matrix<Real>(n_in, n_hidden), Matrix<Real>(n_hidden, n_classes)};
    CHECK(same_bits(moments(trainer, 0), zero) && same_bits(moments(trainer, 1), zero));
}

TEST_EACH_REAL(a_loss_that_is_not_finite_is_reported_and_changes_nothing) {
    const Task<Real> task(6);
    for (const Loss& loss : {Loss{1e-310, 0, 0.9}, Loss{0.1, 1e300, 1e10}}) {
        Trainer<Real> trainer = make(first_weights<Real>(), loss);
        CHECK_THROWS(step(trainer, task), std::runtime_error, "the loss or its gradient is no longer finite");
        CHECK_EQUAL(trainer.steps(), 0u);
        CHECK(same_bits(weights(trainer), first_weights<Real>()));
    }
}

TEST_EACH_REAL(steps_of_several_threads_wait_for_each_other) {
    const Task<Real> task(40);
    const Schedule<Real> schedule(task.times);
    Trainer<Real> trainer = make(first_weights<Real>());
    std::vector<std::thread> callers;
    for (std::int64_t size : {40, 31, 7}) {
        callers.emplace_back([&, size] {
            Integers samples(static_cast<std::size_t>(size)), labels(samples.size());
            for (int i = 0; i < 20; ++i)
                trainer.step(schedule, view(samples), view(labels), {}, 0.001, Threads::exactly(1 + i % 2));
        });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK_EQUAL(trainer.steps(), 60u);
}

TEST_EACH_REAL(a_network_that_training_drove_out_of_range_is_reported) {
    Trainer<Real> trainer = make(first_weights<Real>(), {}, Circuit::conventional());
    const Task<Real> task(6);
    step(trainer, task, std::numeric_limits<Real>::max() / 2);
    const Matrices<Real> before = weights(trainer);
    CHECK_THROWS(step(trainer, task), std::runtime_error, "are no longer finite");
    CHECK_EQUAL(trainer.steps(), 1u);
    CHECK(same_bits(weights(trainer), before));
}
