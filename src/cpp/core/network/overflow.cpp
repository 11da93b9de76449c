#include "network/overflow.h"

#include <stdexcept>
#include <string>

namespace rcspike::detail {

void Overflow::add(std::size_t layer) {
    std::size_t first = first_.load(std::memory_order_relaxed);
    while (layer < first && !first_.compare_exchange_weak(first, layer, std::memory_order_relaxed)) {
    }
}

void Overflow::check() const {
    if (first_ == n_layers_) return;
    throw std::runtime_error("voltages of layer " + std::to_string(first_) + " are no longer finite");
}

}  // namespace rcspike::detail
