// Each replaced function keeps its contract: return values, popped bytes, alignment, never-failing protocol, ownership
// of what existed before. Section numbers are those of docs/engine-contracts.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "alloc/mp_alloc.h"
#include "engine_access.h"
#include "game/functions.h"
#include "installed.h"
#include "media/media.h"
#include "os/os.h"
#include "replace/pressure.h"
#include "replace/statistics.h"

namespace mp::test {
namespace {

using replace::Count;

/// Calls a function and tells how many bytes it removed from the stack.
std::uint32_t popped_bytes(Addr function, void* self, const std::vector<std::uint32_t>& args, std::uint32_t* result) {
    std::uint32_t value = function;
    std::uint32_t count = static_cast<std::uint32_t>(args.size());
    asm volatile("movl %%esp, %%esi\n"
                 "1: testl %%edx, %%edx\n"
                 "jz 2f\n"
                 "pushl -4(%%ebx,%%edx,4)\n"
                 "decl %%edx\n"
                 "jmp 1b\n"
                 "2: movl %%esp, %%edi\n"
                 "call *%%eax\n"
                 "movl %%esp, %%edx\n"
                 "subl %%edi, %%edx\n"
                 "movl %%esi, %%esp\n"
                 : "+a"(value), "+d"(count), "+c"(self)
                 : "b"(args.data())
                 : "esi", "edi", "memory", "cc");
    if (result != nullptr) {
        *result = value;
    }
    return count;
}

class Contract : public Installed {};

std::uint32_t bytes_popped_of(Addr va) {
    return static_cast<std::uint32_t>(game::find_site(va)->bytes_popped);
}

TEST_F(Contract, EveryReplacementPopsWhatTheOriginalPops) {
    std::uint32_t base = 0;
    EXPECT_EQ(popped_bytes(game::fn::kCreateBuffer.va, nullptr, {0x10000}, &base),
              bytes_popped_of(game::fn::kCreateBuffer.va));
    EXPECT_EQ(popped_bytes(game::fn::kGrowBuffer.va, nullptr, {base, 0x10000, 0x10000}, nullptr),
              bytes_popped_of(game::fn::kGrowBuffer.va));
    EXPECT_EQ(popped_bytes(game::fn::kShrinkBuffer.va, nullptr, {base, 0x20000, 0x10000}, nullptr),
              bytes_popped_of(game::fn::kShrinkBuffer.va));
    EXPECT_EQ(popped_bytes(game::fn::kFreeBuffer.va, nullptr, {base, 0x10000}, nullptr),
              bytes_popped_of(game::fn::kFreeBuffer.va));

    game::MemoryPool pool{};
    pool.arena_bytes = 0x100000;
    EXPECT_EQ(popped_bytes(game::fn::kReserveArena.va, &pool, {}, nullptr),
              bytes_popped_of(game::fn::kReserveArena.va));
    std::uint32_t page = 0;
    EXPECT_EQ(popped_bytes(game::fn::kCommitPage.va, &pool, {1, game::addr_of(&page)}, nullptr),
              bytes_popped_of(game::fn::kCommitPage.va));
    // The decommit's popped bytes are what the stand-in's own epilogue tells.
    const auto* epilogue = game::at<const std::uint8_t>(0x00AA666B);
    std::uint32_t told = 0;
    for (int i = 0; i < 0x10; ++i) {
        if (epilogue[i] == 0x5D && epilogue[i + 1] == 0xC2) {
            told = epilogue[i + 2];
        }
    }
    std::vector<std::uint32_t> decommit_args{page};
    decommit_args.resize(told / 4);
    EXPECT_EQ(popped_bytes(game::fn::kDecommitPage.va, &pool, decommit_args, nullptr), told);
    EXPECT_EQ(popped_bytes(game::fn::kReleaseArena.va, &pool, {}, nullptr), 0U);

    game::MemoryHeap heap{};
    heap.granularity = game::kHeapStep;
    heap.reserve = 0x400000;
    std::uint32_t backing = 0;
    EXPECT_EQ(popped_bytes(game::fn::kReserveBacking.va, &heap, {0x400000, 0x10000}, &backing),
              bytes_popped_of(game::fn::kReserveBacking.va));
    EXPECT_EQ(popped_bytes(game::fn::kCommitTail.va, &heap, {backing, 0x10000, 100}, nullptr),
              bytes_popped_of(game::fn::kCommitTail.va));
    EXPECT_EQ(popped_bytes(game::fn::kDecommitTail.va, &heap, {backing, 0x20000, 0x10000}, nullptr),
              bytes_popped_of(game::fn::kDecommitTail.va));
    EXPECT_EQ(popped_bytes(game::fn::kDecommitInterior.va, &heap, {backing}, nullptr),
              bytes_popped_of(game::fn::kDecommitInterior.va));
    EXPECT_EQ(popped_bytes(game::fn::kReleaseBacking.va, &heap, {backing}, nullptr),
              bytes_popped_of(game::fn::kReleaseBacking.va));

    std::uint32_t block = 0;
    EXPECT_EQ(popped_bytes(game::fn::kHeapAllocate.va, default_heap(), {100}, &block),
              bytes_popped_of(game::fn::kHeapAllocate.va));
    EXPECT_EQ(popped_bytes(game::fn::kHeapContains.va, default_heap(), {block}, nullptr), 4U);
    EXPECT_EQ(popped_bytes(game::fn::kHeapBlockSize.va, default_heap(), {block, 0}, nullptr), 8U);
    EXPECT_EQ(popped_bytes(*game::at<Addr>(game::kPointerSites[1].va), default_heap(), {block}, nullptr), 4U);
    EXPECT_EQ(popped_bytes(game::fn::kHeapFree.va, default_heap(), {block, 0}, nullptr), 8U);
}

// --- patterns 2 and 3 ----------------------------------------------------------------------------------------------

struct ScrapBuffer {
    explicit ScrapBuffer(std::uint32_t size) : base(game::fn::kCreateBuffer(nullptr, size)), committed(size) {}
    void grow(std::uint32_t add) {
        game::fn::kGrowBuffer(nullptr, base, committed, add);
        committed += add;
    }
    void shrink(std::uint32_t drop) {
        game::fn::kShrinkBuffer(nullptr, base, committed, drop);
        committed -= drop;
    }
    void free() { game::fn::kFreeBuffer(nullptr, base, committed); }
    Addr base;
    std::uint32_t committed;
};

std::uint64_t kernel_calls_during(auto&& action) {
    const std::uint64_t before = replace::total(Count::kernel_calls);
    action();
    return replace::total(Count::kernel_calls) - before;
}

TEST_F(Contract, AScrapBufferIsWritableUpToItsCommittedEndAtEverySize) {
    ScrapBuffer buffer(0x10000);
    ASSERT_NE(buffer.base, 0U);
    EXPECT_EQ(buffer.base % os::kGranule, 0U);
    while (buffer.committed < game::kScrapReserve) {
        buffer.grow(buffer.committed);
        fill(game::at<void>(buffer.base), buffer.committed, buffer.committed);
        EXPECT_TRUE(intact(game::at<void>(buffer.base), buffer.committed, buffer.committed));
    }
    buffer.free();
}

TEST_F(Contract, GrowBelowTheHighWaterMarkAndEveryShrinkNeedNoKernelCall) {
    ScrapBuffer buffer(0x10000);
    buffer.grow(0x10000);
    buffer.grow(0x20000);
    EXPECT_EQ(kernel_calls_during([&] {
                  for (int i = 0; i < 1000; ++i) {
                      buffer.shrink(0x20000);
                      buffer.grow(0x20000);
                  }
              }),
              0U);
    buffer.free();
}

TEST_F(Contract, AFreedScrapBufferIsReusedWithoutAKernelCall) {
    ScrapBuffer first(0x40000);
    first.free();
    const Addr base = first.base;
    EXPECT_EQ(kernel_calls_during([&] {
                  ScrapBuffer second(0x40000);
                  EXPECT_EQ(second.base, base);
                  second.free();
              }),
              0U);
}

TEST_F(Contract, AFirstSizeAboveTheReservationIsServed) {
    constexpr std::uint32_t kSize = 12 * 1024 * 1024;
    ScrapBuffer buffer(kSize);
    fill(game::at<void>(buffer.base), kSize, 3);
    EXPECT_TRUE(intact(game::at<void>(buffer.base), kSize, 3));
    buffer.free();
}

TEST_F(Contract, AScrapBufferFreedTwiceIsHandedOutOnce) {
    ScrapBuffer buffer(0x10000);
    buffer.free();
    buffer.free();
    ScrapBuffer a(0x10000);
    ScrapBuffer b(0x10000);
    EXPECT_NE(a.base, b.base);
    a.free();
    b.free();
}

TEST_F(Contract, AFullScrapCacheNoLongerReleasesAndKeepsTheSameBuffer) {
    game::ScrapHeapManager* scrap_manager = game::fn::kScrapManager();
    std::vector<std::array<std::uint32_t, 2>> buffers;
    for (int i = 0; i < 70; ++i) {
        std::uint32_t size = 0x10000;
        const auto base = game::fn::kRequestBuffer(scrap_manager, &size);
        buffers.push_back({base, size});
    }
    for (const auto& [base, size] : buffers) {
        game::fn::kReleaseBuffer(scrap_manager, base, size);
    }
    // Every buffer that the cache hands out again is still mapped, and none is handed out twice.
    std::vector<Addr> seen;
    for (auto& [base, size] : buffers) {
        std::uint32_t wanted = 0x10000;
        base = game::fn::kRequestBuffer(scrap_manager, &wanted);
        size = wanted;
        EXPECT_EQ(std::count(seen.begin(), seen.end(), base), 0);
        seen.push_back(base);
        *game::at<std::uint32_t>(base) = base;
    }
    for (const auto& [base, size] : buffers) {
        EXPECT_EQ(*game::at<std::uint32_t>(base), base);
        game::fn::kReleaseBuffer(scrap_manager, base, size);
    }
    game::fn::kFreeAllBuffers(scrap_manager);
}

// --- out of memory -------------------------------------------------------------------------------------------------

/// Refuses reservations and commits as long as `refusals` lasts.
struct Refusals {
    int left = 0;
    os::Call kind = os::Call::commit;
};

bool refuse(os::Call call, void* context) {
    auto* refusals = static_cast<Refusals*>(context);
    return call == refusals->kind && refusals->left-- > 0;
}

class Refusing {
public:
    Refusing(os::Call kind, int count) : refusals_{count, kind} { os::set_fault_hook(&refuse, &refusals_); }
    ~Refusing() { os::set_fault_hook(nullptr, nullptr); }
    Refusing(const Refusing&) = delete;
    Refusing& operator=(const Refusing&) = delete;

private:
    Refusals refusals_;
};

TEST_F(Contract, GrowGivesCachesBackFirstAndThenRunsTheStagesInOrder) {
    ScrapBuffer buffer(0x40000);
    const std::uint64_t stages = replace::total(Count::out_of_memory_stages);
    {
        const Refusing refusing(os::Call::commit, 1);
        buffer.grow(0x40000);
    }
    EXPECT_EQ(replace::total(Count::out_of_memory_stages), stages) << "our own caches come first";
    {
        const Refusing refusing(os::Call::commit, 6);
        buffer.grow(0x80000);
    }
    EXPECT_GT(replace::total(Count::out_of_memory_stages), stages);
    fill(game::at<void>(buffer.base), buffer.committed, 9);
    EXPECT_TRUE(intact(game::at<void>(buffer.base), buffer.committed, 9));
    buffer.free();
}

TEST_F(Contract, AScrapBufferIsNeverNullWhenReservationsFail) {
    replace::note_refusal();
    replace::give_caches_back();
    const Refusing refusing(os::Call::reserve, 3);
    ScrapBuffer buffer(0x10000);
    EXPECT_NE(buffer.base, 0U);
    buffer.free();
}

TEST_F(Contract, AllocateNeverReturnsNullWhenTheAllocatorIsOutOfMemory) {
    std::vector<void*> blocks;
    {
        const Refusing refusing(os::Call::reserve, 1000000);
        for (int i = 0; i < 200; ++i) {
            blocks.push_back(allocate(50000));
            ASSERT_NE(blocks.back(), nullptr);
            fill(blocks.back(), 50000, static_cast<std::uint32_t>(i));
        }
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        EXPECT_TRUE(intact(blocks[i], 50000, static_cast<std::uint32_t>(i)));
        release(blocks[i]);
    }
}

// --- patterns 4 and 5 ----------------------------------------------------------------------------------------------

class PoolContract : public Installed {
protected:
    void SetUp() override {
        Installed::SetUp();
        pool_.arena_bytes = 3 * 1024 * 1024;
        game::fn::kReserveArena(&pool_);
        ASSERT_NE(pool_.arena, 0U);
    }
    void TearDown() override {
        EXPECT_EQ(game::fn::kReleaseArena(&pool_), 1U);
        Installed::TearDown();
    }
    std::uint32_t commit(std::uint32_t index, Addr* page) { return game::fn::kCommitPage(&pool_, index, page); }
    game::MemoryPool pool_{};
};

TEST_F(PoolContract, AnArenaStartsAtAMultipleOfSixteenMegabytes) {
    EXPECT_EQ(pool_.arena % game::kArenaAlignment, 0U);
}

TEST_F(PoolContract, AnArenaThatExistsIsKept) {
    const Addr before = pool_.arena;
    game::fn::kReserveArena(&pool_);
    EXPECT_EQ(pool_.arena, before);
}

TEST_F(PoolContract, EveryPageIsWritableAndPagesAreCommittedAhead) {
    const std::uint32_t pages = pool_.arena_bytes / game::kPoolPageSize;
    const std::uint64_t calls = kernel_calls_during([&] {
        for (std::uint32_t i = 0; i < pages; ++i) {
            Addr page = 0;
            ASSERT_EQ(commit(i, &page), 1U);
            ASSERT_EQ(page, pool_.arena + i * game::kPoolPageSize);
            ASSERT_EQ(*game::at<std::uint32_t>(page), 0U) << "a fresh page is zero";
            *game::at<std::uint32_t>(page + game::kPoolPageSize - 4) = i;
            ++pool_.committed_pages;
        }
    });
    EXPECT_LE(calls, pages / 16);
}

TEST_F(PoolContract, ADecommittedPageStaysHot) {
    Addr page = 0;
    ASSERT_EQ(commit(5, &page), 1U);
    *game::at<std::uint32_t>(page) = 0x12345678;
    EXPECT_EQ(kernel_calls_during([&] {
                  game::fn::kDecommitPage(&pool_, page);
                  Addr again = 0;
                  EXPECT_EQ(commit(5, &again), 1U);
                  EXPECT_EQ(again, page);
              }),
              0U);
}

TEST_F(PoolContract, ARefusedCommitIsReportedAndTheNextOneServed) {
    Addr page = 0;
    {
        const Refusing refusing(os::Call::commit, 2);
        EXPECT_EQ(commit(100, &page), 0U);
    }
    EXPECT_EQ(commit(100, &page), 1U);
    *game::at<std::uint32_t>(page) = 1;
}

TEST_F(PoolContract, UnderPressureADecommittedPageIsGivenBackAndComesBackZeroed) {
    Addr page = 0;
    ASSERT_EQ(commit(32, &page), 1U);
    *game::at<std::uint32_t>(page) = 0x12345678;
    replace::note_refusal();
    game::fn::kDecommitPage(&pool_, page);
    ASSERT_EQ(commit(32, &page), 1U);
    EXPECT_EQ(*game::at<std::uint32_t>(page), 0U);
}

TEST_F(Contract, AnArenaThatEndsInsideAGranuleIsCommittedToItsEndWithoutARefusal) {
    game::MemoryPool pool{};
    pool.arena_bytes = 3 * 1024 * 1024 - 3 * game::kPoolPageSize;
    game::fn::kReserveArena(&pool);
    // As the original reserves: not a byte more.
    const Addr place = pool.arena;
    ASSERT_EQ(game::fn::kReleaseArena(&pool), 1U);
    ASSERT_NE(VirtualAlloc(game::at<void>(place), pool.arena_bytes, MEM_RESERVE, PAGE_NOACCESS), nullptr);
    pool.arena = place;
    for (std::uint32_t i = 0; i < pool.arena_bytes / game::kPoolPageSize; ++i) {
        Addr page = 0;
        ASSERT_EQ(game::fn::kCommitPage(&pool, i, &page), 1U);
        *game::at<std::uint32_t>(page + game::kPoolPageSize - 4) = i;
        ++pool.committed_pages;
    }
    EXPECT_FALSE(replace::memory_is_scarce()) << "something was asked for that does not belong to the arena";
    EXPECT_EQ(game::fn::kReleaseArena(&pool), 1U);
}

// --- patterns 6, 7, 8 ----------------------------------------------------------------------------------------------

TEST_F(Contract, AHeapTailGrowsByWholeStepsInsideItsReservationAndKeepsWhatItIsToldToDrop) {
    game::MemoryHeap heap{};
    heap.granularity = game::kHeapStep;
    heap.reserve = 0x00300000;
    const auto base = game::fn::kReserveBacking(&heap, heap.reserve, 0x00020000U);
    ASSERT_NE(base, 0U);
    std::uint32_t committed = 0x00020000;
    const std::uint64_t calls = kernel_calls_during([&] {
        while (committed < heap.reserve) {
            const auto added = game::fn::kCommitTail(&heap, base, committed, 100U);
            ASSERT_NE(added, 0U);
            ASSERT_EQ(added % heap.granularity, 0U);
            committed += added;
            ASSERT_LE(committed, heap.reserve);
        }
    });
    EXPECT_LE(calls, 4U) << "some of them asked for more than the reservation has";
    fill(game::at<void>(base), heap.reserve, 4);
    ASSERT_EQ(game::fn::kDecommitTail(&heap, base, committed, 0x20000U), 0U);
    EXPECT_TRUE(intact(game::at<void>(base), heap.reserve, 4));
    EXPECT_EQ(game::fn::kCommitTail(&heap, base, committed, 100U), 0U);
    // Memory is scarce now: the next drop is a real one, and says how much.
    EXPECT_EQ(game::fn::kDecommitTail(&heap, base, committed, 0x20000U), 0x20000U);
    game::fn::kReleaseBacking(&heap, base);
}

TEST_F(Contract, AnInteriorDecommitKeepsTheMemoryAndNeverSetsTheFlag) {
    game::MemoryHeap heap{};
    heap.granularity = game::kHeapStep;
    std::vector<std::uint32_t> memory(0x40000 / 4, 0xAAAAAAAA);
    auto* block = reinterpret_cast<game::HeapBlock*>(memory.data());
    block->size_and_flags = game::HeapBlock::kFree | 0x30000;
    const auto before = memory;
    game::fn::kDecommitInterior(&heap, game::addr_of(block));
    EXPECT_EQ(memory, before);
}

// --- pattern 9 -----------------------------------------------------------------------------------------------------

TEST_F(Contract, HeapBlocksComeFromOurAllocatorAndEveryCompanionAgrees) {
    for (const std::uint32_t size : {0U, 1U, 8U, 9U, 600U, 4096U, 4097U, 100000U, 5000000U}) {
        void* block = heap_allocate(size);
        ASSERT_NE(block, nullptr);
        EXPECT_NE(mp_owns(block), 0);
        EXPECT_TRUE(heap_contains(block));
        EXPECT_GE(heap_size(block), size);
        EXPECT_EQ(heap_call<std::uint32_t>(default_heap(), 0x28, block), heap_size(block) + game::kHeapHeaderSize);
        fill(block, heap_size(block), size);
        EXPECT_TRUE(intact(block, heap_size(block), size));
        heap_free(block);
    }
}

TEST_F(Contract, OurBlocksLieInTheDefaultHeapAloneAndForeignPointersInNone) {
    void* const block = heap_allocate(600);
    const int local = 0;
    std::size_t others = 0;
    for (const Addr address : manager()->heap_by_context) {
        auto* const heap = game::at<game::MemoryHeap>(address);
        if (heap == nullptr || heap->vtable != game::data::kMemoryHeapVtable) {
            continue;
        }
        const auto contains = [heap](const void* pointer) {
            return (heap_call<std::uint32_t>(heap, 0x10, pointer) & 0xFF) != 0;
        };
        EXPECT_EQ(contains(block), heap == default_heap());
        EXPECT_FALSE(contains(&local));
        EXPECT_FALSE(contains(game::at<void>(heap->base - 1)));
        others += heap != default_heap() ? 1 : 0;
    }
    EXPECT_GT(others, 0U);
    heap_free(block);
}

TEST_F(Contract, ABlockLargerThanTheHeapsCanHoldIsRefused) {
    EXPECT_EQ(heap_allocate(0x10000000), nullptr);
    EXPECT_EQ(heap_allocate(0xFFFFFFFF), nullptr);
}

TEST_F(Contract, PointersIntoOurMemoryThatAreNoBlocksNeverReachTheOriginal) {
    auto* large = static_cast<std::uint8_t*>(heap_allocate(500000));
    EXPECT_TRUE(heap_contains(large + 100000));
    heap_free(large + 100000);  // inside a block
    fill(large, 500000, 6);
    EXPECT_TRUE(intact(large, 500000, 6));
    heap_free(large);
    heap_free(large);  // freed already
    release(large);
    EXPECT_EQ(replace::total(Count::invalid_pointers), 3U);
    EXPECT_EQ(replace::live_blocks(), 0U);
}

TEST_F(Contract, FreeOfNullIsIgnored) {
    heap_free(nullptr);
    release(nullptr);
}

TEST_F(Contract, ReallocateKeepsContents) {
    void* block = allocate(700);
    fill(block, 700, 5);
    block = reallocate(block, 70000);
    EXPECT_TRUE(intact(block, 700, 5));
    block = reallocate(block, 650);
    EXPECT_TRUE(intact(block, 650, 5));
    release(block);
}

// --- statistics ----------------------------------------------------------------------------------------------------

constexpr std::size_t kStatisticsWords = sizeof(game::HeapStatistics) / sizeof(std::uint32_t);
using StatisticsWords = std::array<std::uint32_t, kStatisticsWords>;
constexpr std::size_t kUsedBytes = offsetof(game::HeapStatistics, used_bytes) / sizeof(std::uint32_t);

/// Slot +18; with `walk` 1 the original walks its chain of blocks.
StatisticsWords statistics_of(game::MemoryHeap* heap, std::uint32_t walk) {
    StatisticsWords words{};
    heap_call<void>(heap, 0x18, words.data(), walk);
    return words;
}

game::MemoryHeap* file_heap() {
    const auto* m = game::at<game::MemoryManager>(game::data::kMemoryManager);
    constexpr std::size_t kFile = 2;  // Default, Static, File
    return game::at<game::MemoryHeap>(game::at<Addr>(m->heaps)[kFile]);
}

TEST_F(Contract, OurBlocksAreUsedBytesOfTheDefaultHeapAndChangeNoOtherWordAndNoField) {
    for (const std::uint32_t walk : {0U, 1U}) {
        SCOPED_TRACE(walk);
        StatisticsWords before = statistics_of(default_heap(), walk);
        const StatisticsWords file_before = statistics_of(file_heap(), walk);
        const std::uint32_t live_before = default_heap()->live_bytes;
        void* block = heap_allocate(30'000'000);
        StatisticsWords during = statistics_of(default_heap(), walk);
        EXPECT_EQ(default_heap()->live_bytes, live_before) << "the field is the heap's own";
        EXPECT_EQ(statistics_of(file_heap(), walk), file_before);
        heap_free(block);
        EXPECT_GE(during[kUsedBytes], before[kUsedBytes] + 29'000'000);
        EXPECT_LT(during[kUsedBytes], 0x80000000U);
        during[kUsedBytes] = before[kUsedBytes] = 0;
        EXPECT_EQ(during, before);
        EXPECT_EQ(default_heap()->live_bytes, live_before);
    }
}

TEST_F(Contract, StatisticsAreTheOriginalsInAllWordsButUsedBytes) {
    for (const std::uint32_t walk : {0U, 1U}) {
        SCOPED_TRACE(walk);
        const game::MemoryHeap& heap = *default_heap();
        game::HeapStatistics now{};
        heap_call<void>(default_heap(), 0x18, &now, walk);
        EXPECT_EQ(now.name, heap.name);
        EXPECT_EQ(now.reserve, heap.reserve);
        EXPECT_EQ(now.committed, heap.committed);
        EXPECT_EQ(now.end, heap.end);
        EXPECT_EQ(now.block_count, heap.block_count);
        EXPECT_EQ(now.free_block_count, heap.free_block_count);
        EXPECT_EQ(now.free_bytes, heap.end - heap.live_bytes);
        EXPECT_GE(now.used_bytes, heap.live_bytes);
        EXPECT_EQ(now.available, heap.reserve - heap.end + now.free_bytes);
        StatisticsWords words{};
        std::memcpy(words.data(), &now, sizeof now);
        for (std::size_t i = 1; i < words.size(); ++i) {
            EXPECT_LT(words[i], 0x80000000U) << "word " << i << " reads negative";
        }
    }
}

// --- pattern 1 -----------------------------------------------------------------------------------------------------

TEST_F(Contract, AMediaBufferIsZeroFilledGranuleAlignedAndItsSamplesAreLinked) {
    game::MediaAllocator* allocator = standin::create_media_allocator();
    standin::set_media_properties(*allocator, {.count = 8, .size = 100000, .alignment = 16, .prefix = 0});
    for (int round = 0; round < 3; ++round) {
        ASSERT_EQ(standin::commit_media(*allocator), game::kHresultOk);
        EXPECT_EQ(allocator->buffer % os::kGranule, 0U);
        EXPECT_EQ(allocator->allocated, 8U);
        EXPECT_EQ(allocator->free_count, 8U);
        EXPECT_NE(mp_owns(game::at<void>(allocator->buffer)), 0);
        const auto* bytes = game::at<const std::uint8_t>(allocator->buffer);
        for (std::uint32_t i = 0; i < 8 * 100000; ++i) {
            ASSERT_EQ(bytes[i], 0) << i;
        }
        std::memset(game::at<void>(allocator->buffer), 0xEE, 8 * 100000);
        game::fn::kMediaReallyFree(allocator);
        EXPECT_EQ(allocator->buffer, 0U);
        EXPECT_EQ(allocator->free_count, 0U);
        allocator->changed = 1;
    }
    standin::destroy_media_allocator(allocator);
}

}  // namespace
}  // namespace mp::test
