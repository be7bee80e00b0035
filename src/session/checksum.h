// CRC-32 (the one of zip and PNG: reflected, polynomial 0xEDB88320).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace mp::session {

namespace detail {
consteval std::array<std::uint32_t, 256> crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) {
            value = (value & 1) != 0 ? value >> 1 ^ 0xEDB88320U : value >> 1;
        }
        table[i] = value;
    }
    return table;
}
inline constexpr std::array<std::uint32_t, 256> kCrcTable = crc_table();
}  // namespace detail

/// CRC-32 of `size` bytes; `before` continues an earlier one.
constexpr std::uint32_t crc32(const std::uint8_t* data, std::size_t size, std::uint32_t before = 0) noexcept {
    std::uint32_t value = ~before;
    for (std::size_t i = 0; i < size; ++i) {
        value = value >> 8 ^ detail::kCrcTable[(value ^ data[i]) & 0xFF];
    }
    return ~value;
}

}  // namespace mp::session
