// Delayed reuse. The game reads objects after it freed them (engine contract, part D, 1); a freed block that waits here
// keeps every byte but those of its second word until as many later frees of the same thread have pushed it out. The
// second word, which the original overwrites at once as well, tells that the block is waiting: one that is freed again,
// by any thread, is recognised and left alone. Not the first word: of a block that is free already that is the link to
// the next free one, and a free that comes too late must not break it.
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

/// What the size of a span's blocks decides.
struct BlockKind {
    std::uint32_t factor = 0;  ///< a product of an offset with it is below it for multiples of the size only
    std::uint32_t ring = 0;    ///< 1 when the game's heaps served some blocks of this size, 0 when its pools served all
};

/// Sizes of small blocks are multiples of this; above kFineSizes of twice as much.
inline constexpr std::uint32_t kSizeStep = 8;
inline constexpr std::uint32_t kFineSizes = 128;

/// By the size of a span's blocks, in steps.
inline constexpr auto kBlockKinds = [] {
    std::array<BlockKind, kLargestQuarantined / kSizeStep + 1> kinds{};
    for (std::uint32_t size = kSizeStep; size <= kLargestQuarantined; size += kSizeStep) {
        BlockKind& kind = kinds[size / kSizeStep];
        kind.factor = static_cast<std::uint32_t>(((std::uint64_t{1} << 32) + size - 1) / size);
        const std::uint32_t below = size - (size <= kFineSizes ? kSizeStep : 2 * kSizeStep);
        for (std::uint32_t request = below + 4; request <= size; request += 4) {  // the game rounds up to 4
            kind.ring |= game::served_by_pool(request) ? 0 : 1;
        }
    }
    return kinds;
}();

/// Whether a block starts at the address, in a span whose blocks are of this kind.
inline bool is_block_start(const void* address, const BlockKind& kind) noexcept {
    const std::uint32_t offset =
        (static_cast<std::uint32_t>(mp_address_value(address)) & (MP_GRANULE_SIZE - 1)) - MP_SPAN_HEADER_SIZE;
    return offset < MP_GRANULE_SIZE && offset * kind.factor < kind.factor;
}

/// What a waiting block holds in its second word. The key keeps the value from being any the game could write.
inline std::uint32_t mark_of(const void* block) noexcept {
    constexpr std::uint32_t kKey = 0xA5C3D967;
    return static_cast<std::uint32_t>(mp_address_value(block)) ^ kKey;
}
inline std::uint32_t& mark_in(void* block) noexcept {
    return static_cast<std::uint32_t*>(block)[1];
}

/// Takes a block's mark away. False when it is not there any more: the block has been handed out again meanwhile, since
/// it was freed too often, and must not be freed under its new owner; or a late write of the old one destroyed the
/// mark.
inline bool end_wait(void* block) noexcept {
    if (mp_granule_kind_at(block) != MP_GRANULE_SPAN || mark_in(block) != mark_of(block)) [[unlikely]] {
        return false;
    }
    mark_in(block) = 0;
    return true;
}

}  // namespace detail

/// Takes a block of a span with blocks of `size` bytes and puts the one to free now in its place: the block itself when
/// it is not delayed, an older one, or nullptr when there is none. False when the block waits already: it was freed
/// twice, and nothing is to be done.
inline bool quarantine(ThreadState& state, void*& block, std::uint32_t size) noexcept {
    if (size > kLargestQuarantined) {
        return true;
    }
    const detail::BlockKind& kind = detail::kBlockKinds[size / detail::kSizeStep];
    QuarantineRing& ring = state.rings[kind.ring];
    if (ring.version != detail::g_quarantine_version.load(std::memory_order_relaxed)) [[unlikely]] {
        detail::prepare_ring(state, kind.ring);
    }
    if (ring.length == 0 || !detail::is_block_start(block, kind)) {
        return true;
    }
    if (detail::mark_in(block) == detail::mark_of(block)) [[unlikely]] {
        return false;
    }
    detail::mark_in(block) = detail::mark_of(block);
    void*& slot = ring.slots[ring.next];
    void* const oldest = slot;
    slot = block;
    ring.next = ring.next + 1 == ring.length ? 0 : ring.next + 1;
    block = oldest != nullptr && detail::end_wait(oldest) ? oldest : nullptr;
    return true;
}

}  // namespace mp::replace
