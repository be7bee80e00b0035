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

/// `size` when there is a pool of blocks of that size, else 0.
constexpr std::uint32_t pool_of(std::uint32_t size) noexcept {
    for (const PoolSpec& pool : kPools) {
        if (pool.block_size == size) {
            return size;
        }
    }
    return 0;
}

/// Size of the blocks of the pool that serves a request of `size` bytes; 0 when a general heap does.
constexpr std::uint32_t pool_for(std::uint32_t size) noexcept {
    constexpr std::uint32_t kTableEnd = 0x3FD;
    constexpr std::uint32_t kLastPooled = 576;
    const auto up = [](std::uint32_t value, std::uint32_t step) { return (value + step - 1) / step * step; };
    const std::uint32_t exact = size <= 8 ? 8 : up(size, 4);
    if (exact >= kTableEnd) {
        return 0;
    }
    if (pool_of(exact) != 0) {
        return exact;
    }
    const std::uint32_t by_16 = pool_of(up(exact, 16));
    if (exact < 300) {
        return by_16;
    }
    if (exact < 512) {
        return by_16 != 0 ? by_16 : pool_of(up(exact, 32));
    }
    return exact < kLastPooled ? kLastPooled : 0;
}

/// Whether a request of `size` bytes is served by a pool.
constexpr bool served_by_pool(std::uint32_t size) noexcept {
    return pool_for(size) != 0;
}

}  // namespace mp::game
