// Voltages that are no longer finite.
#pragma once

#include <atomic>
#include <cstddef>

namespace rcspike::detail {

/// Whether voltages overflowed in a batch whose blocks ran on several threads.
class Overflow {
public:
    explicit Overflow(std::size_t n_layers) : first_(n_layers), n_layers_(n_layers) {}
    /// `layer` as run returns it.
    void add(std::size_t layer);
    /// Throws std::runtime_error if a voltage was not finite.
    void check() const;

private:
    std::atomic<std::size_t> first_;
    std::size_t n_layers_;
};

}  // namespace rcspike::detail
