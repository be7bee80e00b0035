// The ten allocation patterns by number, named by what they are.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace mp::game {

inline constexpr std::size_t kPatternCount = 10;

/// Name of pattern `number`, 1 to 10; "" for any other number.
constexpr std::string_view pattern_name(std::size_t number) noexcept {
    constexpr std::array<std::string_view, kPatternCount> kNames{
        "media sample buffers", "scrap buffer growth", "scrap buffers",         "pool arenas", "pool pages",
        "heap backing",         "heap tail",           "heap interior release", "heap blocks", "CRT small blocks"};
    return number >= 1 && number <= kPatternCount ? kNames[number - 1] : std::string_view{};
}

}  // namespace mp::game
