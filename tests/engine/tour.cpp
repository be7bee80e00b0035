// Every function once or more, in the order of bodies.inc. Objects are our own wherever a call would change the game's.
#include "game/functions.h"
#include "map/addresses.h"
#include "media/media.h"
#include "memory/engine.h"
#include "memory/io_threads.h"
#include "probe.h"

#include <array>
#include <cstdarg>
#include <cstring>
#include <memory>

namespace mp::standin::test {
namespace {

void* block(std::uint32_t value) {
    return at<void>(value);
}

void front_doors(Probe& probe) {
    probe(game::code::kOperatorDelete, nullptr, probe(game::code::kOperatorNew, nullptr, 16));
    char text[16];
    probe(0x00406D00, nullptr, text, 16U, "%d", 5);
    game::SpinLock lock{};
    probe(game::fn::kSpinLockAcquire.va, &lock, "tour");
    probe(game::code::kSpinLockRelease, &lock);
    probe(kSetMemoryContext, nullptr, probe(kGetMemoryContext, nullptr));
    std::uint8_t allow = 0;
    probe(game::fn::kHandleOutOfMemory.va, &manager(), 0, 0, &allow);
    IoThreads io(1);
    for (const game::Helper& helper : game::kHelpers) {
        probe(helper.va, &io.manager(), 0);
    }
    for (const game::Addr va : {0x00867100U, 0x00867120U, 0x00867140U}) {
        probe(va, &io.thread(0));
    }
    probe(0x00866690, nullptr);
    probe(0x00AA2020, nullptr);
    probe(0x00AA2740, nullptr);
}

void manager_calls(Probe& probe) {
    auto* m = &manager();
    std::uint32_t p = probe(game::fn::kAllocate.va, m, 100);
    probe(game::fn::kSize.va, m, p);
    p = probe(game::fn::kReallocate1.va, m, p, 200);
    p = probe(game::fn::kReallocate2.va, m, p, 100000);
    probe(0x00AA45A0, m, p);
    probe(0x00AA4610, m, p);
    probe(game::fn::kFree.va, m, p);
    probe(game::fn::kFree.va, m, 0);  // the way that the known bytes take by themselves
    probe(game::fn::kDefaultFree.va, m, probe(game::fn::kDefaultAllocate.va, m, 32, 0), 0);
    probe(game::fn::kThreadScrapHeap.va, m);
    probe(0x00AA4960, nullptr, 300);
    static ThreadHeapMap map{};
    probe(0x00AA47E0, &map, 5);
}

void scrap_heaps(Probe& probe) {
    game::ScrapHeap heap{};
    probe(game::fn::kScrapInit.va, &heap);
    const std::uint32_t p = probe(game::fn::kScrapAllocate.va, &heap, 100, 4);
    probe(0x00AA5710, &heap, p);
    probe(game::fn::kScrapFree.va, &heap, p);
    probe(game::fn::kScrapFree.va, &heap, 0);
    probe(game::fn::kScrapPurge.va, &heap);
    probe(game::fn::kScrapInitSized.va, &heap, 0x20000);
    probe(game::fn::kScrapPurge.va, &heap);
    probe(game::fn::kScrapConstruct.va, &heap, 0x10000);
    probe(game::fn::kScrapPurge.va, &heap);
}

void scrap_buffers(Probe& probe) {
    probe(game::fn::kScrapManager.va, nullptr);
    auto own = std::make_unique<game::ScrapHeapManager>();
    auto* m = own.get();
    probe(0x00AA5860, m);
    std::uint32_t size = 0x10000;
    const std::uint32_t first = probe(game::fn::kRequestBuffer.va, m, &size);
    probe(game::fn::kGrowBuffer.va, m, first, 0x10000, 0x10000);
    probe(game::fn::kShrinkBuffer.va, m, first, 0x20000, 0x10000);
    probe(game::fn::kReleaseBuffer.va, m, first, 0x10000);
    probe(0x00AA5F50, m, 0);
    probe(game::fn::kFreeBuffer.va, m, first, 0x10000);
    const std::uint32_t second = probe(game::fn::kCreateBuffer.va, m, 0x10000);
    probe(game::fn::kReleaseBuffer.va, m, second, 0x10000);
    probe(0x00AA5D40, m, 0x10000);
    probe(game::fn::kFreeAllBuffers.va, m);
}

void pool_blocks(Probe& probe, game::MemoryPool* pool) {
    const std::uint32_t p = probe(game::fn::kPoolAllocate.va, pool, 112);
    probe(0x00AA6DB0, pool);
    probe(game::fn::kPoolFree.va, pool, p);
    probe(game::fn::kPoolFree.va, pool, 0);
    const std::uint32_t q = probe(game::fn::kPoolAllocate.va, pool, 112);
    probe(0x00AA6E00, pool, q);
    probe(0x00AA6E60, pool, q);
    probe(game::fn::kPoolFree.va, pool, q);
    probe(game::fn::kSortFreeList.va, pool);
    pool->free_head = probe(0x00AA70C0, nullptr, pool->free_head);
    probe(game::fn::kWalkFreeList.va, pool);
    probe(game::fn::kSortPool.va, nullptr, 112 / 4);
    probe(game::fn::kSortPool.va, nullptr, 1);  // no pool: the known bytes find that out
    probe(kFramePoolSort, nullptr);
    probe(0x00AA6EB0, pool, 0, 1);
    probe(game::fn::kPoolFree.va, pool, probe(game::fn::kPoolAllocate.va, pool, 112));
    probe(game::fn::kPurgeEmptyPages.va, pool);
    std::uint32_t page = 0;
    probe(game::fn::kCommitPage.va, pool, 3, &page);
    probe(game::fn::kDecommitPage.va, pool, page);
    probe(game::fn::kPurgePools.va, nullptr);
}

void pools(Probe& probe) {
    game::MemoryPool pool{};
    probe(0x00AA66A0, &pool, 112, 0x100000, "tour");
    pool_blocks(probe, &pool);
    probe(0x00AA6800, &pool);
    game::MemoryPool bare{};
    bare.arena_bytes = 0x10000;
    probe(game::fn::kReserveArena.va, &bare);
    probe(game::fn::kReleaseArena.va, &bare);
}

void static_heap(Probe& probe) {
    alignas(16) static std::uint8_t memory[256];
    game::StaticHeap heap{};
    heap.vtable = game::data::kStaticHeapVtable;
    heap.capacity = sizeof memory;
    heap.base = addr_of(memory);
    const std::uint32_t p = probe(0x00AA7530, &heap, 16, 4);
    probe(0x00AA75F0, &heap, p);
    probe(0x00AA7780, &heap, p, 0);
    probe(0x00AA75E0, &heap, p, 0);
}

void heap_entries(Probe& probe, game::MemoryHeap* heap) {
    const std::uint32_t p = probe(game::fn::kHeapAllocateAligned.va, heap, 100, 0);
    probe(game::fn::kHeapBlockSize.va, heap, p, 0);
    probe(game::fn::kHeapBlockSizeWithHeader.va, heap, p);
    probe(game::fn::kHeapContains.va, heap, p);
    game::HeapStatistics statistics{};
    probe(game::fn::kHeapStatistics.va, heap, &statistics, 0);
    probe(0x00AAA0E0, heap, &statistics, 1);
    probe(game::fn::kHeapFree.va, heap, p, 0);
    probe(game::fn::kHeapFree.va, heap, 0, 0);
}

void heap_internals(Probe& probe, game::MemoryHeap* heap) {
    const std::uint32_t a = probe(game::fn::kHeapAllocate.va, heap, 64);
    const std::uint32_t b = probe(game::fn::kHeapAllocate.va, heap, 64);
    const std::uint32_t c = probe(game::fn::kHeapAllocate.va, heap, 64);
    auto* header = block(b - game::kHeapHeaderSize);
    probe(0x00AA9D30, heap, header);
    probe(game::fn::kHeapCoalesce.va, heap, header);
    probe(game::fn::kDecommitInterior.va, heap, header);
    probe(0x00AA9E50, heap, header);
    at<game::HeapBlock>(addr_of(header))->size_and_flags &= game::HeapBlock::kSizeMask;
    probe(game::fn::kHeapFreeLocked.va, heap, a);
    probe(game::fn::kHeapFreeLocked.va, heap, c);
    probe(game::fn::kHeapFreeLocked.va, heap, 0);
    probe(game::fn::kHeapTrimTail.va, heap);
    probe(game::fn::kHeapFreeLocked.va, heap, b);
    static game::HeapBlock appended{};
    game::MemoryHeap scratch{};
    probe(0x00AA9CA0, &scratch, &appended);
}

void heap_backing(Probe& probe, game::MemoryHeap* heap) {
    const std::uint32_t base = probe(game::fn::kReserveBacking.va, heap, 0x100000, 0x10000);
    const std::uint32_t more = probe(game::fn::kCommitTail.va, heap, base, 0x10000, 0x8000);
    probe(game::fn::kDecommitTail.va, heap, base, 0x10000 + more, more);
    probe(game::fn::kReleaseBacking.va, heap, base);
}

void heaps(Probe& probe) {
    auto heap = std::make_unique<game::MemoryHeap>();
    probe(0x00AA78A0, heap.get(), 0x400000, 0x100000, "tour", 0);
    heap_entries(probe, heap.get());
    heap_internals(probe, heap.get());
    heap_backing(probe, heap.get());
    probe(0x00AA7930, heap.get());
    probe(game::fn::kHeapInitialise.va, heap.get(), 0x400000, 0x100000, "tour", 0x10000);
    heap->vtable = game::data::kMemoryHeapVtable;  // the derived class's, as its constructor would write
    probe(game::fn::kHeapReserve.va, heap.get());
    probe(0x00AA8EA0, heap.get());
    probe(0x00AA8DA0, heap.get());
}

void runtime(Probe& probe) {
    std::uint32_t p = probe(game::fn::kCrtMalloc.va, nullptr, 10);
    probe(game::fn::kCrtMalloc.va, nullptr, 0xFFFFFFFFU);  // refused by the known bytes
    p = probe(game::fn::kCrtRealloc.va, nullptr, p, 1000);
    probe(game::fn::kCrtMsize.va, nullptr, p);
    p = probe(game::fn::kCrtReallocCrt.va, nullptr, p, 2000);
    p = probe(game::fn::kCrtRecalloc.va, nullptr, p, 10, 300);
    p = probe(game::fn::kCrtRecallocCrt.va, nullptr, p, 10, 400);
    probe(game::fn::kCrtFree.va, nullptr, p);
    probe(game::fn::kCrtFree.va, nullptr, probe(game::fn::kCrtCalloc.va, nullptr, 3, 5));
    probe(game::fn::kCrtFree.va, nullptr, probe(game::fn::kCrtMallocCrt.va, nullptr, 7));
    probe(game::fn::kCrtFree.va, nullptr, probe(game::fn::kCrtCallocCrt.va, nullptr, 2, 9));
    probe(game::fn::kCrtFree.va, nullptr, probe(0x00EE15E2, nullptr, 2, 9, 0));
    probe(game::code::kErrno, nullptr);
    probe(kSecurityCookieInit, nullptr);
}

/// The small-block heap and _heap_init, with the game's CRT heap put back afterwards.
void runtime_heaps(Probe& probe) {
    const std::uint32_t header = probe(game::fn::kNewSmallBlockRegion.va, nullptr);
    const std::uint32_t group = probe(game::fn::kNewSmallBlockGroup.va, nullptr, header);
    probe(game::fn::kFreeSmallBlock.va, nullptr, header,
          at<game::SmallBlockHeader>(header)->region_data + 0x8000 * group + 0x10);
    const auto heap = *at<std::uint32_t>(game::data::kCrtHeap);
    const auto active = *at<std::uint32_t>(game::data::kActiveHeap);
    probe(game::code::kHeapInit, nullptr, 1);
    *at<std::uint32_t>(game::data::kCrtHeap) = heap;
    *at<std::uint32_t>(game::data::kActiveHeap) = active;
}

void console_line(Probe& probe, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    probe(game::code::kConsolePrint, block(probe(game::code::kConsoleInstance, nullptr, 1)), format, arguments);
    va_end(arguments);
}

void media(Probe& probe) {
    game::MediaAllocator* a = create_media_allocator();
    set_media_properties(*a, {2, 100, 1, 0});
    probe(game::code::kMediaBaseCheck, a);
    probe(game::fn::kMediaAllocate.va, a);
    probe(game::fn::kMediaReallyFree.va, a);
    std::int32_t result = 0;
    const std::uint32_t sample = probe(game::code::kOperatorNew, nullptr, game::kMediaSampleSize);
    probe(game::code::kMediaSampleConstruct, block(sample), 0, a, &result, 0, 0);
    probe(kMediaSampleDelete, block(sample), 1);
    probe(kMediaAllocatorDestroy, a);
    call_cdecl<void>(fn::kOperatorDelete, a);
}

/// Both pool tables and the scrap manager's pointer, put back at the end.
class SavedGlobals {
public:
    SavedGlobals() { copy(saved_.data(), at<std::uint8_t>(kBegin)); }
    ~SavedGlobals() { copy(at<std::uint8_t>(kBegin), saved_.data()); }
    SavedGlobals(const SavedGlobals&) = delete;
    SavedGlobals& operator=(const SavedGlobals&) = delete;

private:
    static constexpr game::Addr kBegin = game::data::kScrapHeapManager;
    static constexpr std::size_t kBytes = game::data::kPoolBySize + 0x400 - kBegin;
    static void copy(std::uint8_t* to, const std::uint8_t* from) { std::memcpy(to, from, kBytes); }
    std::array<std::uint8_t, kBytes> saved_;
};

/// Gives the address space of a second construction back: its heaps, and the pools that are in the tables now.
void drop_construction(game::MemoryManager& second) {
    for (std::uint32_t i = 0; i < second.heap_count; ++i) {
        const game::Ptr32 heap = at<const game::Ptr32>(second.heaps)[i];
        if (*at<const game::Ptr32>(heap) == game::data::kMemoryHeapVtable) {
            call_this<void>(fn::kHeapDestroy, block(heap));
        }
    }
    second.heap_count = 0;
    for (std::uint32_t i = 0; i < game::kArenaSlots; ++i) {
        if (const game::Ptr32 pool = pool_by_size()[i]) {
            call_this<void>(fn::kArenaRelease, block(pool));  // the rest of it may lie in another pool
        }
    }
    call_cdecl<void>(fn::kZeroPoolTables);
}

/// The construction of everything once more, in a manager of our own.
void construction(Probe& probe) {
    const SavedGlobals saved;
    auto owner = std::make_unique<game::MemoryManager>();
    game::MemoryManager& second = *owner;
    for (const game::Addr whole : {0x00AA3880U, 0x00AA39C0U}) {
        probe(whole, &second);
        drop_construction(second);
    }
    probe(game::fn::kZeroPoolTables.va, nullptr);
    probe(game::fn::kCreateHeaps.va, &second);
    probe(game::fn::kCreatePools.va, &second);
    probe(0x00AA3CC0, &second, 112, 0x100000, "tour");
    drop_construction(second);
    probe(game::fn::kCreateScrapManager.va, nullptr);
}

}  // namespace

void tour_of_all_functions(Probe& probe) {
    front_doors(probe);
    manager_calls(probe);
    scrap_heaps(probe);
    scrap_buffers(probe);
    pools(probe);
    static_heap(probe);
    heaps(probe);
    runtime(probe);
    runtime_heaps(probe);
    console_line(probe, "%s", "a line from the tour");
    media(probe);
    construction(probe);
}

}  // namespace mp::standin::test
