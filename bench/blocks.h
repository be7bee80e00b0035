// One thread's dealings with the side under measurement: every block is written where an owner would write first, and
// checked before it is freed, so that a side that hands out the same memory twice is found out. The first word is
// always looked at, the rest of one block in sixteen: a check of everything would measure cache misses of the harness.
#pragma once

#include "app/content.h"
#include "side.h"

#include <cstdint>

namespace mp::bench {

struct Item {
    void* data;
    std::uint32_t size;
};

struct Tally {
    std::uint64_t operations = 0;  ///< calls that allocate, free or resize
    std::uint64_t failed = 0;      ///< allocations that gave nothing
    std::uint64_t corrupt = 0;     ///< blocks that had lost their contents
    std::int64_t live_bytes = 0;   ///< asked for; one thread alone may be below zero, the sum is not

    void add(const Tally& other) {
        operations += other.operations;
        failed += other.failed;
        corrupt += other.corrupt;
        live_bytes += other.live_bytes;
    }
};

class Blocks {
public:
    Item make(std::uint32_t size) {
        void* const data = side_malloc(size);
        ++tally_.operations;
        if (data == nullptr) {
            ++tally_.failed;
            return {nullptr, 0};
        }
        app::touch(data, size, seed_of(data, size));
        tally_.live_bytes += size;
        return {data, size};
    }
    /// Nothing when the item is empty.
    void drop(const Item& item) {
        if (item.data == nullptr) {
            return;
        }
        check(item);
        side_free(item.data);
        ++tally_.operations;
        tally_.live_bytes -= item.size;
    }
    [[nodiscard]] const Tally& tally() const { return tally_; }

private:
    static std::uint32_t seed_of(const void* data, std::uint32_t size) {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(data)) + size * 0x9E3779B1U;
    }
    void check(const Item& item) {
        const std::uint32_t seed = seed_of(item.data, item.size);
        const std::uint32_t looked_at = checks_++ % 16 == 0 ? item.size : item.size < 4 ? 0 : 4;
        const bool is_good = looked_at == item.size ? app::is_touched(item.data, item.size, seed)
                                                    : looked_at == 0 || std::memcmp(item.data, &seed, looked_at) == 0;
        if (!is_good) {
            ++tally_.corrupt;
        }
    }

    Tally tally_;
    std::uint32_t checks_ = 0;
};

}  // namespace mp::bench
