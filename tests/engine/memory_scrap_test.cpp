// Scrap heaps and the cache of their buffers.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "game/functions.h"
#include "memory_test_support.h"

namespace mp::standin::test {
namespace {

constexpr std::uint32_t kStep = 0x10000;
constexpr std::uint32_t kHeader = sizeof(game::ScrapBlock);

game::Addr request(game::ScrapHeapManager* scraps, std::uint32_t& size) {
    return fn::kRequestBuffer(scraps, &size);
}

TEST(EngineScrapHeap, BlocksStackBehindEightByteHeaders) {
    TestScrapHeap heap;
    void* const first = heap.allocate(100);
    void* const second = heap.allocate(20);
    EXPECT_EQ(addr_of(first), heap->base + kHeader);
    EXPECT_EQ(addr_of(second), addr_of(first) + 100 + kHeader);
    EXPECT_EQ(heap->cursor, addr_of(second) + 20);
    EXPECT_EQ(heap->last, addr_of(second) - kHeader);
    EXPECT_EQ(at<const game::ScrapBlock>(heap->last)->previous, addr_of(first) - kHeader);
    EXPECT_EQ(fn::kScrapBlockSize(heap.get(), second), 20U);
}

TEST(EngineScrapHeap, SpaceIsReusedInStackOrderOnly) {
    TestScrapHeap heap;
    void* const first = heap.allocate(100);
    void* const second = heap.allocate(100);
    void* const third = heap.allocate(100);
    heap.free(second);
    EXPECT_EQ(heap->last, addr_of(third) - kHeader) << "a freed block below a live one stays";
    heap.free(third);
    EXPECT_EQ(heap->cursor, addr_of(first) + 100) << "both are dropped at once";
    EXPECT_EQ(heap.allocate(100), second);
    heap.free(second);
    heap.free(first);
    EXPECT_EQ(heap->cursor, heap->base);
    EXPECT_EQ(heap->last, 0U);
}

TEST(EngineScrapHeap, ASecondFreeAndNullAreIgnored) {
    TestScrapHeap heap;
    void* const first = heap.allocate(100);
    void* const second = heap.allocate(100);
    heap.free(nullptr);
    heap.free(first);
    const game::ScrapHeap before = *heap.get();
    heap.free(first);
    EXPECT_EQ(std::memcmp(&before, heap.get(), sizeof before), 0);
    heap.free(second);
}

TEST(EngineScrapHeap, PaddingForAlignmentIsPartOfTheCursor) {
    TestScrapHeap heap;
    heap.allocate(4);
    void* const block = heap.allocate(40, 64);
    EXPECT_EQ(addr_of(block) % 64, 0U);
    EXPECT_EQ(heap->cursor, addr_of(block) + 40);
    for (const std::uint32_t none : {0U, 1U}) {
        const std::uint32_t cursor = heap->cursor;
        EXPECT_EQ(addr_of(heap.allocate(3, none)), cursor + kHeader);
    }
}

TEST(EngineScrapHeap, DoublesUntilTheBlockFits) {
    TestScrapHeap heap;
    ASSERT_EQ(heap.committed(), kStep);
    KernelProbe probe;
    heap.allocate(kStep - kHeader);  // reaches the end exactly: the end itself is not usable
    EXPECT_EQ(heap.committed(), 2 * kStep);
    heap.allocate(5 * kStep);
    EXPECT_EQ(heap.committed(), 8 * kStep);
    ASSERT_EQ(probe.allocs().size(), 2U);
    EXPECT_EQ(probe.allocs()[1].address, heap->base + 2 * kStep);
    EXPECT_EQ(probe.allocs()[1].bytes, 6 * kStep);
    EXPECT_EQ(page_state(heap->base + 8 * kStep - 1), DWORD{MEM_COMMIT});
    EXPECT_EQ(page_state(heap->base + 8 * kStep), DWORD{MEM_RESERVE});
}

TEST(EngineScrapHeap, HalvesOnceAFree) {
    TestScrapHeap heap;
    void* const small = heap.allocate(16);
    void* const middle = heap.allocate(16);
    void* const large = heap.allocate(5 * kStep);
    ASSERT_EQ(heap.committed(), 8 * kStep);
    KernelProbe probe;
    heap.free(large);
    EXPECT_EQ(heap.committed(), 4 * kStep);
    heap.free(middle);
    EXPECT_EQ(heap.committed(), 2 * kStep);
    heap.free(small);
    EXPECT_EQ(heap.committed(), kStep);
    ASSERT_EQ(probe.frees().size(), 3U);
    EXPECT_EQ(probe.frees()[0].address, heap->base + 4 * kStep);
    EXPECT_EQ(probe.frees()[0].bytes, 4 * kStep);
    EXPECT_EQ(probe.frees()[0].type, std::uint32_t{MEM_DECOMMIT});
    heap.free(heap.allocate(16));
    EXPECT_EQ(heap.committed(), kStep) << "never below 64 KB";
}

TEST(EngineScrapHeap, GrowingAndShrinkingAroundAStepThrashesTheKernel) {
    TestScrapHeap heap;
    heap.allocate(kStep / 4);
    KernelProbe probe;
    for (int i = 0; i < 10; ++i) {
        heap.free(heap.allocate(kStep));
    }
    EXPECT_EQ(probe.allocs().size(), 10U);
    EXPECT_EQ(probe.frees().size(), 10U);
}

TEST(EngineScrapHeap, BeyondEightMegabytesThereIsNull) {
    TestScrapHeap heap;
    void* const block = heap.allocate(game::kScrapReserve - kStep);
    EXPECT_NE(block, nullptr);
    EXPECT_EQ(heap.committed(), game::kScrapReserve);
    EXPECT_EQ(heap.allocate(kStep), nullptr);
    EXPECT_NE(heap.allocate(64), nullptr);
}

TEST(EngineScrapHeap, AStartSizeIsRoundedUpTo64Kilobytes) {
    game::ScrapHeap heap{};
    empty_scrap_manager();
    fn::kScrapInitSized(&heap, kStep + 1);
    EXPECT_EQ(heap.end - heap.base, 2 * kStep);
    fn::kScrapPurge(&heap);
    EXPECT_EQ(heap.base, 0U);
    EXPECT_EQ(heap.cursor, 0U);
}

TEST(EngineScrapHeap, EachThreadHasOneHeapOfItsOwn) {
    const auto own = [] { return fn::kThreadScrapHeap(&manager()); };
    std::set<game::ScrapHeap*> heaps{own()};
    EXPECT_EQ(own(), *heaps.begin());
    // Alive together, one after the other: the map is not locked, and an ended thread's id may come back.
    std::vector<std::thread> threads;
    const HANDLE finish = CreateEventA(nullptr, TRUE, FALSE, nullptr);
    for (int i = 0; i < 40; ++i) {
        game::ScrapHeap* seen = nullptr;
        const HANDLE found = CreateEventA(nullptr, TRUE, FALSE, nullptr);
        threads.emplace_back([&own, &seen, found, finish] {
            seen = own() == own() ? own() : nullptr;
            SetEvent(found);
            WaitForSingleObject(finish, INFINITE);
        });
        WaitForSingleObject(found, INFINITE);
        CloseHandle(found);
        ASSERT_NE(seen, nullptr);
        EXPECT_TRUE(heaps.insert(seen).second);
    }
    SetEvent(finish);
    std::ranges::for_each(threads, [](std::thread& thread) { thread.join(); });
    CloseHandle(finish);
}

TEST(EngineScrapCache, ABufferIsEightMegabytesWithItsFirstPartCommitted) {
    auto* const scraps = empty_scrap_manager();
    KernelProbe probe;
    std::uint32_t size = 3 * kStep;
    const game::Addr buffer = request(scraps, size);
    ASSERT_EQ(probe.allocs().size(), 2U);
    EXPECT_EQ(probe.allocs()[0].bytes, game::kScrapReserve);
    EXPECT_EQ(probe.allocs()[0].type, std::uint32_t{MEM_RESERVE});
    EXPECT_EQ(probe.allocs()[1].bytes, 3 * kStep);
    EXPECT_EQ(size, 3 * kStep);
    fn::kFreeBuffer(scraps, buffer, size);
    EXPECT_TRUE(can_be_reserved(buffer));
}

TEST(EngineScrapCache, TheFirstLargeEnoughBufferIsReusedWithoutAKernelCall) {
    auto* const scraps = empty_scrap_manager();
    std::uint32_t sizes[] = {kStep, 4 * kStep, 2 * kStep};
    game::Addr buffers[3];
    for (int i = 0; i < 3; ++i) {
        buffers[i] = fn::kCreateBuffer(scraps, sizes[i]);
    }
    for (int i = 0; i < 3; ++i) {
        fn::kReleaseBuffer(scraps, buffers[i], sizes[i]);
    }
    EXPECT_EQ(scraps->count, 3U);
    EXPECT_EQ(scraps->total_bytes, 7 * kStep);
    KernelProbe probe;
    std::uint32_t wanted = 2 * kStep;
    EXPECT_EQ(request(scraps, wanted), buffers[1]);
    EXPECT_EQ(wanted, 4 * kStep) << "the caller learns the buffer's size";
    EXPECT_EQ(scraps->total_bytes, 3 * kStep);
    EXPECT_EQ(scraps->entries[1].buffer, buffers[2]) << "the last entry takes the free place";
    EXPECT_TRUE(probe.allocs().empty());
    fn::kReleaseBuffer(scraps, buffers[1], 4 * kStep);
    empty_scrap_manager();
}

TEST(EngineScrapCache, WithoutALargeEnoughBufferTheLargestIsGrown) {
    auto* const scraps = empty_scrap_manager();
    const game::Addr small = fn::kCreateBuffer(scraps, kStep);
    const game::Addr large = fn::kCreateBuffer(scraps, 2 * kStep);
    fn::kReleaseBuffer(scraps, small, kStep);
    fn::kReleaseBuffer(scraps, large, 2 * kStep);
    KernelProbe probe;
    std::uint32_t wanted = 8 * kStep;
    EXPECT_EQ(request(scraps, wanted), large);
    EXPECT_EQ(wanted, 8 * kStep);
    ASSERT_EQ(probe.allocs().size(), 1U);
    EXPECT_EQ(probe.allocs()[0].address, large + 2 * kStep);
    EXPECT_EQ(probe.allocs()[0].bytes, 6 * kStep);
    fn::kReleaseBuffer(scraps, large, wanted);
    empty_scrap_manager();
}

TEST(EngineScrapCache, FreeAllReleasesEveryBuffer) {
    auto* const scraps = empty_scrap_manager();
    for (int i = 0; i < 5; ++i) {
        fn::kReleaseBuffer(scraps, fn::kCreateBuffer(scraps, kStep), kStep);
    }
    KernelProbe probe;
    fn::kFreeAllBuffers(scraps);
    EXPECT_EQ(probe.frees().size(), 5U);
    EXPECT_EQ(scraps->count, 0U);
    EXPECT_EQ(scraps->total_bytes, 0U);
}

TEST(EngineScrapCache, FreeBuffersStopsWhenEnoughIsFreed) {
    auto* const scraps = empty_scrap_manager();
    for (int i = 0; i < 5; ++i) {
        fn::kReleaseBuffer(scraps, fn::kCreateBuffer(scraps, kStep), kStep);
    }
    EXPECT_EQ(fn::kFreeBuffers(scraps, kStep + 1), 2 * kStep);
    EXPECT_EQ(scraps->count, 3U);
    empty_scrap_manager();
}

// The engine's defect: a full cache frees the buffer without the lock and then goes on as if it had not.
TEST(EngineScrapCache, AFullCacheReleasesABufferTwice) {
    auto* const scraps = empty_scrap_manager();
    for (std::uint32_t i = 0; i < game::ScrapHeapManager::kCapacity; ++i) {
        fn::kReleaseBuffer(scraps, fn::kCreateBuffer(scraps, kStep), kStep);
    }
    ASSERT_EQ(scraps->count, game::ScrapHeapManager::kCapacity);
    const game::Addr extra = fn::kCreateBuffer(scraps, kStep);
    {
        KernelProbe probe;
        fn::kReleaseBuffer(scraps, extra, kStep);
        ASSERT_EQ(probe.frees().size(), 2U);
        EXPECT_EQ(probe.frees()[0].address, extra);
        EXPECT_TRUE(probe.frees()[0].succeeded);
        EXPECT_EQ(probe.frees()[1].address, extra);
        EXPECT_FALSE(probe.frees()[1].succeeded) << "it was released before";
    }
    EXPECT_EQ(scraps->count, game::ScrapHeapManager::kCapacity);
    empty_scrap_manager();
}

TEST(EngineScrapBuffer, GrowNeverGivesUp) {
    auto* const scraps = empty_scrap_manager();
    const game::Addr buffer = fn::kCreateBuffer(scraps, kStep);
    const auto stages = engine_counters.oom_stages;
    KernelProbe probe;
    probe.fail_next(3);
    fn::kGrowBuffer(scraps, buffer, kStep, kStep);
    EXPECT_EQ(probe.allocs().size(), 4U);
    EXPECT_TRUE(probe.allocs().back().succeeded);
    for (std::size_t stage = 0; stage < 3; ++stage) {
        EXPECT_EQ(engine_counters.oom_stages[stage], stages[stage] + 1) << stage;
    }
    EXPECT_EQ(engine_counters.oom_stages[3], stages[3]);
    fn::kFreeBuffer(scraps, buffer, 2 * kStep);
}

TEST(EngineScrapBuffer, ShrinkDecommitsExactlyTheTail) {
    auto* const scraps = empty_scrap_manager();
    const game::Addr buffer = fn::kCreateBuffer(scraps, 4 * kStep);
    fn::kShrinkBuffer(scraps, buffer, 4 * kStep, kStep);
    EXPECT_EQ(page_state(buffer + 3 * kStep - 1), DWORD{MEM_COMMIT});
    EXPECT_EQ(page_state(buffer + 3 * kStep), DWORD{MEM_RESERVE});
    fn::kFreeBuffer(scraps, buffer, 3 * kStep);
}

TEST(EngineScrapBuffer, TheReservationIsTheOperandInTheCode) {
    std::uint32_t reserve = 0;
    std::memcpy(&reserve, at<const void>(game::data::kScrapReserveImmediate), sizeof reserve);
    EXPECT_EQ(reserve, game::kScrapReserve);
}

}  // namespace
}  // namespace mp::standin::test
