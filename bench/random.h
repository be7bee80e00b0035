// Cheap seeded random numbers for the timed parts: one xorshift step, so that the harness costs little beside what it
// measures.
#pragma once

#include <cstdint>

namespace mp::bench {

class Random {
public:
    explicit Random(std::uint32_t seed) : state_(seed * 0x9E3779B1U ^ 0x5BD1E995U) {
        if (state_ == 0) {
            state_ = 1;
        }
        for (int i = 0; i < 8; ++i) {
            next();
        }
    }

    std::uint32_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 17;
        state_ ^= state_ << 5;
        return state_;
    }
    /// In [0, limit); limit > 0.
    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>((static_cast<std::uint64_t>(next()) * limit) >> 32);
    }
    /// In [low, high].
    std::uint32_t between(std::uint32_t low, std::uint32_t high) { return low + below(high - low + 1); }
    /// True `per_mille` times in a thousand.
    bool chance(std::uint32_t per_mille) { return below(1000) < per_mille; }

private:
    std::uint32_t state_;
};

}  // namespace mp::bench
