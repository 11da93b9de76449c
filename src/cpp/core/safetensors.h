// Safetensors files: the length of a header (8 bytes, little-endian), the header as JSON, and the arrays one after the
// other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <istream>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "json.h"

namespace rcspike::detail {

/// Numbers from little-endian bytes, whatever this machine's order.
template <class Number>
Number from_bytes(const unsigned char* bytes) {
    std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t> bits = 0;
    for (std::size_t i = 0; i < sizeof bits; ++i) bits |= static_cast<decltype(bits)>(bytes[i]) << (8 * i);
    Number number;
    std::memcpy(&number, &bits, sizeof number);
    return number;
}

/// An array of such a file, as long as the file's own object lives.
struct Tensor {
    bool is_double = false;  ///< else float
    std::vector<std::size_t> shape;
    const unsigned char* bytes = nullptr;  ///< little-endian, not aligned
};

/// A file in memory. What is wrong with it is thrown as std::invalid_argument.
class Safetensors {
public:
    explicit Safetensors(std::istream& file);

    /// What the file says of itself under this name, or nullptr.
    const std::string* metadata(const char* name) const;

    /// All its arrays, which must be floats or doubles and fill it without a gap.
    std::map<std::string, Tensor> tensors() const;

private:
    Json header_;
    std::vector<unsigned char> arrays_;
};

}  // namespace rcspike::detail
