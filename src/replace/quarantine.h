// Delayed reuse. The game reads objects after it freed them (engine contract, part D, 1); a freed block that waits here
// keeps every byte but those of its first word until as many later frees of the same thread have pushed it out. The
// first word, which the original overwrites with a link at once, tells that the block is waiting: one that is freed
// again, by any thread, is recognised and left alone.
//
// Two queues a thread. Of the sizes that the game's pools served the original reuses a freed block at once: a
// short queue. Objects of the sizes between the pools came from a heap that reuses its blocks in the
// order of their frees, so they stayed readable for long: theirs is the longer queue.
#pragma once

#include <array>
#include <cstdint>

#include "alloc/span_layout.h"
#include "game/pools.h"
#include "replace/thread_state.h"

namespace mp::replace {

/// Longest queue a thread can have, in blocks.
inline constexpr std::uint32_t kLongestQuarantine = 4096;
/// The queue of heap-sized objects is this many times as long, within the same limit.
inline constexpr std::uint32_t kHeapQuarantineFactor = 16;
/// Blocks above this many bytes are not delayed: they would hold too much memory, and stale readers read objects.
inline constexpr std::uint32_t kLargestQuarantined = 1024;

/// Sets the length for all threads, 0 = off; before the first use or at any later time. A thread's queues change with
/// its next free.
void set_quarantine_length(std::uint32_t blocks) noexcept;
std::uint32_t quarantine_length() noexcept;

/// Frees everything the calling thread holds back; call when a thread ends.
void release_thread_quarantine() noexcept;

namespace detail {

/// Raised whenever the length is set.
extern std::atomic<std::uint32_t> g_quarantine_version;

/// Brings one of a thread's queues to the length that is set; what waits in it is freed.
void prepare_ring(ThreadState& state, std::uint32_t kind) noexcept;

/// The steps between size classes that the table below tells apart.
inline constexpr std::uint32_t kClassStep = 16;

/// For each step of sizes: 1 when the game's heaps served some of them, 0 when its pools served all.
inline constexpr auto kRingOfClass = [] {
    std::array<std::uint8_t, kLargestQuarantined / kClassStep> rings{};
    for (std::uint32_t size = 4; size <= kLargestQuarantined; size += 4) {  // the game rounds up to 4
        if (!game::served_by_pool(size)) {
            rings[(size - 1) / kClassStep] = 1;
        }
    }
    return rings;
}();

/// What a waiting block holds in its first word. The key keeps the value from being any the game could write.
inline std::uint32_t mark_of(const void* block) noexcept {
    constexpr std::uint32_t kKey = 0xA5C3D967;
    return static_cast<std::uint32_t>(mp_address_value(block)) ^ kKey;
}

}  // namespace detail

/// Takes a live block of a span with blocks of `size` bytes and puts the one to free now in its place: the block itself
/// when it is not delayed, an older one, or nullptr while the queue fills. False when the block waits already: it was
/// freed twice, and nothing is to be done.
inline bool quarantine(ThreadState& state, void*& block, std::uint32_t size) noexcept {
    if (size > kLargestQuarantined) {
        return true;
    }
    const std::uint32_t kind = detail::kRingOfClass[(size - 1) / detail::kClassStep];
    QuarantineRing& ring = state.rings[kind];
    if (ring.version != detail::g_quarantine_version.load(std::memory_order_relaxed)) [[unlikely]] {
        detail::prepare_ring(state, kind);
    }
    if (ring.length == 0) {
        return true;
    }
    auto* const first_word = static_cast<std::uint32_t*>(block);
    if (*first_word == detail::mark_of(block)) [[unlikely]] {
        return false;
    }
    *first_word = detail::mark_of(block);
    void*& slot = ring.slots[ring.next];
    void* const oldest = slot;
    slot = block;
    ring.next = ring.next + 1 == ring.length ? 0 : ring.next + 1;
    block = oldest;
    return true;
}

}  // namespace mp::replace
