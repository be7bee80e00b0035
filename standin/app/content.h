// Seeded contents of blocks, so that any byte that someone else wrote shows.
#pragma once

#include <cstdint>
#include <cstring>

namespace mp::app {

inline std::uint32_t content_word(std::uint32_t seed, std::uint32_t index) {
    return (seed + index) * 0x9E3779B1U;
}

/// Fills the first `size` bytes; a rest of 1 to 3 bytes gets the first bytes of the next word.
inline void fill_content(void* block, std::uint32_t size, std::uint32_t seed) {
    auto* bytes = static_cast<std::uint8_t*>(block);
    const std::uint32_t words = size / 4;
    for (std::uint32_t i = 0; i < words; ++i) {
        const std::uint32_t word = content_word(seed, i);
        std::memcpy(bytes + i * 4, &word, 4);
    }
    const std::uint32_t word = content_word(seed, words);
    std::memcpy(bytes + words * 4, &word, size % 4);
}

/// Whether the first `size` bytes are those of a block of at least that size filled with `seed`.
inline bool has_content(const void* block, std::uint32_t size, std::uint32_t seed) {
    const auto* bytes = static_cast<const std::uint8_t*>(block);
    const std::uint32_t words = size / 4;
    std::uint32_t difference = 0;
    for (std::uint32_t i = 0; i < words; ++i) {
        std::uint32_t word = 0;
        std::memcpy(&word, bytes + i * 4, 4);
        difference |= word ^ content_word(seed, i);
    }
    const std::uint32_t word = content_word(seed, words);
    return difference == 0 && std::memcmp(bytes + words * 4, &word, size % 4) == 0;
}

inline constexpr std::uint32_t kTouchStep = 4096;

/// What an owner does at once with a new block: first word, one byte a page, last byte. `from` bytes stay untouched.
inline void touch(void* block, std::uint32_t size, std::uint32_t seed, std::uint32_t from = 0) {
    auto* bytes = static_cast<std::uint8_t*>(block);
    if (from == 0 && size >= 4) {
        std::memcpy(bytes, &seed, 4);
    }
    const std::uint32_t first = (from + kTouchStep - 1) / kTouchStep * kTouchStep;
    for (std::uint32_t at = first == 0 ? kTouchStep : first; at < size; at += kTouchStep) {
        bytes[at] = static_cast<std::uint8_t>(seed);
    }
    if (size > from && (size > 4 || from != 0)) {
        bytes[size - 1] = static_cast<std::uint8_t>(seed >> 8);
    }
}

/// Whether everything that `touch(block, size, seed)` wrote is still there.
inline bool is_touched(const void* block, std::uint32_t size, std::uint32_t seed) {
    const auto* bytes = static_cast<const std::uint8_t*>(block);
    bool good = size < 4 || std::memcmp(bytes, &seed, 4) == 0;
    for (std::uint32_t at = kTouchStep; at + 1 < size; at += kTouchStep) {
        good = good && bytes[at] == static_cast<std::uint8_t>(seed);
    }
    return good && (size <= 4 || bytes[size - 1] == static_cast<std::uint8_t>(seed >> 8));
}

/// Whether `size` bytes are zero.
inline bool is_zero(const void* block, std::uint32_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(block);
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
        found |= bytes[i];
    }
    return found == 0;
}

/// Whether a block that started as zeros holds nothing but what `touch` wrote. Overwrites that with zeros.
inline bool is_zero_but_touched(void* block, std::uint32_t size, std::uint32_t seed) {
    if (!is_touched(block, size, seed)) {
        return false;
    }
    auto* bytes = static_cast<std::uint8_t*>(block);
    std::memset(bytes, 0, size < 4 ? 0 : 4);
    for (std::uint32_t at = kTouchStep; at < size; at += kTouchStep) {
        bytes[at] = 0;
    }
    if (size > 4) {
        bytes[size - 1] = 0;
    }
    return is_zero(block, size);
}

}  // namespace mp::app
