// Blocks of the Default and File heaps (pattern 9). Engine contract A.16, B.5, B.6, part D group G5'.
//
// The original serves every block under one lock from 1024 bins and an unsorted list of large blocks, with a kernel
// call and a formatted message per block taken from the tail. Here blocks come from our allocator. Replacing the
// allocation alone would break everything that looks at a block, so free, contains, both sizes and the statistics of
// these heaps are replaced with it, all or none. Ownership decides first: a block from before us, or from the original
// when ours is out of memory, goes to the original through its trampoline.
//
// The File heap's blocks are ours as well; "contains" answers for all of them with the Default heap, because the first
// heap that says yes gets the free, and its free takes any block of ours.
#include <algorithm>
#include <cstdint>
#include <limits>

#include "alloc/mp_alloc.h"
#include "game/call.h"
#include "game/layouts.h"
#include "os/compiler.h"
#include "replace/counters.h"
#include "replace/diagnosis.h"
#include "replace/heap_memory.h"
#include "replace/hook.h"
#include "replace/pressure.h"
#include "replace/quarantine.h"

namespace mp::replace {

namespace {

using game::Addr;
using game::MemoryHeap;

constexpr std::uint32_t kLargestRequest = game::HeapBlock::kSizeMask;  // the original's size field ends here

constinit decltype(fn::kHeapAllocate)::Original g_allocate_original;
constinit decltype(fn::kHeapFree)::Original g_free_original;
constinit decltype(fn::kHeapContains)::Original g_contains_original;
constinit decltype(fn::kHeapBlockSize)::Original g_size_original;
constinit decltype(fn::kHeapBlockSizeWithHeader)::Original g_size_with_header_original;
constinit decltype(fn::kHeapStatistics)::Original g_statistics_original;

bool is_default_heap(const MemoryHeap* heap) noexcept {
    const auto* manager = game::at<game::MemoryManager>(game::data::kMemoryManager);
    return manager->heap_by_context[game::kDefaultContext] == game::addr_of(heap);
}

/// Counts a block of ours and hands it on.
MP_ALWAYS_INLINE void* counted(void* block, std::uint32_t bytes) noexcept {
    count_heap_block(Count::heap_blocks_allocated, bytes);
    return block;
}

// --- the slow half of an allocation --------------------------------------------------------------------------------

/// Our caches have been given back in vain: the original heap helps out with what it still has. nullptr sends the
/// caller into the game's out-of-memory stages, as it always did.
MP_NOINLINE void* allocate_under_pressure(MemoryHeap* heap, std::uint32_t bytes) noexcept {
    if (bytes > kLargestRequest) {
        return nullptr;
    }
    report_refusal(bytes);
    return g_allocate_original(heap, bytes);
}

// --- hot -----------------------------------------------------------------------------------------------------------

void* MP_FASTCALL allocate(MemoryHeap* heap, Unused /*edx*/, std::uint32_t bytes) noexcept {
    void* block = bytes <= kLargestRequest ? mp_malloc(bytes) : nullptr;
    if (block == nullptr) [[unlikely]] {
        return allocate_under_pressure(heap, bytes);
    }
    return counted(block, bytes);
}

void MP_FASTCALL release(MemoryHeap* heap, Unused /*edx*/, void* block, std::uint32_t unused) noexcept {
    if (block == nullptr) {
        return;
    }
    if (free_block(block)) [[likely]] {
        count(Count::heap_blocks_freed);
        return;
    }
    if (!free_other(Door::heap_blocks, block, MP_RETURN_ADDRESS())) {
        g_free_original(heap, block, unused);
    }
}

std::uint32_t MP_FASTCALL contains(MemoryHeap* heap, Unused /*edx*/, const void* address) noexcept {
    if (mp_knows(address) != 0 || guard::holds(address)) {
        return is_default_heap(heap) ? 1 : 0;
    }
    return g_contains_original(heap, address);
}

std::uint32_t MP_FASTCALL block_size(MemoryHeap* heap, Unused /*edx*/, const void* block,
                                     std::uint32_t unused) noexcept {
    if (must_not_reach_original(block)) {
        return size_of_ours(block);
    }
    return g_size_original(heap, block, unused);
}

std::uint32_t MP_FASTCALL block_size_with_header(MemoryHeap* heap, Unused /*edx*/, const void* block) noexcept {
    if (must_not_reach_original(block)) {
        return size_of_ours(block) + game::kHeapHeaderSize;
    }
    return g_size_with_header_original(heap, block);
}

// --- statistics ----------------------------------------------------------------------------------------------------

/// What our allocator has handed out, as far as 31 bits reach beside what the heap uses itself: readers take the words
/// for signed numbers.
std::uint32_t bytes_beside(std::uint32_t used_by_heap) noexcept {
    constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max();
    mp_alloc_stats stats{};
    mp_stats(&stats);
    const std::uint64_t room = kMost - std::min<std::uint64_t>(used_by_heap, kMost);
    return static_cast<std::uint32_t>(std::min(stats.committed_bytes - stats.free_bytes, room));
}

/// Readers of the Default heap's statistics (crash loggers ask how full it is) see our blocks as used bytes. Everything
/// else stays what the original says of its own blocks (G.6), the fields of the heap above all: free bytes follow from
/// them.
std::uint32_t MP_FASTCALL heap_statistics(MemoryHeap* heap, Unused /*edx*/, game::HeapStatistics* out,
                                          std::uint32_t walk) noexcept {
    const std::uint32_t result = g_statistics_original(heap, out, walk);
    out->used_bytes -= std::min(out->used_bytes, taken_of(*heap));
    if (is_default_heap(heap)) {
        out->used_bytes += bytes_beside(out->used_bytes);
    }
    return result;
}

}  // namespace

void* allocate_from_original(MemoryHeap& heap, std::uint32_t bytes) noexcept {
    return g_allocate_original.address == nullptr ? nullptr : g_allocate_original(&heap, bytes);
}

void hooks_of::heap_blocks(patch::Hooks& hooks) noexcept {
    hook(hooks, fn::kHeapFree, &release, &g_free_original);
    hook(hooks, fn::kHeapContains, &contains, &g_contains_original);
    hook(hooks, fn::kHeapBlockSize, &block_size, &g_size_original);
    // Slots +1C and +20 write the statistics of the original's own blocks into a stream object (G.6): they stay.
    hook(hooks, fn::kHeapStatistics, &heap_statistics, &g_statistics_original);
    hook(hooks, fn::kHeapBlockSizeWithHeader, &block_size_with_header, &g_size_with_header_original);
    hook(hooks, fn::kHeapAllocate, &allocate, &g_allocate_original);
}

}  // namespace mp::replace
