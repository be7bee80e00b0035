// Random numbers that are the same on every machine for the same seed (splitmix64).
#pragma once

#include <cstdint>

namespace mp::app {

class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }
    std::uint32_t next32() { return static_cast<std::uint32_t>(next() >> 32); }
    /// In [0, limit); limit > 0.
    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>((static_cast<std::uint64_t>(next32()) * limit) >> 32);
    }
    /// In [low, high].
    std::uint32_t between(std::uint32_t low, std::uint32_t high) { return low + below(high - low + 1); }
    /// True `per_mille` times in a thousand.
    bool chance(std::uint32_t per_mille) { return below(1000) < per_mille; }

private:
    std::uint64_t state_;
};

}  // namespace mp::app
