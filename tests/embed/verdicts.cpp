// Reads names of model files from standard input and says of each, on one line, which network it holds or that it holds
// none: tests/model_files.py compares that with Python.
#include <rcspike/network.h>

#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <iostream>
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
        for (std::size_t l = 0; l < network.n_layers(); ++l) {
            print_numbers({network.circuit(l).injection_plus, network.circuit(l).injection_minus});
            std::vector<Real> weights(network.n_in(l) * network.n_out(l));
            network.weights(l, {weights.data(), network.n_in(l), network.n_out(l)});
            std::printf(" %zux%zu ", network.n_in(l), network.n_out(l));
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
