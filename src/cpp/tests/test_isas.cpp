// Every instruction set gives the same bits. The set is chosen once in a process, so each runs in a child of its own.
#include "check.h"
#include "fixture.h"
#include "rcspike/build_config.h"
#include "rcspike/charge.h"
#include "rcspike/energy.h"
#include "rcspike/trace.h"
#include "rcspike/trainer.h"

using namespace rcspike;
using namespace rcspike::test;

#ifdef RCSPIKE_TEST_CAN_FORK
namespace {

template <class Real>
void append(std::string& bytes, const Matrix<Real>& m) {
    bytes.append(reinterpret_cast<const char*>(m.values.data()), m.values.size() * sizeof(Real));
}

/// Everything the kernels compute, on rails and weights that take every path through them.
template <class Real>
void compute(std::string& bytes) {
    const Matrix<Real> times = tied_times<Real>(9, 40, 64, 1), grad_v = uniform<Real>(9, 21, -1, 1, 3);
    const Schedule<Real> schedule(times);
    Matrix<Real> v(9, 21), q_plus(9, 21), q_minus(9, 21), grad_times(9, 40), grad_weights(40, 21), curves(9, 21 * 2);
    for (const double scale : {0.1, 10.0}) {
        const Matrix<Real> weights = uniform<Real>(40, 21, -scale, scale, 2);
        for (const Circuit& circuit : {Circuit{}, Circuit{2, -0.5, 0.1, 0}, Circuit::conventional()}) {
            charge<Real>(schedule, weights, circuit, v);
            append(bytes, v);
            charge_vjp<Real>(schedule, weights, circuit, grad_v, grad_times, grad_weights);
            append(bytes, grad_times);
            append(bytes, grad_weights);
            supply_charge<Real>(schedule, weights, circuit, q_plus, q_minus);
            append(bytes, q_plus);
            append(bytes, q_minus);
            supply_charge_vjp<Real>(schedule, weights, circuit, grad_v, v, grad_times, grad_weights);
            append(bytes, grad_times);
            append(bytes, grad_weights);
            trace<Real>(schedule, weights, circuit, Matrix<Real>(1, 2, {Real(0.3), Real(0.7)}), curves);
            append(bytes, curves);
        }
        const Matrix<Real> conductance = uniform<Real>(40, 21, 0, scale, 4);
        const Matrix<Real> drive0 = uniform<Real>(1, 21, -1, 1, 5), conductance0 = uniform<Real>(1, 21, 0, scale, 6);
        const AffineSynapses<Real> synapses{weights, conductance, drive0, conductance0};
        charge<Real>(schedule, synapses, v);
        append(bytes, v);
        Matrix<Real> grad_conductance(40, 21), grad_drive0(1, 21), grad_conductance0(1, 21);
        charge_vjp<Real>(schedule, synapses, grad_v, grad_times,
                         AffineGradient<Real>{grad_weights, grad_conductance, grad_drive0, grad_conductance0});
        for (const auto* gradient : {&grad_times, &grad_weights, &grad_conductance, &grad_drive0, &grad_conductance0}) {
            append(bytes, *gradient);
        }
    }
    for (const Loss& loss : {Loss{}, Loss{0.07, 0, 0.9, 0.1}}) {
        Matrix<Real> first = uniform<Real>(40, 21, -0.2, 0.3, 7), second = uniform<Real>(21, 3, -1, 1, 8);
        Trainer<Real> trainer(Network<Real>({first, second}, Circuit{}), loss);
        const std::vector<std::int64_t> samples{0, 1, 2, 3, 4, 5, 6, 7, 8}, labels{0, 1, 2, 0, 1, 2, 0, 1, 2};
        for (int i = 0; i < 5; ++i) trainer.step(schedule, {samples.data(), 9}, {labels.data(), 9}, {}, 0.01);
        trainer.network().weights(0, first);
        trainer.network().weights(1, second);
        append(bytes, first);
        append(bytes, second);
    }
}

std::string results(const std::string& isa) {
    setenv("RCSPIKE_ISA", isa.c_str(), 1);
    std::string bytes;
    compute<float>(bytes);
    compute<double>(bytes);
    return bytes;
}

}  // namespace

TEST(every_instruction_set_gives_the_same_bits) {
    const std::string expected = in_child([] { return results("scalar"); });
    CHECK(expected.size() > 100000);
    for (const auto isa : kernels::supported()) {
        const std::string name = kernels::name(isa);
        if (in_child([&] { return results(name); }) != expected) fail(__FILE__, __LINE__, name, " differs from scalar");
    }
}

TEST(the_instruction_set_is_the_one_that_was_asked_for) {
    for (const auto isa : kernels::supported()) {
        const std::string name = kernels::name(isa);
        CHECK_EQUAL(in_child([&] { return setenv("RCSPIKE_ISA", name.c_str(), 1), build_config().isa; }), name);
    }
}

TEST(the_best_instruction_set_is_taken_if_none_is_asked_for) {
    const std::string best = kernels::name(kernels::supported().back());
    CHECK_EQUAL(in_child([] { return unsetenv("RCSPIKE_ISA"), build_config().isa; }), best);
    CHECK_EQUAL(in_child([] { return setenv("RCSPIKE_ISA", "", 1), build_config().isa; }), best);
}

TEST(an_unknown_instruction_set_is_refused_with_those_that_are_known) {
    const std::string said = in_child([]() -> std::string {
        setenv("RCSPIKE_ISA", "sse9", 1);
        for (int i = 0; i < 2; ++i) {  // it must not be taken for decided the second time
            try {
                return "took " + build_config().isa;
            } catch (const std::runtime_error& error) {
                if (i == 1) return error.what();
            }
        }
        return "";
    });
    CHECK(said.find("RCSPIKE_ISA is 'sse9', but this build and machine run only: scalar") == 0);
}
#endif

TEST(what_runs_here_was_compiled) {
    const BuildConfig config = build_config();
    CHECK(!config.version.empty() && config.compiler != "unknown");
    CHECK_EQUAL(config.isas.front(), std::string("scalar"));
    CHECK(config.compiled.size() >= config.isas.size());
}
