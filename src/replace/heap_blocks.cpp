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
#include <array>
#include <cstdint>
#include <limits>

#include "alloc/mp_alloc.h"
#include "game/call.h"
#include "game/layouts.h"
#include "os/compiler.h"
#include "replace/counters.h"
#include "replace/heap_memory.h"
#include "replace/pressure.h"
#include "replace/quarantine.h"
#include "replace/subsystem.h"

namespace mp::replace {

namespace {

using game::Addr;
using game::MemoryHeap;

constexpr std::uint32_t kLargestRequest = game::HeapBlock::kSizeMask;  // the original's size field ends here

using AllocateFn = void*(MP_FASTCALL*)(MemoryHeap*, Unused, std::uint32_t);
using FreeFn = void(MP_FASTCALL*)(MemoryHeap*, Unused, void*, std::uint32_t);
using ContainsFn = std::uint32_t(MP_FASTCALL*)(MemoryHeap*, Unused, const void*);
using SizeFn = std::uint32_t(MP_FASTCALL*)(MemoryHeap*, Unused, const void*, std::uint32_t);
using SizeWithHeaderFn = std::uint32_t(MP_FASTCALL*)(MemoryHeap*, Unused, const void*);
using StatisticsFn = std::uint32_t(MP_FASTCALL*)(MemoryHeap*, Unused, game::HeapStatistics*, std::uint32_t);

/// The originals: trampolines of functions, former values of vtable slots.
struct Originals {
    void* allocate = nullptr;
    void* free = nullptr;
    void* contains = nullptr;
    void* size = nullptr;
    void* statistics = nullptr;
    void* size_with_header = nullptr;
};
constinit Originals g_originals;

template <typename Function>
Function original(void* address) noexcept {
    return reinterpret_cast<Function>(address);
}

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
    return original<AllocateFn>(g_originals.allocate)(heap, 0, bytes);
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
    if (must_not_reach_original(block)) {
        count(Count::invalid_pointers);  // memory of ours, but no block: never the original's business
        return;
    }
    original<FreeFn>(g_originals.free)(heap, 0, block, unused);
}

std::uint32_t MP_FASTCALL contains(MemoryHeap* heap, Unused /*edx*/, const void* address) noexcept {
    if (mp_knows(address) != 0) {
        return is_default_heap(heap) ? 1 : 0;
    }
    return original<ContainsFn>(g_originals.contains)(heap, 0, address);
}

std::uint32_t MP_FASTCALL block_size(MemoryHeap* heap, Unused /*edx*/, const void* block,
                                     std::uint32_t unused) noexcept {
    if (must_not_reach_original(block)) {
        return static_cast<std::uint32_t>(mp_usable_size(block));
    }
    return original<SizeFn>(g_originals.size)(heap, 0, block, unused);
}

std::uint32_t MP_FASTCALL block_size_with_header(MemoryHeap* heap, Unused /*edx*/, const void* block) noexcept {
    if (must_not_reach_original(block)) {
        return static_cast<std::uint32_t>(mp_usable_size(block)) + game::kHeapHeaderSize;
    }
    return original<SizeWithHeaderFn>(g_originals.size_with_header)(heap, 0, block);
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
    const std::uint32_t result = original<StatisticsFn>(g_originals.statistics)(heap, 0, out, walk);
    out->used_bytes -= std::min(out->used_bytes, taken_of(*heap));
    if (is_default_heap(heap)) {
        out->used_bytes += bytes_beside(out->used_bytes);
    }
    return result;
}

// -------------------------------------------------------------------------------------------------------------------

constinit std::array<patch::Hook, 4> g_hooks{{
    {&game::site(0x00AA7B40), nullptr, &g_originals.free, patch::Role::consumer},
    {&game::site(0x00AA7E70), nullptr, &g_originals.contains, patch::Role::consumer},
    {&game::site(0x00AA7BE0), nullptr, &g_originals.size, patch::Role::consumer},
    {&game::site(0x00AA8F50), nullptr, &g_originals.allocate, patch::Role::producer},
}};

// Slots +1C and +20 write the statistics of the original's own blocks into a stream object (G.6): they stay.
constinit std::array<patch::PointerHook, 2> g_pointers{{
    {&game::kPointerSites[0], nullptr, &g_originals.statistics},
    {&game::kPointerSites[1], nullptr, &g_originals.size_with_header},
}};

}  // namespace

void* allocate_from_original(MemoryHeap& heap, std::uint32_t bytes) noexcept {
    return g_originals.allocate == nullptr ? nullptr : original<AllocateFn>(g_originals.allocate)(&heap, 0, bytes);
}

Subsystem heap_blocks() noexcept {
    g_hooks[0].replacement = code(&release);
    g_hooks[1].replacement = code(&contains);
    g_hooks[2].replacement = code(&block_size);
    g_hooks[3].replacement = code(&allocate);
    g_pointers[0].replacement = code(&heap_statistics);
    g_pointers[1].replacement = code(&block_size_with_header);
    return {game::Group::heap_blocks, g_hooks, g_pointers, nullptr};
}

}  // namespace mp::replace
