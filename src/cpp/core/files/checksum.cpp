#include "files/checksum.h"

#include <array>

#include "common/check.h"

namespace rcspike::detail {
namespace {

/// Remainders of each byte, bits reversed, by the polynomial x^32 + x^26 + x^23 + ... + 1.
constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t rest = byte;
        for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ ((rest & 1) != 0 ? 0xedb88320 : 0);
        table[byte] = rest;
    }
    return table;
}
constexpr std::array<std::uint32_t, 256> table = make_table();

}  // namespace

std::uint32_t crc32(const unsigned char* bytes, std::size_t n, std::uint32_t before) {
    std::uint32_t crc = ~before;
    for (std::size_t i = 0; i < n; ++i) crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}

void check_checksum(const std::string& said, const std::string& computed) {
    if (said != computed) reject("its content does not have the CRC-32 that it says; it is damaged, take another copy");
}

}  // namespace rcspike::detail
