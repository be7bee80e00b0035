#include "sizes.h"

namespace mp::bench {

Sizes::Sizes(std::span<const SizeRange> ranges) {
    std::uint64_t sum = 0;
    for (const SizeRange& range : ranges) {
        sum += range.weight;
    }
    std::uint64_t before = 0;
    std::uint32_t next = 0;
    for (const SizeRange& range : ranges) {
        before += range.weight;
        const auto end = static_cast<std::uint32_t>(before * kEntries / sum);
        for (; next < end; ++next) {
            entries_[next] = {range.low, range.high - range.low + 1};
        }
    }
}

}  // namespace mp::bench
