// Reads names of model files from standard input and says of each, on one line, which network it holds or that it holds
// none: tests/model_files.py compares that with Python.
#include <rcspike/network.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

template <class Number>
void print_bytes(const Number& number) {
    unsigned char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    for (const unsigned char byte : bytes) std::printf("%02x", byte);
}

template <class Real>
bool print(const std::string& path) {
    try {
        const auto network = rcspike::Network<Real>::load(path);
        std::printf("float%zu", 8 * sizeof(Real));
        const rcspike::Circuit& c = network.circuit();
        const auto print_numbers = [](std::initializer_list<double> numbers) {
            for (const double number : numbers) std::printf(" "), print_bytes(number);
        };
        print_numbers({c.e_plus, c.e_minus, c.diode_drop, c.ramp, c.delay});
        std::size_t most = network.n_in();
        for (std::size_t l = 0; l < network.n_layers(); ++l) most = std::max(most, network.n_out(l));
        if (most <= 10000) {
            std::vector<Real> times(network.n_in()), v(network.n_out(network.n_layers() - 1));
            for (std::size_t i = 0; i < times.size(); ++i) times[i] = static_cast<Real>(7 * i % 11) / 11;
            network.forward(rcspike::Span2<const Real>{times.data(), 1, times.size()}, {}, {v.data(), 1, v.size()});
            std::printf(" ");
            for (const Real x : v) print_bytes(std::isnan(x) ? std::numeric_limits<Real>::quiet_NaN() : x);
        }
        for (std::size_t l = 0; l < network.n_layers(); ++l) {
            print_numbers({network.circuit(l).injection_plus, network.circuit(l).injection_minus});
            std::vector<Real> weights(network.n_rows(l) * network.n_columns(l));
            network.weights(l, {weights.data(), network.n_rows(l), network.n_columns(l)});
            std::printf(" %zu %zu %zux%zu ", network.n_in(l), network.n_out(l), network.n_rows(l),
                        network.n_columns(l));
            for (const Real w : weights) print_bytes(w);
        }
        return true;
    } catch (const std::invalid_argument&) {
        return false;
    }
}

}  // namespace

int main() {
    for (std::string path; std::getline(std::cin, path); std::puts("")) {
        if (!print<float>(path) && !print<double>(path)) std::printf("rejected");
    }
    return std::fflush(stdout);
}
