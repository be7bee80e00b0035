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
    probe(fn::kOperatorDelete.va, nullptr, probe(fn::kOperatorNew.va, nullptr, 16));
    char text[16];
    probe(fn::kFormat.va, nullptr, text, 16U, "%d", 5);
    game::SpinLock lock{};
    probe(fn::kSpinLockAcquire.va, &lock, "tour");
    probe(fn::kSpinLockRelease.va, &lock);
    probe(fn::kSetMemoryContext.va, nullptr, probe(fn::kGetMemoryContext.va, nullptr));
    std::uint8_t allow = 0;
    probe(fn::kHandleOutOfMemory.va, &manager(), 0, 0, &allow);
    IoThreads io(1);
    for (const game::Helper& helper : game::kHelpers) {
        probe(helper.va, &io.manager(), 0);
    }
    for (const game::Addr va : {fn::kIoThreadOwner.va, fn::kIoThreadRelease.va, fn::kIoThreadSignalIdle.va}) {
        probe(va, &io.thread(0));
    }
    probe(fn::kSceneGraphBridge.va, nullptr);
    probe(0x00AA2020, nullptr);
    probe(0x00AA2740, nullptr);
}

void manager_calls(Probe& probe) {
    auto* m = &manager();
    std::uint32_t p = probe(fn::kAllocate.va, m, 100);
    probe(fn::kSize.va, m, p);
    p = probe(fn::kReallocate1.va, m, p, 200);
    p = probe(fn::kReallocate2.va, m, p, 100000);
    probe(fn::kHeapOf.va, m, p);
    probe(fn::kPhysicalHeapOf.va, m, p);
    probe(fn::kFree.va, m, p);
    probe(fn::kFree.va, m, 0);  // the way that the known bytes take by themselves
    probe(fn::kDefaultFree.va, m, probe(fn::kDefaultAllocate.va, m, 32, 0), 0);
    probe(fn::kThreadScrapHeap.va, m);
    probe(fn::kFallbackPool.va, nullptr, 300);
    static ThreadHeapMap map{};
    probe(fn::kThreadMapConstruct.va, &map, 5);
}

void scrap_heaps(Probe& probe) {
    game::ScrapHeap heap{};
    probe(fn::kScrapInit.va, &heap);
    const std::uint32_t p = probe(fn::kScrapAllocate.va, &heap, 100, 4);
    probe(fn::kScrapBlockSize.va, &heap, p);
    probe(fn::kScrapFree.va, &heap, p);
    probe(fn::kScrapFree.va, &heap, 0);
    probe(fn::kScrapPurge.va, &heap);
    probe(fn::kScrapInitSized.va, &heap, 0x20000);
    probe(fn::kScrapPurge.va, &heap);
    probe(fn::kScrapConstruct.va, &heap, 0x10000);
    probe(fn::kScrapPurge.va, &heap);
}

void scrap_buffers(Probe& probe) {
    probe(fn::kScrapManager.va, nullptr);
    auto own = std::make_unique<game::ScrapHeapManager>();
    auto* m = own.get();
    probe(fn::kScrapManagerConstruct.va, m);
    std::uint32_t size = 0x10000;
    const std::uint32_t first = probe(fn::kRequestBuffer.va, m, &size);
    probe(fn::kGrowBuffer.va, m, first, 0x10000, 0x10000);
    probe(fn::kShrinkBuffer.va, m, first, 0x20000, 0x10000);
    probe(fn::kReleaseBuffer.va, m, first, 0x10000);
    probe(fn::kRemoveEntry.va, m, 0);
    probe(fn::kFreeBuffer.va, m, first, 0x10000);
    const std::uint32_t second = probe(fn::kCreateBuffer.va, m, 0x10000);
    probe(fn::kReleaseBuffer.va, m, second, 0x10000);
    probe(fn::kFreeBuffers.va, m, 0x10000);
    probe(fn::kFreeAllBuffers.va, m);
}

void pool_blocks(Probe& probe, game::MemoryPool* pool) {
    const std::uint32_t p = probe(fn::kPoolAllocate.va, pool, 112);
    probe(fn::kPoolFindPage.va, pool);
    probe(fn::kPoolFree.va, pool, p);
    probe(fn::kPoolFree.va, pool, 0);
    const std::uint32_t q = probe(fn::kPoolAllocate.va, pool, 112);
    probe(fn::kPoolPush.va, pool, q);
    probe(fn::kPoolRemove.va, pool, q);
    probe(fn::kPoolFree.va, pool, q);
    probe(fn::kSortFreeList.va, pool);
    pool->free_head = probe(fn::kSortList.va, nullptr, pool->free_head);
    probe(fn::kWalkFreeList.va, pool);
    probe(fn::kSortPool.va, nullptr, 112 / 4);
    probe(fn::kSortPool.va, nullptr, 1);  // no pool: the known bytes find that out
    probe(fn::kFramePoolSort.va, nullptr);
    probe(fn::kPoolDropPage.va, pool, 0, 1);
    probe(fn::kPoolFree.va, pool, probe(fn::kPoolAllocate.va, pool, 112));
    probe(fn::kPurgeEmptyPages.va, pool);
    std::uint32_t page = 0;
    probe(fn::kCommitPage.va, pool, 3, &page);
    probe(fn::kDecommitPage.va, pool, page);
    probe(fn::kPurgePools.va, nullptr);
}

void pools(Probe& probe) {
    game::MemoryPool pool{};
    probe(fn::kPoolConstruct.va, &pool, 112, 0x100000, "tour");
    pool_blocks(probe, &pool);
    probe(fn::kPoolDestroy.va, &pool);
    game::MemoryPool bare{};
    bare.arena_bytes = 0x10000;
    probe(fn::kReserveArena.va, &bare);
    probe(fn::kReleaseArena.va, &bare);
}

void static_heap(Probe& probe) {
    alignas(16) static std::uint8_t memory[256];
    game::StaticHeap heap{};
    heap.vtable = game::data::kStaticHeapVtable;
    heap.capacity = sizeof memory;
    heap.base = addr_of(memory);
    const std::uint32_t p = probe(fn::kStaticAllocate.va, &heap, 16, 4);
    probe(fn::kStaticContains.va, &heap, p);
    probe(fn::kStaticSize.va, &heap, p, 0);
    probe(0x00AA75E0, &heap, p, 0);
}

void heap_entries(Probe& probe, game::MemoryHeap* heap) {
    const std::uint32_t p = probe(fn::kHeapAllocateAligned.va, heap, 100, 0);
    probe(fn::kHeapBlockSize.va, heap, p, 0);
    probe(fn::kHeapBlockSizeWithHeader.va, heap, p);
    probe(fn::kHeapContains.va, heap, p);
    game::HeapStatistics statistics{};
    probe(fn::kHeapStatistics.va, heap, &statistics, 0);
    probe(fn::kHeapStatisticsLocked.va, heap, &statistics, 1);
    probe(fn::kHeapFree.va, heap, p, 0);
    probe(fn::kHeapFree.va, heap, 0, 0);
}

void heap_internals(Probe& probe, game::MemoryHeap* heap) {
    const std::uint32_t a = probe(fn::kHeapAllocate.va, heap, 64);
    const std::uint32_t b = probe(fn::kHeapAllocate.va, heap, 64);
    const std::uint32_t c = probe(fn::kHeapAllocate.va, heap, 64);
    auto* header = block(b - game::kHeapHeaderSize);
    probe(fn::kHeapInsertFree.va, heap, header);
    probe(fn::kHeapCoalesce.va, heap, header);
    probe(fn::kDecommitInterior.va, heap, header);
    probe(fn::kHeapRemoveFree.va, heap, header);
    at<game::HeapBlock>(addr_of(header))->size_and_flags &= game::HeapBlock::kSizeMask;
    probe(fn::kHeapFreeLocked.va, heap, a);
    probe(fn::kHeapFreeLocked.va, heap, c);
    probe(fn::kHeapFreeLocked.va, heap, 0);
    probe(fn::kHeapTrimTail.va, heap);
    probe(fn::kHeapFreeLocked.va, heap, b);
    static game::HeapBlock appended{};
    game::MemoryHeap scratch{};
    probe(fn::kHeapAppend.va, &scratch, &appended);
}

void heap_backing(Probe& probe, game::MemoryHeap* heap) {
    const std::uint32_t base = probe(fn::kReserveBacking.va, heap, 0x100000, 0x10000);
    const std::uint32_t more = probe(fn::kCommitTail.va, heap, base, 0x10000, 0x8000);
    probe(fn::kDecommitTail.va, heap, base, 0x10000 + more, more);
    probe(fn::kReleaseBacking.va, heap, base);
}

void heaps(Probe& probe) {
    auto heap = std::make_unique<game::MemoryHeap>();
    probe(fn::kHeapConstruct.va, heap.get(), 0x400000, 0x100000, "tour", 0);
    heap_entries(probe, heap.get());
    heap_internals(probe, heap.get());
    heap_backing(probe, heap.get());
    probe(fn::kHeapDestroy.va, heap.get());
    probe(fn::kHeapInitialise.va, heap.get(), 0x400000, 0x100000, "tour", 0x10000);
    heap->vtable = game::data::kMemoryHeapVtable;  // the derived class's, as its constructor would write
    probe(fn::kHeapReserve.va, heap.get());
    probe(fn::kHeapDropBacking.va, heap.get());
    probe(fn::kHeapDeleteLock.va, heap.get());
}

void runtime(Probe& probe) {
    std::uint32_t p = probe(fn::kCrtMalloc.va, nullptr, 10);
    probe(fn::kCrtMalloc.va, nullptr, 0xFFFFFFFFU);  // refused by the known bytes
    p = probe(fn::kCrtRealloc.va, nullptr, p, 1000);
    probe(fn::kCrtMsize.va, nullptr, p);
    p = probe(fn::kCrtReallocCrt.va, nullptr, p, 2000);
    p = probe(fn::kCrtRecalloc.va, nullptr, p, 10, 300);
    p = probe(fn::kCrtRecallocCrt.va, nullptr, p, 10, 400);
    probe(fn::kCrtFree.va, nullptr, p);
    probe(fn::kCrtFree.va, nullptr, probe(fn::kCrtCalloc.va, nullptr, 3, 5));
    probe(fn::kCrtFree.va, nullptr, probe(fn::kCrtMallocCrt.va, nullptr, 7));
    probe(fn::kCrtFree.va, nullptr, probe(fn::kCrtCallocCrt.va, nullptr, 2, 9));
    probe(fn::kCrtFree.va, nullptr, probe(0x00EE15E2, nullptr, 2, 9, 0));
    probe(fn::kErrno.va, nullptr);
    probe(fn::kSecurityCookieInit.va, nullptr);
}

/// The small-block heap and _heap_init, with the game's CRT heap put back afterwards.
void runtime_heaps(Probe& probe) {
    const std::uint32_t header = probe(fn::kNewSmallBlockRegion.va, nullptr);
    const std::uint32_t group = probe(fn::kNewSmallBlockGroup.va, nullptr, header);
    probe(fn::kFreeSmallBlock.va, nullptr, header,
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
    probe(fn::kConsolePrint.va, block(probe(fn::kConsole.va, nullptr, 1)), format, arguments);
    va_end(arguments);
}

void media(Probe& probe) {
    game::MediaAllocator* a = create_media_allocator();
    set_media_properties(*a, {2, 100, 1, 0});
    probe(fn::kMediaBaseCheck.va, a);
    probe(fn::kMediaAllocate.va, a);
    probe(fn::kMediaReallyFree.va, a);
    std::int32_t result = 0;
    const std::uint32_t sample = probe(fn::kOperatorNew.va, nullptr, game::kMediaSampleSize);
    probe(fn::kMediaSampleConstruct.va, block(sample), 0, a, &result, 0, 0);
    probe(fn::kMediaSampleDelete.va, block(sample), 1);
    probe(fn::kMediaAllocatorDestroy.va, a);
    fn::kOperatorDelete(a);
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
            fn::kHeapDestroy(at<game::MemoryHeap>(heap));
        }
    }
    second.heap_count = 0;
    for (std::uint32_t i = 0; i < game::kArenaSlots; ++i) {
        if (const game::Ptr32 pool = pool_by_size()[i]) {
            fn::kReleaseArena(at<game::MemoryPool>(pool));  // the rest of it may lie in another pool
        }
    }
    fn::kZeroPoolTables();
}

/// The construction of everything once more, in a manager of our own.
void construction(Probe& probe) {
    const SavedGlobals saved;
    auto owner = std::make_unique<game::MemoryManager>();
    game::MemoryManager& second = *owner;
    for (const game::Addr whole : {fn::kManagerConstruct.va, fn::kSetUp.va}) {
        probe(whole, &second);
        drop_construction(second);
    }
    probe(fn::kZeroPoolTables.va, nullptr);
    probe(fn::kCreateHeaps.va, &second);
    probe(fn::kCreatePools.va, &second);
    probe(fn::kCreatePool.va, &second, 112, 0x100000, "tour");
    drop_construction(second);
    probe(fn::kCreateScrapManager.va, nullptr);
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
