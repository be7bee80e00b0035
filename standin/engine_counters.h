// What the stand-in's memory system did, for tests and reports. Nothing here slows the engine's hot paths: a count is
// raised only under the lock that the function holds anyway, or beside a kernel call; a front door without a lock has
// a mark that is written once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace mp::standin {

/// Front doors that leave a mark when the engine's own body runs. A replaced function never leaves one.
enum class Entry : std::uint8_t {
    allocate,           ///< 0xAA3E40
    free,               ///< 0xAA4060
    reallocate,         ///< 0xAA4150, 0xAA4200
    size,               ///< 0xAA44C0
    scrap_allocate,     ///< 0xAA54A0
    scrap_free,         ///< 0xAA5610
    thread_scrap_heap,  ///< 0xAA42E0
    static_allocate,    ///< 0xAA7530
};
inline constexpr std::size_t kEntryCount = static_cast<std::size_t>(Entry::static_allocate) + 1;

/// Entries of one allocator; a cache line of its own, written under that allocator's lock.
struct alignas(64) AllocatorEntries {
    std::uint32_t allocations;
    std::uint32_t frees;
};

struct EngineCounters {
    static constexpr std::size_t kStages = 10;

    std::array<bool, kEntryCount> entered;    ///< whether the engine's own front door ever ran
    std::array<AllocatorEntries, 256> pools;  ///< index = block size / 4
    std::array<AllocatorEntries, 2> heaps;    ///< 0 = Default heap, 1 = every other MemoryHeap
    std::uint32_t pools_built;
    std::uint32_t heaps_built;  ///< Default, File, Static
    std::uint32_t thread_scrap_heaps_built;
    // The rest is raised atomically, each beside a kernel call.
    std::uint32_t heap_tail_allocations;
    std::array<std::uint32_t, kStages> oom_stages;  ///< calls of 0x866A90 by stage; the last also counts all above
};

extern EngineCounters engine_counters;

/// Leaves the mark of a front door. Reads only, once the mark is there.
inline void mark_entered(Entry entry) noexcept {
    bool& mark = engine_counters.entered[static_cast<std::size_t>(entry)];
    if (!mark) {
        mark = true;
    }
}

/// Raises a count that several threads may raise at once.
inline void count(std::uint32_t& counter) noexcept {
    __atomic_fetch_add(&counter, 1U, __ATOMIC_RELAXED);
}

/// Pool entries over all pools.
[[nodiscard]] inline AllocatorEntries total_pool_entries() noexcept {
    AllocatorEntries total{};
    for (const AllocatorEntries& pool : engine_counters.pools) {
        total.allocations += pool.allocations;
        total.frees += pool.frees;
    }
    return total;
}

}  // namespace mp::standin
