// The checksum of a file: CRC-32, as in gzip, PNG and Python's zlib.crc32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace rcspike::detail {

/// The CRC-32 of bytes that follow others, whose CRC-32 is `before`.
std::uint32_t crc32(const unsigned char* bytes, std::size_t n, std::uint32_t before = 0);

/// Throws std::invalid_argument unless a file has the checksum that it says, both in hexadecimal digits.
void check_checksum(const std::string& said, const std::string& computed);

}  // namespace rcspike::detail
