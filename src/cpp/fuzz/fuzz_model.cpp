// Model files from any bytes: the loader takes a network that runs, or throws std::invalid_argument.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "rcspike/network.h"

using namespace rcspike;

namespace {

void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

// Neurons of a layer that are run: a file of a few bytes may describe maps of a billion.
constexpr std::size_t most_neurons = 1 << 16;

/// Whether the file is a network of this precision.
template <class Real>
bool loads(const std::string& path) {
    try {
        const Network<Real> network = Network<Real>::load(path);
        std::size_t n_in = network.n_in(), most = n_in;
        for (std::size_t l = 0; l < network.n_layers(); ++l) {
            require(network.n_in(l) == n_in, "layers do not follow each other");
            n_in = network.n_out(l);
            most = std::max(most, n_in);
            std::vector<Real> weights(network.n_rows(l) * network.n_columns(l));
            network.weights(l, {weights.data(), network.n_rows(l), network.n_columns(l)});
            for (const Real w : weights) require(std::isfinite(w), "a weight is not finite");
        }
        if (most > most_neurons) return true;
        std::vector<Real> times(network.n_in(), Real(0.25)), v(n_in);
        network.forward(Span2<const Real>{times.data(), 1, times.size()}, {}, {v.data(), 1, v.size()},
                        Threads::exactly(1));
        return true;
    } catch (const std::invalid_argument& error) {
        require(std::string(error.what()).find(path) == 0, "the error does not name the file");
        return false;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::string path = [] {
        const char* folder = std::getenv("TMPDIR");
        return std::string(folder ? folder : "/tmp") + "/fuzz_model.safetensors";
    }();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    const bool as_float = loads<float>(path), as_double = loads<double>(path);
    require(!as_float || !as_double, "a file has both precisions");
    return 0;
}
