// Which instruction set is used. It is chosen once in a process, so each runs in a child of its own.
#include "check.h"
#include "fixture.h"
#include "rcspike/build_config.h"

using namespace rcspike;
using namespace rcspike::test;

#ifdef RCSPIKE_TEST_CAN_FORK
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

TEST(an_unknown_instruction_set_is_rejected_with_those_that_are_known) {
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
