// The game's pools and which requests they serve (engine contract B.2, B.3). What no pool serves goes to a general
// heap.
#pragma once

#include <array>
#include <cstdint>

namespace mp::game {

struct PoolSpec {
    std::uint16_t block_size;  ///< bytes
    std::uint8_t arena_mb;     ///< reserved address space
};

/// In the order in which the game builds them.
inline constexpr std::array<PoolSpec, 37> kPools{{
    {8, 6},   {12, 5},  {16, 4},  {20, 4},  {24, 8},  {28, 4},  {32, 8},  {36, 3},  {40, 2},  {44, 4},
    {48, 2},  {52, 3},  {56, 1},  {64, 2},  {72, 13}, {76, 1},  {80, 3},  {92, 2},  {96, 15}, {100, 1},
    {104, 4}, {120, 4}, {128, 1}, {160, 2}, {192, 2}, {200, 3}, {208, 3}, {240, 3}, {256, 1}, {272, 2},
    {288, 3}, {400, 1}, {448, 1}, {480, 4}, {508, 4}, {576, 2}, {596, 1},
}};

constexpr bool is_pool_size(std::uint32_t size) noexcept {
    for (const PoolSpec& pool : kPools) {
        if (pool.block_size == size) {
            return true;
        }
    }
    return false;
}

/// Whether a request of `size` bytes is served by a pool.
constexpr bool served_by_pool(std::uint32_t size) noexcept {
    constexpr std::uint32_t kTableEnd = 0x3FD;
    const auto up = [](std::uint32_t value, std::uint32_t step) { return (value + step - 1) / step * step; };
    const std::uint32_t exact = size <= 8 ? 8 : up(size, 4);
    if (exact >= kTableEnd) {
        return false;
    }
    if (is_pool_size(exact)) {
        return true;
    }
    const std::uint32_t by_16 = up(exact, 16);
    const std::uint32_t by_32 = up(exact, 32);
    if (exact < 300) {
        return is_pool_size(by_16);
    }
    if (exact < 512) {
        return is_pool_size(by_16) || is_pool_size(by_32);
    }
    return exact < 576;
}

}  // namespace mp::game
