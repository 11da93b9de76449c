// CRC-32 of gzip, PNG and Python's zlib.crc32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rcspike::detail {

/// The CRC-32 of bytes that follow others, whose CRC-32 is `before`.
std::uint32_t crc32(const unsigned char* bytes, std::size_t n, std::uint32_t before = 0);

}  // namespace rcspike::detail
