// Neurons that spike while they charge: in layers, in networks of weights and of device pairs, and in training.
#include "rcspike/first_spike.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "check.h"
#include "fixture.h"
#include "rcspike/device_network.h"
#include "rcspike/trainer.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

const Circuit all_circuits[] = {{4, -4, 0, 0}, {4, -4, 0.3, 0}, {2.5, -1.5, 0.1, 0}, Circuit::conventional()};

/// Times up to 2, of which a third is infinite.
template <class Real>
Matrix<Real> late_times(std::size_t batch, std::size_t n_in, std::uint64_t seed) {
    Matrix<Real> times = tied_times<Real>(batch, n_in, 32, seed);
    for (Real& t : times.values) t *= 2;
    return times;
}

template <class Real>
Schedule<Real> single(const Matrix<Real>& times) {
    return Schedule<Real>(times, Threads::all(), Phases::single);
}

/// Events of one sample: times, and the inputs of each.
std::vector<std::pair<double, std::size_t>> sorted(const double* times, std::size_t n) {
    std::vector<std::pair<double, std::size_t>> events;
    for (std::size_t j = 0; j < n; ++j) {
        if (times[j] < inf) events.emplace_back(times[j], j);
    }
    std::sort(events.begin(), events.end());
    return events;
}

/// The spike of one neuron, by steps of an explicit solution that the engine does not have: bisection of v(t) - 1.
double bisected(const double* times, std::size_t n, const std::vector<double>& drive,
                const std::vector<double>& conductance, double threshold) {
    const auto events = sorted(times, n);
    const auto after = [](double v, double a, double b, double d) {
        return b == 0 ? v + a * d : a / b + (v - a / b) * std::exp(-b * d);
    };
    double v = 0, a = 0, b = 0;
    for (std::size_t k = 0; k < events.size(); ++k) {
        a += drive[events[k].second];
        b += conductance[events[k].second];
        const double start = events[k].first, length = k + 1 < events.size() ? events[k + 1].first - start : 1e6;
        if (after(v, a, b, length) < threshold) {
            v = after(v, a, b, length);
            continue;
        }
        double low = 0, high = length;
        for (int i = 0; i < 200; ++i) {
            const double middle = (low + high) / 2;
            (after(v, a, b, middle) < threshold ? low : high) = middle;
        }
        return start + high;
    }
    return inf;
}

double loss_of(Span2<const double> spikes, const Matrix<double>& slopes) {
    double loss = 0;
    for (std::size_t i = 0; i < spikes.size(); ++i) loss += slopes.values[i] * spikes.data[i];
    return loss;
}

}  // namespace

TEST(a_spike_is_where_bisection_finds_the_threshold) {
    const Matrix<double> times = late_times<double>(20, 12, 1), w = uniform<double>(12, 37, -0.5, 1.5, 2);
    for (const Circuit& circuit : all_circuits) {
        Matrix<double> spikes(20, 37);
        first_spike<double>(single(times), w, circuit, spikes);
        std::size_t n_spikes = 0;
        for (std::size_t s = 0; s < 20; ++s) {
            for (std::size_t i = 0; i < 37; ++i) {
                std::vector<double> drive, conductance;
                for (std::size_t j = 0; j < 12; ++j) {
                    const double rail = w(j, i) >= 0 ? circuit.e_plus : -circuit.e_minus;
                    drive.push_back(std::isinf(rail) ? w(j, i) : w(j, i) * (rail - circuit.diode_drop) / rail);
                    conductance.push_back(std::abs(w(j, i)) / rail);
                }
                const double expected = bisected(times.row(s), 12, drive, conductance, 1);
                CHECK_CLOSE(spikes(s, i), expected, 1e-10 * (1 + (expected < inf ? expected : 0)));
                n_spikes += expected < inf;
            }
        }
        CHECK(n_spikes > 100);
    }
}

TEST(gradients_agree_with_central_differences) {
    Matrix<double> times = uniform<double>(5, 6, 0, 2, 3);
    Matrix<double> w = uniform<double>(6, 19, 0.2, 2, 4);
    const Matrix<double> slopes = uniform<double>(5, 19, -1, 1, 5);
    for (const Circuit& circuit : all_circuits) {
        Matrix<double> grad_times(5, 6), grad_weights(6, 19), spikes(5, 19);
        const auto loss = [&] {
            first_spike<double>(single(times), w, circuit, spikes);
            return loss_of(spikes.view(), slopes);
        };
        CHECK(std::isfinite(loss()));
        const std::size_t n_steep =
            first_spike_vjp<double>(single(times), w, circuit, slopes, 1e6, grad_times, grad_weights);
        CHECK_EQUAL(n_steep, std::size_t{0});
        for (const auto& [values, gradient] : {std::pair(&times, &grad_times), std::pair(&w, &grad_weights)}) {
            for (std::size_t i = 0; i < values->values.size(); ++i) {
                const double h = 1e-6, value = values->values[i];
                values->values[i] = value + h;
                const double above = loss();
                values->values[i] = value - h;
                const double below = loss();
                values->values[i] = value;
                CHECK_CLOSE(gradient->values[i], (above - below) / (2 * h),
                            1e-6 + 1e-6 * std::abs(gradient->values[i]));
            }
        }
    }
}

TEST_EACH_REAL(ideal_pairs_have_the_bits_of_the_network) {
    const Matrix<Real> w1 = uniform<Real>(12, 37, -0.5, 2, 1), w2 = uniform<Real>(37, 4, -0.5, 1, 2);
    const auto part = [](Matrix<Real> w, Real sign) {
        for (Real& x : w.values) x = std::max(sign * x, Real(0));
        return w;
    };
    const Matrix<Real> plus1 = part(w1, 1), minus1 = part(w1, -1), plus2 = part(w2, 1), minus2 = part(w2, -1);
    const Matrix<Real> times = late_times<Real>(40, 12, 3);
    for (const Circuit& circuit : all_circuits) {
        const Network<Real> network({w1, w2}, circuit, {}, Phases::single);
        const DeviceNetwork<Real> chip({{plus1, minus1, {}, {}, {}}, {plus2, minus2, {}, {}, {}}}, circuit, {},
                                       Phases::single);
        CHECK(network.phases() == Phases::single);
        Matrix<Real> expected(40, 4), found(40, 4), hidden(40, 37), layer_by_layer(40, 4);
        network.forward(times, {}, expected);
        chip.forward(single(times), {}, found, Threads::exactly(2));
        CHECK(same_bits(found, expected));
        first_spike<Real>(single(times), w1, circuit, hidden);
        first_spike<Real>(single(hidden), w2, circuit, layer_by_layer);
        CHECK(same_bits(layer_by_layer, expected));
        CHECK(std::count_if(found.values.begin(), found.values.end(), [](Real t) { return t < Real(inf); }) > 20);
    }
}

TEST(an_offset_moves_the_threshold) {
    const Matrix<double> times = late_times<double>(10, 12, 4), w = uniform<double>(12, 5, 0, 0.5, 5);
    const Matrix<double> none(12, 5), offset = uniform<double>(1, 5, -0.5, 0.5, 6);
    DeviceNetwork<double> chip({{w, none, {}, {}, offset}}, Circuit::conventional(), {}, Phases::single);
    Matrix<double> spikes(10, 5);
    chip.forward(times, {}, spikes);
    for (std::size_t s = 0; s < 10; ++s) {
        for (std::size_t i = 0; i < 5; ++i) {
            std::vector<double> drive, conductance(12, 0);
            for (std::size_t j = 0; j < 12; ++j) drive.push_back(w(j, i));
            const double expected = bisected(times.row(s), 12, drive, conductance, 1 + offset.values[i]);
            CHECK_CLOSE(spikes(s, i), expected, 1e-12);
        }
    }
    const Matrix<double> below(1, 5, {0, 0, -1, 0, 0});
    CHECK_THROWS((DeviceNetwork<double>({{w, none, {}, {}, below}}, Circuit{}, {}, Phases::single)),
                 std::invalid_argument, "offset must be above -1");
}

TEST_EACH_REAL(noise_moves_spikes_and_silent_neurons_stay_silent) {
    const Matrix<Real> w = uniform<Real>(12, 37, -1, 1, 7), times = late_times<Real>(9, 12, 8);
    const Matrix<Real> noise = uniform<Real>(9, 37, -3, 3, 9);
    const Network<Real> network({w}, Circuit{3, -3, 0, 0}, {}, Phases::single);
    Matrix<Real> without(9, 37), with(9, 37);
    network.forward(times, {}, without);
    network.forward(times, {noise}, with);
    for (std::size_t i = 0; i < with.values.size(); ++i) {
        CHECK_EQUAL(with.values[i], std::max(without.values[i] + noise.values[i], Real(0)));
    }
}

TEST_EACH_REAL(a_schedule_is_for_one_kind_of_neurons) {
    const Matrix<Real> w = uniform<Real>(3, 2, 0, 1, 1), times(1, 3, {Real(0.5), Real(3), Real(inf)});
    Matrix<Real> out(1, 2);
    CHECK_EQUAL(single(times)[0].n_spikes(), std::size_t{2});
    CHECK_EQUAL(Schedule<Real>(times)[0].n_spikes(), std::size_t{1});
    const char* const message = "the schedule is for neurons of phases 'two', the layer has phases 'single'";
    CHECK_THROWS(first_spike<Real>(Schedule<Real>(times), w, Circuit{}, out), std::invalid_argument, message);
    const Network<Real> network({w}, Circuit{}, {}, Phases::single);
    CHECK_THROWS(network.forward(Schedule<Real>(times), {}, out), std::invalid_argument, message);
    CHECK_THROWS(charge<Real>(single(times), w, Circuit{}, out), std::invalid_argument,
                 "is for neurons of phases 'single'");
}

TEST_EACH_REAL(many_late_times_are_sorted) {
    // Crowded next to 0 on the scale of the latest one, so that the buckets give up.
    Matrix<Real> times = uniform<Real>(1, 3000, 0, 1, 10);
    times.values[17] = Real(1e9);
    const Schedule<Real> schedule = single(times);
    const Spikes<Real> spikes = schedule[0];
    CHECK_EQUAL(spikes.n_spikes(), std::size_t{3000});
    for (std::size_t i = 1; i < 3000; ++i) {
        CHECK(times.values[spikes.inputs[i - 1]] <= times.values[spikes.inputs[i]]);
    }
    CHECK_EQUAL(spikes.intervals[spikes.n_intervals].start, Real(inf));
}

TEST(training_makes_silent_neurons_spike_and_the_loss_fall) {
    // A third of the hidden neurons is silent at first.
    const Matrix<double> times = uniform<double>(40, 10, 0, 1, 11), w1 = uniform<double>(10, 20, -0.2, 0.3, 12);
    const Matrix<double> w2 = uniform<double>(20, 2, 0, 0.3, 13);
    std::vector<std::int64_t> samples(40), labels(40);
    for (std::size_t i = 0; i < 40; ++i) {
        samples[i] = static_cast<std::int64_t>(i);
        labels[i] = times(i, 0) < times(i, 1) ? 0 : 1;
    }
    Loss loss;
    loss.silent_penalty = 0.1;
    Trainer<double> trainer(Network<double>({w1, w2}, Circuit{4, -4, 0, 0}, {}, Phases::single), loss);
    const Schedule<double> schedule = single(times);
    StepReport first, last;
    for (int step = 0; step < 400; ++step) {
        last = trainer.step(schedule, {samples.data(), 40}, {labels.data(), 40}, {}, 0.01);
        if (step == 0) first = last;
    }
    CHECK(first.silent[0] > 200 && first.correct < 30);
    CHECK_EQUAL(last.silent[0], std::size_t{0});
    CHECK(last.correct > 37);
    CHECK(last.loss < first.loss / 10);
    CHECK_EQUAL(last.steep.size(), std::size_t{2});
}

TEST(settings_of_two_phases_are_rejected) {
    const Matrix<double> w = uniform<double>(3, 2, 0, 1, 1);
    Loss loss;
    loss.energy_penalty = 0.1;
    CHECK_THROWS(Trainer<double>(Network<double>({w}, Circuit{}, {}, Phases::single), loss), std::invalid_argument,
                 "energy_penalty 0.1 counts the energy of two phases");
}
