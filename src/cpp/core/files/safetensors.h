// Safetensors files: the length of a header (8 bytes, little-endian), the header as JSON, and the arrays one after the
// other. docs/files.md has the rules, which rcspike/network/model_files.py shares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <istream>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

namespace rcspike::detail {

constexpr std::size_t max_header = 1 << 20;  ///< bytes, of a model

/// Numbers from little-endian bytes, whatever this machine's order.
template <class Number>
Number from_bytes(const unsigned char* bytes) {
    std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t> bits = 0;
    for (std::size_t i = 0; i < sizeof bits; ++i) bits |= static_cast<decltype(bits)>(bytes[i]) << (8 * i);
    Number number;
    std::memcpy(&number, &bits, sizeof number);
    return number;
}

/// An array of such a file.
struct Tensor {
    std::string dtype;  ///< "F32" or "F64"
    std::vector<std::size_t> shape;
    std::size_t first = 0, last = 0;  ///< its bytes among those of all arrays, little-endian
};

/// A file in memory. Throws std::invalid_argument if it is not valid.
class Safetensors {
public:
    /// Reads the header.
    explicit Safetensors(std::istream& file);

    const std::map<std::string, std::string>& metadata() const { return metadata_; }
    const std::map<std::string, Tensor>& tensors() const { return tensors_; }

    /// Reads the arrays, which must be float32 or float64, fill the rest of the file without a gap, and have with the
    /// metadata the CRC-32 that these have, if any.
    void read_arrays(std::istream& file);

    const unsigned char* bytes(const Tensor& tensor) const { return arrays_.data() + tensor.first; }

private:
    void check_layout() const;
    std::string digest() const;

    std::map<std::string, std::string> metadata_;
    std::map<std::string, Tensor> tensors_;
    std::size_t array_bytes_ = 0;
    std::vector<unsigned char> arrays_;
};

/// A shape as Python's lists are written.
std::string listed(const std::vector<std::size_t>& sizes);

}  // namespace rcspike::detail
