// Every function once or more, in the order of bodies.inc. Objects are our own wherever a call would change the game's.
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
    probe(0x00401030, nullptr, probe(0x00401000, nullptr, 16));
    char text[16];
    probe(0x00406D00, nullptr, text, 16U, "%d", 5);
    game::SpinLock lock{};
    probe(0x0040FBF0, &lock, "tour");
    probe(0x0040FBA0, &lock);
    probe(kSetMemoryContext, nullptr, probe(kGetMemoryContext, nullptr));
    std::uint8_t allow = 0;
    probe(0x00866A90, &manager(), 0, 0, &allow);
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
    std::uint32_t p = probe(0x00AA3E40, m, 100);
    probe(0x00AA44C0, m, p);
    p = probe(0x00AA4150, m, p, 200);
    p = probe(0x00AA4200, m, p, 100000);
    probe(0x00AA45A0, m, p);
    probe(0x00AA4610, m, p);
    probe(0x00AA4060, m, p);
    probe(0x00AA4060, m, 0);  // the way that the known bytes take by themselves
    probe(0x00AA42C0, m, probe(0x00AA4290, m, 32, 0), 0);
    probe(0x00AA42E0, m);
    probe(0x00AA4960, nullptr, 300);
    static ThreadHeapMap map{};
    probe(0x00AA47E0, &map, 5);
}

void scrap_heaps(Probe& probe) {
    game::ScrapHeap heap{};
    probe(0x00AA53F0, &heap);
    const std::uint32_t p = probe(0x00AA54A0, &heap, 100, 4);
    probe(0x00AA5710, &heap, p);
    probe(0x00AA5610, &heap, p);
    probe(0x00AA5610, &heap, 0);
    probe(0x00AA5460, &heap);
    probe(0x00AA5410, &heap, 0x20000);
    probe(0x00AA5460, &heap);
    probe(0x00AA57B0, &heap, 0x10000);
    probe(0x00AA5460, &heap);
}

void scrap_buffers(Probe& probe) {
    probe(0x00866D10, nullptr);
    auto own = std::make_unique<game::ScrapHeapManager>();
    auto* m = own.get();
    probe(0x00AA5860, m);
    std::uint32_t size = 0x10000;
    const std::uint32_t first = probe(0x00AA59B0, m, &size);
    probe(0x00AA5E30, m, first, 0x10000, 0x10000);
    probe(0x00AA5E90, m, first, 0x20000, 0x10000);
    probe(0x00AA5B70, m, first, 0x10000);
    probe(0x00AA5F50, m, 0);
    probe(0x00AA5F30, m, first, 0x10000);
    const std::uint32_t second = probe(0x00AA5EC0, m, 0x10000);
    probe(0x00AA5B70, m, second, 0x10000);
    probe(0x00AA5D40, m, 0x10000);
    probe(0x00AA5C80, m);
}

void pool_blocks(Probe& probe, game::MemoryPool* pool) {
    const std::uint32_t p = probe(0x00AA6AA0, pool, 112);
    probe(0x00AA6DB0, pool);
    probe(0x00AA6C70, pool, p);
    probe(0x00AA6C70, pool, 0);
    const std::uint32_t q = probe(0x00AA6AA0, pool, 112);
    probe(0x00AA6E00, pool, q);
    probe(0x00AA6E60, pool, q);
    probe(0x00AA6C70, pool, q);
    probe(0x00AA7260, pool);
    pool->free_head = probe(0x00AA70C0, nullptr, pool->free_head);
    probe(0x00AA7300, pool);
    probe(0x00AA7290, nullptr, 112 / 4);
    probe(0x00AA7290, nullptr, 1);  // no pool: the known bytes find that out
    probe(kFramePoolSort, nullptr);
    probe(0x00AA6EB0, pool, 0, 1);
    probe(0x00AA6C70, pool, probe(0x00AA6AA0, pool, 112));
    probe(0x00AA6F90, pool);
    std::uint32_t page = 0;
    probe(0x00AA6610, pool, 3, &page);
    probe(0x00AA6650, pool, page);
    probe(0x00AA7030, nullptr);
}

void pools(Probe& probe) {
    game::MemoryPool pool{};
    probe(0x00AA66A0, &pool, 112, 0x100000, "tour");
    pool_blocks(probe, &pool);
    probe(0x00AA6800, &pool);
    game::MemoryPool bare{};
    bare.arena_bytes = 0x10000;
    probe(0x00AA65B0, &bare);
    probe(0x00AA6680, &bare);
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
    const std::uint32_t p = probe(0x00AA7B20, heap, 100, 0);
    probe(0x00AA7BE0, heap, p, 0);
    probe(0x00AA7C00, heap, p);
    probe(0x00AA7E70, heap, p);
    game::HeapStatistics statistics{};
    probe(0x00AA7C60, heap, &statistics, 0);
    probe(0x00AAA0E0, heap, &statistics, 1);
    probe(0x00AA7B40, heap, p, 0);
    probe(0x00AA7B40, heap, 0, 0);
}

void heap_internals(Probe& probe, game::MemoryHeap* heap) {
    const std::uint32_t a = probe(0x00AA8F50, heap, 64);
    const std::uint32_t b = probe(0x00AA8F50, heap, 64);
    const std::uint32_t c = probe(0x00AA8F50, heap, 64);
    auto* header = block(b - game::kHeapHeaderSize);
    probe(0x00AA9D30, heap, header);
    probe(0x00AA9BD0, heap, header);
    probe(0x00AA7D60, heap, header);
    probe(0x00AA9E50, heap, header);
    at<game::HeapBlock>(addr_of(header))->size_and_flags &= game::HeapBlock::kSizeMask;
    probe(0x00AA98F0, heap, a);
    probe(0x00AA98F0, heap, c);
    probe(0x00AA98F0, heap, 0);
    probe(0x00AA9A70, heap);
    probe(0x00AA98F0, heap, b);
    static game::HeapBlock appended{};
    game::MemoryHeap scratch{};
    probe(0x00AA9CA0, &scratch, &appended);
}

void heap_backing(Probe& probe, game::MemoryHeap* heap) {
    const std::uint32_t base = probe(0x00AA79A0, heap, 0x100000, 0x10000);
    const std::uint32_t more = probe(0x00AA7A50, heap, base, 0x10000, 0x8000);
    probe(0x00AA7AB0, heap, base, 0x10000 + more, more);
    probe(0x00AA7A30, heap, base);
}

void heaps(Probe& probe) {
    auto heap = std::make_unique<game::MemoryHeap>();
    probe(0x00AA78A0, heap.get(), 0x400000, 0x100000, "tour", 0);
    heap_entries(probe, heap.get());
    heap_internals(probe, heap.get());
    heap_backing(probe, heap.get());
    probe(0x00AA7930, heap.get());
    probe(0x00AA8CA0, heap.get(), 0x400000, 0x100000, "tour", 0x10000);
    heap->vtable = game::data::kMemoryHeapVtable;  // the derived class's, as its constructor would write
    probe(0x00AA8DD0, heap.get());
    probe(0x00AA8EA0, heap.get());
    probe(0x00AA8DA0, heap.get());
}

void runtime(Probe& probe) {
    std::uint32_t p = probe(0x00ECD1C7, nullptr, 10);
    probe(0x00ECD1C7, nullptr, 0xFFFFFFFFU);  // refused by the known bytes
    p = probe(0x00ECCF5D, nullptr, p, 1000);
    probe(0x00ECD31F, nullptr, p);
    p = probe(0x00ED0D70, nullptr, p, 2000);
    p = probe(0x00EE1700, nullptr, p, 10, 300);
    p = probe(0x00ED0DBE, nullptr, p, 10, 400);
    probe(0x00ECD291, nullptr, p);
    probe(0x00ECD291, nullptr, probe(0x00EDDD7D, nullptr, 3, 5));
    probe(0x00ECD291, nullptr, probe(0x00ED0CDF, nullptr, 7));
    probe(0x00ECD291, nullptr, probe(0x00ED0D24, nullptr, 2, 9));
    probe(0x00ECD291, nullptr, probe(0x00EE15E2, nullptr, 2, 9, 0));
    probe(game::code::kErrno, nullptr);
    probe(kSecurityCookieInit, nullptr);
}

/// The small-block heap and _heap_init, with the game's CRT heap put back afterwards.
void runtime_heaps(Probe& probe) {
    const std::uint32_t header = probe(0x00EDE579, nullptr);
    const std::uint32_t group = probe(0x00EDE629, nullptr, header);
    probe(0x00EDE263, nullptr, header, at<game::SmallBlockHeader>(header)->region_data + 0x8000 * group + 0x10);
    const auto heap = *at<std::uint32_t>(game::data::kCrtHeap);
    const auto active = *at<std::uint32_t>(game::data::kActiveHeap);
    probe(game::code::kHeapInit, nullptr, 1);
    *at<std::uint32_t>(game::data::kCrtHeap) = heap;
    *at<std::uint32_t>(game::data::kActiveHeap) = active;
}

void console_line(Probe& probe, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    probe(0x0071D0A0, block(probe(0x0071B160, nullptr, 1)), format, arguments);
    va_end(arguments);
}

void media(Probe& probe) {
    game::MediaAllocator* a = create_media_allocator();
    set_media_properties(*a, {2, 100, 1, 0});
    probe(0x009FB020, a);
    probe(0x009FCC60, a);
    probe(0x009FB170, a);
    std::int32_t result = 0;
    const std::uint32_t sample = probe(0x00401000, nullptr, game::kMediaSampleSize);
    probe(0x009FCB50, block(sample), 0, a, &result, 0, 0);
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
    probe(0x00AA6840, nullptr);
    probe(0x00866E00, &second);
    probe(0x00866770, &second);
    probe(0x00AA3CC0, &second, 112, 0x100000, "tour");
    drop_construction(second);
    probe(0x00AA58D0, nullptr);
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
