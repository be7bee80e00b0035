// Block sizes drawn from weighted ranges by one random number and one table look-up.
#pragma once

#include "random.h"

#include <array>
#include <cstdint>
#include <span>

namespace mp::bench {

struct SizeRange {
    std::uint32_t low;
    std::uint32_t high;
    std::uint32_t weight;
};

class Sizes {
public:
    explicit Sizes(std::span<const SizeRange> ranges);
    std::uint32_t pick(Random& random) const {
        const std::uint32_t number = random.next();
        const Entry& entry = entries_[number % kEntries];
        return entry.low + static_cast<std::uint32_t>((std::uint64_t{number / kEntries} * entry.count) >> 20);
    }

private:
    static constexpr std::uint32_t kEntries = 4096;
    struct Entry {
        std::uint32_t low;
        std::uint32_t count;
    };
    std::array<Entry, kEntries> entries_{};
};

}  // namespace mp::bench
