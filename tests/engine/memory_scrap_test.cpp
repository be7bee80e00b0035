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

void* request(game::ScrapHeapManager* scraps, std::uint32_t& size) {
    return call_this<void*>(fn::kRequestBuffer, scraps, &size);
}
void release_buffer(game::ScrapHeapManager* scraps, void* buffer, std::uint32_t size) {
    call_this<void>(fn::kReleaseBuffer, scraps, buffer, size);
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
    EXPECT_EQ(call_this<std::uint32_t>(0x00AA5710U, heap.get(), second), 20U);
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
    call_this<void*>(game::fn::kScrapInitSized.va, &heap, std::uint32_t{kStep + 1});
    EXPECT_EQ(heap.end - heap.base, 2 * kStep);
    call_this<void>(game::fn::kScrapPurge.va, &heap);
    EXPECT_EQ(heap.base, 0U);
    EXPECT_EQ(heap.cursor, 0U);
}

TEST(EngineScrapHeap, EachThreadHasOneHeapOfItsOwn) {
    const auto own = [] { return call_this<game::ScrapHeap*>(game::fn::kThreadScrapHeap.va, &manager()); };
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
    void* const buffer = request(scraps, size);
    ASSERT_EQ(probe.allocs().size(), 2U);
    EXPECT_EQ(probe.allocs()[0].bytes, game::kScrapReserve);
    EXPECT_EQ(probe.allocs()[0].type, std::uint32_t{MEM_RESERVE});
    EXPECT_EQ(probe.allocs()[1].bytes, 3 * kStep);
    EXPECT_EQ(size, 3 * kStep);
    call_this<void>(fn::kScrapFree, scraps, buffer, size);
    EXPECT_TRUE(can_be_reserved(addr_of(buffer)));
}

TEST(EngineScrapCache, TheFirstLargeEnoughBufferIsReusedWithoutAKernelCall) {
    auto* const scraps = empty_scrap_manager();
    std::uint32_t sizes[] = {kStep, 4 * kStep, 2 * kStep};
    void* buffers[3];
    for (int i = 0; i < 3; ++i) {
        buffers[i] = call_this<void*>(fn::kScrapCreate, scraps, sizes[i]);
    }
    for (int i = 0; i < 3; ++i) {
        release_buffer(scraps, buffers[i], sizes[i]);
    }
    EXPECT_EQ(scraps->count, 3U);
    EXPECT_EQ(scraps->total_bytes, 7 * kStep);
    KernelProbe probe;
    std::uint32_t wanted = 2 * kStep;
    EXPECT_EQ(request(scraps, wanted), buffers[1]);
    EXPECT_EQ(wanted, 4 * kStep) << "the caller learns the buffer's size";
    EXPECT_EQ(scraps->total_bytes, 3 * kStep);
    EXPECT_EQ(at<void>(scraps->entries[1].buffer), buffers[2]) << "the last entry takes the free place";
    EXPECT_TRUE(probe.allocs().empty());
    release_buffer(scraps, buffers[1], 4 * kStep);
    empty_scrap_manager();
}

TEST(EngineScrapCache, WithoutALargeEnoughBufferTheLargestIsGrown) {
    auto* const scraps = empty_scrap_manager();
    void* const small = call_this<void*>(fn::kScrapCreate, scraps, std::uint32_t{kStep});
    void* const large = call_this<void*>(fn::kScrapCreate, scraps, std::uint32_t{2 * kStep});
    release_buffer(scraps, small, kStep);
    release_buffer(scraps, large, 2 * kStep);
    KernelProbe probe;
    std::uint32_t wanted = 8 * kStep;
    EXPECT_EQ(request(scraps, wanted), large);
    EXPECT_EQ(wanted, 8 * kStep);
    ASSERT_EQ(probe.allocs().size(), 1U);
    EXPECT_EQ(probe.allocs()[0].address, addr_of(large) + 2 * kStep);
    EXPECT_EQ(probe.allocs()[0].bytes, 6 * kStep);
    release_buffer(scraps, large, wanted);
    empty_scrap_manager();
}

TEST(EngineScrapCache, FreeAllReleasesEveryBuffer) {
    auto* const scraps = empty_scrap_manager();
    for (int i = 0; i < 5; ++i) {
        release_buffer(scraps, call_this<void*>(fn::kScrapCreate, scraps, std::uint32_t{kStep}), kStep);
    }
    KernelProbe probe;
    call_this<void>(fn::kFreeAllBuffers, scraps);
    EXPECT_EQ(probe.frees().size(), 5U);
    EXPECT_EQ(scraps->count, 0U);
    EXPECT_EQ(scraps->total_bytes, 0U);
}

TEST(EngineScrapCache, FreeBuffersStopsWhenEnoughIsFreed) {
    auto* const scraps = empty_scrap_manager();
    for (int i = 0; i < 5; ++i) {
        release_buffer(scraps, call_this<void*>(fn::kScrapCreate, scraps, std::uint32_t{kStep}), kStep);
    }
    EXPECT_EQ(call_this<std::uint32_t>(0x00AA5D40U, scraps, std::uint32_t{kStep + 1}), 2 * kStep);
    EXPECT_EQ(scraps->count, 3U);
    empty_scrap_manager();
}

// The engine's defect: a full cache frees the buffer without the lock and then goes on as if it had not.
TEST(EngineScrapCache, AFullCacheReleasesABufferTwice) {
    auto* const scraps = empty_scrap_manager();
    for (std::uint32_t i = 0; i < game::ScrapHeapManager::kCapacity; ++i) {
        release_buffer(scraps, call_this<void*>(fn::kScrapCreate, scraps, std::uint32_t{kStep}), kStep);
    }
    ASSERT_EQ(scraps->count, game::ScrapHeapManager::kCapacity);
    void* const extra = call_this<void*>(fn::kScrapCreate, scraps, std::uint32_t{kStep});
    {
        KernelProbe probe;
        release_buffer(scraps, extra, kStep);
        ASSERT_EQ(probe.frees().size(), 2U);
        EXPECT_EQ(probe.frees()[0].address, addr_of(extra));
        EXPECT_TRUE(probe.frees()[0].succeeded);
        EXPECT_EQ(probe.frees()[1].address, addr_of(extra));
        EXPECT_FALSE(probe.frees()[1].succeeded) << "it was released before";
    }
    EXPECT_EQ(scraps->count, game::ScrapHeapManager::kCapacity);
    empty_scrap_manager();
}

TEST(EngineScrapBuffer, GrowNeverGivesUp) {
    auto* const scraps = empty_scrap_manager();
    void* const buffer = call_this<void*>(fn::kScrapCreate, scraps, std::uint32_t{kStep});
    const auto stages = engine_counters.oom_stages;
    KernelProbe probe;
    probe.fail_next(3);
    call_this<void>(fn::kScrapGrow, scraps, buffer, std::uint32_t{kStep}, std::uint32_t{kStep});
    EXPECT_EQ(probe.allocs().size(), 4U);
    EXPECT_TRUE(probe.allocs().back().succeeded);
    for (std::size_t stage = 0; stage < 3; ++stage) {
        EXPECT_EQ(engine_counters.oom_stages[stage], stages[stage] + 1) << stage;
    }
    EXPECT_EQ(engine_counters.oom_stages[3], stages[3]);
    call_this<void>(fn::kScrapFree, scraps, buffer, std::uint32_t{2 * kStep});
}

TEST(EngineScrapBuffer, ShrinkDecommitsExactlyTheTail) {
    auto* const scraps = empty_scrap_manager();
    void* const buffer = call_this<void*>(fn::kScrapCreate, scraps, std::uint32_t{4 * kStep});
    call_this<void>(fn::kScrapShrink, scraps, buffer, std::uint32_t{4 * kStep}, std::uint32_t{kStep});
    EXPECT_EQ(page_state(addr_of(buffer) + 3 * kStep - 1), DWORD{MEM_COMMIT});
    EXPECT_EQ(page_state(addr_of(buffer) + 3 * kStep), DWORD{MEM_RESERVE});
    call_this<void>(fn::kScrapFree, scraps, buffer, std::uint32_t{3 * kStep});
}

TEST(EngineScrapBuffer, TheReservationIsTheOperandInTheCode) {
    std::uint32_t reserve = 0;
    std::memcpy(&reserve, at<const void>(game::data::kScrapReserveImmediate), sizeof reserve);
    EXPECT_EQ(reserve, game::kScrapReserve);
}

}  // namespace
}  // namespace mp::standin::test
