// Sizes of our small blocks, and which requests of the game each of them serves.
#pragma once

#include <cstdint>

namespace mp::replace {

/// Sizes of small blocks are multiples of this.
inline constexpr std::uint32_t kSizeStep = 8;

/// Calls `visit` with each request that a block of `size` bytes serves, as the game rounds it.
template <typename Visit>
constexpr void each_request(std::uint32_t size, Visit visit) {
    constexpr std::uint32_t kFineSizes = 128;  // sizes are multiples of twice as much above
    constexpr std::uint32_t kRequestStep = 4;
    const std::uint32_t below = size - (size <= kFineSizes ? kSizeStep : 2 * kSizeStep);
    for (std::uint32_t request = below + kRequestStep; request <= size; request += kRequestStep) {
        visit(request);
    }
}

}  // namespace mp::replace
