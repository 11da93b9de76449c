// Checks for the tests of the core, and the main() that runs them: included by the one source file of each executable.
#pragma once

#include <cmath>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "kernels/dispatch.h"

namespace rcspike::test {

inline int failures = 0;

template <class... Parts>
void fail(const char* file, int line, const Parts&... parts) {
    std::cerr.precision(std::numeric_limits<double>::max_digits10);
    std::cerr << file << ':' << line << ": ";
    (std::cerr << ... << parts) << std::endl;
    if (++failures == 20) std::_Exit(1);  // the rest would say the same
}

struct Case {
    const char* name;
    void (*run)();
};
inline std::vector<Case> cases;
inline bool add(const char* name, void (*run)()) { return cases.push_back({name, run}), true; }

}  // namespace rcspike::test

/// A test; its name is a sentence. TEST_EACH_REAL runs it for Real = float and Real = double.
#define TEST(name)                                                    \
    static void name();                                               \
    static const bool name##_added = rcspike::test::add(#name, name); \
    static void name()
#define TEST_EACH_REAL(name)                                                                                        \
    template <class Real>                                                                                           \
    static void name();                                                                                             \
    static const bool name##_added =                                                                                \
        rcspike::test::add(#name " in float", name<float>) && rcspike::test::add(#name " in double", name<double>); \
    template <class Real>                                                                                           \
    static void name()

#define CHECK(condition) ((condition) ? void() : rcspike::test::fail(__FILE__, __LINE__, "not true: " #condition))
#define CHECK_EQUAL(actual, expected)                                                                                \
    do {                                                                                                             \
        const auto is_ = actual;                                                                                     \
        const decltype(is_) should_ = expected;                                                                      \
        if (!(is_ == should_)) rcspike::test::fail(__FILE__, __LINE__, #actual " is ", is_, ", expected ", should_); \
    } while (false)
/// The tolerance is absolute; equal infinities are close.
#define CHECK_CLOSE(actual, expected, tolerance)                                                              \
    do {                                                                                                      \
        const auto is_ = actual;                                                                              \
        const auto should_ = expected;                                                                        \
        const auto allowed_ = tolerance;                                                                      \
        if (!(is_ == should_ || std::abs(is_ - should_) <= allowed_)) {                                       \
            rcspike::test::fail(__FILE__, __LINE__, #actual " is ", is_, ", expected ", should_, ", off by ", \
                                is_ - should_, ", allowed ", allowed_);                                       \
        }                                                                                                     \
    } while (false)
/// The message must contain `text`.
#define CHECK_THROWS(expression, Exception, text)                                                            \
    try {                                                                                                    \
        (void)(expression);                                                                                  \
        rcspike::test::fail(__FILE__, __LINE__, #expression " did not throw");                               \
    } catch (const Exception& thrown_) {                                                                     \
        if (std::string(thrown_.what()).find(text) == std::string::npos) {                                   \
            rcspike::test::fail(__FILE__, __LINE__, "'", thrown_.what(), "' does not contain '", text, "'"); \
        }                                                                                                    \
    }

int main() {
    using namespace rcspike;
    const char* wanted = std::getenv("RCSPIKE_ISA");
    bool runs_here = !wanted || !*wanted;
    for (const auto isa : kernels::supported()) runs_here = runs_here || kernels::name(isa) == wanted;
    if (!runs_here) return std::cout << "skipped: " << wanted << " does not run here\n", 77;
    for (const test::Case& c : test::cases) {
        const int before = test::failures;
        try {
            c.run();
        } catch (const std::exception& e) {
            test::fail(c.name, 0, "threw ", e.what());
        }
        if (test::failures > before) std::cerr << "    in " << c.name << std::endl;
    }
    std::cout << test::cases.size() << " tests, " << test::failures << " failed checks\n";
    return test::failures > 0;
}
