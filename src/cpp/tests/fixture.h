// Common parts of the tests: matrices that own their numbers, the same random ones everywhere, forked children.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "rcspike/schedule.h"
#include "rcspike/span.h"

#if !defined(_WIN32)
#define RCSPIKE_TEST_CAN_FORK
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#endif

namespace rcspike::test {

template <class Real>
constexpr Real eps = std::numeric_limits<Real>::epsilon();
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

template <class Real>
struct Matrix {
    std::size_t rows, cols;
    std::vector<Real> values;

    Matrix(std::size_t rows, std::size_t cols) : Matrix(rows, cols, std::vector<Real>(rows * cols)) {}
    Matrix(std::size_t rows, std::size_t cols, std::vector<Real> values)
        : rows(rows), cols(cols), values(std::move(values)) {}

    Real& operator()(std::size_t i, std::size_t j) { return values[i * cols + j]; }
    Real operator()(std::size_t i, std::size_t j) const { return values[i * cols + j]; }
    Real* row(std::size_t i) { return values.data() + i * cols; }
    const Real* row(std::size_t i) const { return values.data() + i * cols; }

    Span2<Real> view() { return {values.data(), rows, cols}; }
    Span2<const Real> view() const { return {values.data(), rows, cols}; }
    operator Span2<Real>() { return view(); }
    operator Span2<const Real>() const { return view(); }
    operator Span1<Real>() { return {values.data(), values.size()}; }
    operator Span1<const Real>() const { return {values.data(), values.size()}; }
};

/// The standard library's distributions differ between its makers, its engines do not.
class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    double uniform(double low = 0, double high = 1) {
        return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53;
    }
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }

private:
    std::mt19937_64 engine_;
};

template <class Real>
Matrix<Real> uniform(std::size_t rows, std::size_t cols, double low, double high, std::uint64_t seed) {
    Random random(seed);
    Matrix<Real> m(rows, cols);
    for (Real& value : m.values) value = static_cast<Real>(random.uniform(low, high));
    return m;
}

/// Spike times as an image has them: a third is silent, the rest are multiples of 1/levels in [0, 1], so many are
/// equal.
template <class Real>
Matrix<Real> tied_times(std::size_t batch, std::size_t n_in, std::size_t levels, std::uint64_t seed) {
    Random random(seed);
    Matrix<Real> times(batch, n_in);
    for (Real& t : times.values) {
        const bool silent = random.below(3) == 0;
        t = silent ? Real(inf) : static_cast<Real>(random.below(levels + 1)) / static_cast<Real>(levels);
    }
    return times;
}

template <class Real>
bool same_bits(const Matrix<Real>& a, const Matrix<Real>& b) {
    return a.rows == b.rows && a.cols == b.cols &&
           (a.values.empty() || std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(Real)) == 0);
}

/// Distance from |x| to the next number.
template <class Real>
Real ulp(Real x) {
    x = x < 0 ? -x : x;
    return std::nextafter(x, std::numeric_limits<Real>::infinity()) - x;
}

#ifdef RCSPIKE_TEST_CAN_FORK
/// The result of `function` in a forked child; "died" if the child died or hung.
template <class Function>
std::string in_child(const Function& function) {
    int ends[2];
    if (pipe(ends) != 0) return "no pipe";
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        const std::string said = function();
        const bool written = write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size());
        _exit(written ? 0 : 1);  // not exit(), which would run the handlers that the parent registered
    }
    close(ends[1]);
    std::string said;
    char part[4096];
    for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;) said.append(part, static_cast<std::size_t>(n));
    close(ends[0]);
    int status = 1;
    waitpid(child, &status, 0);
    return status == 0 ? said : "died";
}
#endif

}  // namespace rcspike::test
