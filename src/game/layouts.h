// Object layouts of FalloutNV.exe 1.4.0.525, byte exact. Pointers are 32-bit values (`Ptr32`), so that the layouts hold
// and are checked on every host that compiles them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "game/addresses.h"

namespace mp::game {

/// A pointer inside the game's process, as stored.
using Ptr32 = Addr;

/// Storage of a Windows CRITICAL_SECTION in a 32-bit process.
struct CriticalSection32 {
    std::uint32_t words[6];
};
static_assert(sizeof(CriticalSection32) == 24);

/// Reentrant spin lock (B.4).
struct SpinLock {
    std::uint32_t owner_thread;
    std::uint32_t depth;
};

/// Singleton at data::kMemoryManager (B.1).
struct MemoryManager {
    std::uint8_t initialised;
    std::uint8_t pad01;
    std::uint16_t heap_count;
    std::uint16_t physical_heap_count;
    std::uint16_t pad06;
    Ptr32 heaps;                           ///< IMemoryHeap**: Default, Static, File
    Ptr32 heap_by_context[kContextCount];  ///< slot 65 is the Default heap
    std::uint32_t thread_heap_map[4];      ///< thread id -> ScrapHeap*, not locked
    Ptr32 physical_heaps;
    std::uint8_t special_heaps;
    std::uint8_t pools_allowed;
    std::uint16_t pad12a;
    std::uint32_t system_bytes;
    std::uint32_t malloc_bytes;
    std::uint32_t pending_compaction_stage;
};
static_assert(sizeof(MemoryManager) == 0x138);
static_assert(offsetof(MemoryManager, heaps) == 0x08);
static_assert(offsetof(MemoryManager, heap_by_context) == 0x0C);
static_assert(offsetof(MemoryManager, thread_heap_map) == 0x114);
static_assert(offsetof(MemoryManager, physical_heaps) == 0x124);
static_assert(offsetof(MemoryManager, pools_allowed) == 0x129);
static_assert(offsetof(MemoryManager, malloc_bytes) == 0x130);

/// Pool of equal blocks (B.3).
struct MemoryPool {
    Ptr32 name;
    Ptr32 arena;
    Ptr32 free_head;
    std::uint32_t pad0c[5];
    SpinLock lock;
    std::uint32_t pad28[6];
    std::uint32_t block_size;
    std::uint32_t peak_pages;
    Ptr32 page_live;  ///< int16*, live blocks a page, -1 = uncommitted
    std::uint32_t page_count;
    std::uint32_t arena_bytes;
    std::uint32_t free_blocks;
    std::uint32_t committed_pages;
    std::uint32_t pad5c[9];
};
static_assert(sizeof(MemoryPool) == 0x80);
static_assert(offsetof(MemoryPool, lock) == 0x20);
static_assert(offsetof(MemoryPool, block_size) == 0x40);
static_assert(offsetof(MemoryPool, page_live) == 0x48);
static_assert(offsetof(MemoryPool, arena_bytes) == 0x50);
static_assert(offsetof(MemoryPool, committed_pages) == 0x58);

/// A free-list bin of a MemoryHeap: first in, first out.
struct HeapBin {
    Ptr32 head;
    Ptr32 tail;
};

/// A group of 64 bins: how many free blocks they hold, and the first bin.
struct HeapBinGroup {
    std::uint32_t free_count;
    Ptr32 first_bin;
};

inline constexpr std::size_t kHeapBins = 1024;  ///< bin i holds payloads of (i + 1) * 4 bytes
inline constexpr std::size_t kHeapBinGroups = 16;

/// General heap: Default and File (B.5).
struct MemoryHeap {
    Ptr32 vtable;
    Ptr32 name;
    std::uint32_t alignment;
    std::uint32_t minimum_split;
    std::uint32_t granularity;
    std::uint32_t reserve;
    std::uint32_t initial_commit;
    std::uint32_t committed;
    std::uint32_t pad20;
    std::uint32_t end;  ///< bump offset
    std::uint32_t high_water;
    std::uint32_t live_bytes;  ///< headers included
    Ptr32 base;
    std::uint32_t block_count;
    Ptr32 first_block;
    Ptr32 last_block;
    std::uint32_t free_block_count;
    HeapBin bins[kHeapBins];
    Ptr32 last_bin;
    HeapBin large;
    std::uint32_t pad2050[2];
    HeapBinGroup groups[kHeapBinGroups];
    CriticalSection32 lock;
    std::uint8_t mode;  ///< not 0: the statistics never walk the blocks
    std::uint8_t destroyed;
    std::uint16_t pad20f2;
};
static_assert(sizeof(MemoryHeap) == 0x20F4);
static_assert(offsetof(MemoryHeap, granularity) == 0x10);
static_assert(offsetof(MemoryHeap, committed) == 0x1C);
static_assert(offsetof(MemoryHeap, live_bytes) == 0x2C);
static_assert(offsetof(MemoryHeap, bins) == 0x44);
static_assert(offsetof(MemoryHeap, last_bin) == 0x2044);
static_assert(offsetof(MemoryHeap, large) == 0x2048);
static_assert(offsetof(MemoryHeap, groups) == 0x2058);
static_assert(offsetof(MemoryHeap, lock) == 0x20D8);
static_assert(offsetof(MemoryHeap, mode) == 0x20F0);

/// Header of a MemoryHeap block; a free block continues with two links (B.5).
struct HeapBlock {
    static constexpr std::uint32_t kSizeMask = 0x0FFFFFFF;
    static constexpr std::uint32_t kFree = 0x40000000;
    static constexpr std::uint32_t kDecommitted = 0x20000000;
    Ptr32 previous;
    std::uint32_t size_and_flags;
    Ptr32 previous_free;
    Ptr32 next_free;
};
static_assert(offsetof(HeapBlock, previous_free) == kHeapHeaderSize);

/// What slot +18 of a MemoryHeap fills in (B.5). The words from free_bytes to largest_free come from a walk over all
/// blocks, heads included, or, without it, from the heap's fields; then smallest_free and largest_free are the limits
/// of an empty search.
struct HeapStatistics {
    static constexpr std::uint32_t kNoSmallest = HeapBlock::kSizeMask;
    static constexpr std::uint32_t kObjectBytes = 0x20F0;
    static constexpr std::uint32_t kListBytes = 0x2080;
    Ptr32 name;
    std::uint32_t reserve;
    std::uint32_t committed;
    std::uint32_t end;
    std::uint32_t block_count;
    std::uint32_t free_block_count;
    std::uint32_t free_bytes;
    std::uint32_t used_bytes;
    std::uint32_t smallest_free;
    std::uint32_t largest_free;
    std::uint32_t object_bytes;  ///< always kObjectBytes
    std::uint32_t list_bytes;    ///< always kListBytes
    std::uint32_t header_bytes;  ///< 8 a block
    std::uint32_t zero;
    std::uint32_t available;  ///< reserve - end + free_bytes
};
static_assert(sizeof(HeapStatistics) == 0x3C);
static_assert(offsetof(HeapStatistics, block_count) == 0x10);
static_assert(offsetof(HeapStatistics, free_bytes) == 0x18);
static_assert(offsetof(HeapStatistics, largest_free) == 0x24);
static_assert(offsetof(HeapStatistics, header_bytes) == 0x30);
static_assert(offsetof(HeapStatistics, available) == 0x38);

/// "Static Heap", a bump allocator that never reuses (B.7).
struct StaticHeap {
    Ptr32 vtable;
    std::uint32_t capacity;
    Ptr32 name;
    Ptr32 base;
    std::uint32_t cursor;
    std::uint32_t counter;
    std::uint32_t pad18[2];
    SpinLock lock;
    std::uint32_t pad28[6];
};
static_assert(sizeof(StaticHeap) == 0x40);
static_assert(offsetof(StaticHeap, lock) == 0x20);

/// Stack allocator of a thread or a subsystem (B.8).
struct ScrapHeap {
    Ptr32 base;
    Ptr32 cursor;
    Ptr32 end;
    Ptr32 last;
};
static_assert(sizeof(ScrapHeap) == 0x10);

/// Header of a scrap block.
struct ScrapBlock {
    static constexpr std::uint32_t kFreed = 0x80000000;
    std::uint32_t size_and_freed;
    Ptr32 previous;
};

/// Cache of scrap buffers (B.8).
struct ScrapHeapManager {
    static constexpr std::uint32_t kCapacity = 64;
    struct Entry {
        Ptr32 buffer;
        std::uint32_t committed;
    };
    Entry entries[kCapacity];
    std::uint32_t count;
    std::uint32_t total_bytes;
    std::uint32_t pad208[6];
    SpinLock lock;
    std::uint32_t pad228[6];
};
static_assert(sizeof(ScrapHeapManager) == 0x240);
static_assert(offsetof(ScrapHeapManager, count) == 0x200);
static_assert(offsetof(ScrapHeapManager, lock) == 0x220);

/// What [data::kMainThreadHolder] points to; only the id is of interest (B.10).
struct MainThreadHolder {
    std::uint32_t pad00[4];
    std::uint32_t thread_id;
};
static_assert(offsetof(MainThreadHolder, thread_id) == 0x10);

/// What [data::kIoManager] points to; only the IO threads are of interest (B.10).
struct IoManager {
    static constexpr std::uint32_t kMostThreads = 8;  ///< more are not plausible
    std::uint32_t pad00[19];
    std::uint32_t thread_count;
    Ptr32 threads;  ///< IO thread*[thread_count]; a slot can be NULL while they are torn down
};
static_assert(offsetof(IoManager, thread_count) == 0x4C);
static_assert(offsetof(IoManager, threads) == 0x50);

/// DirectShow sample allocator (A.1).
struct MediaAllocator {
    std::uint32_t head[4];
    CriticalSection32 lock;
    Ptr32 free_samples;
    std::uint32_t free_count;
    std::uint32_t semaphore;
    std::uint32_t waiting;
    std::uint32_t count;
    std::uint32_t allocated;
    std::uint32_t size;
    std::uint32_t alignment;
    std::uint32_t prefix;
    std::uint32_t changed;
    std::uint32_t committed;
    std::uint32_t decommit_in_progress;
    Ptr32 notify;
    std::uint32_t release_callback;
    Ptr32 buffer;
};
static_assert(offsetof(MediaAllocator, lock) == 0x10);
static_assert(offsetof(MediaAllocator, free_samples) == 0x28);
static_assert(offsetof(MediaAllocator, count) == 0x38);
static_assert(offsetof(MediaAllocator, prefix) == 0x48);
static_assert(offsetof(MediaAllocator, changed) == 0x4C);
static_assert(offsetof(MediaAllocator, buffer) == 0x60);

/// Sample object; only the link is of interest (A.1, A.2).
struct MediaSample {
    Ptr32 vtable;
    std::uint32_t pad04[6];
    Ptr32 next;
    std::uint32_t pad20[10];
};
static_assert(sizeof(MediaSample) == kMediaSampleSize);
static_assert(offsetof(MediaSample, next) == 0x1C);

/// Region descriptor of the CRT's small-block heap (A.18).
struct SmallBlockHeader {
    std::uint32_t entry_high;
    std::uint32_t entry_low;
    std::uint32_t uncommitted_groups;
    Ptr32 region_data;
    Ptr32 region;
};
static_assert(sizeof(SmallBlockHeader) == 20);

}  // namespace mp::game
