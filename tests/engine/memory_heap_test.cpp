// MemoryHeap: headers, bins, first fit, split and merge, the committed tail, costs.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "memory_test_support.h"
#include "standin/memory/heap_lists.h"

namespace mp::standin::test {
namespace {

constexpr std::uint32_t kHeader = game::kHeapHeaderSize;

/// A live block behind `block`, so that freeing `block` neither merges nor trims.
struct Fenced {
    void* block;
    void* fence;
};
Fenced allocate_fenced(TestHeap& heap, std::uint32_t size) {
    void* const block = heap.allocate(size);
    return {block, heap.allocate(8)};
}

TEST(EngineHeap, BlocksFollowEachOtherBehindEightByteHeaders) {
    TestHeap heap;
    void* const first = heap.allocate(100);
    void* const second = heap.allocate(33);
    void* const third = heap.allocate(1);
    EXPECT_EQ(addr_of(first), heap->base + kHeader);
    EXPECT_EQ(addr_of(second), addr_of(first) + 100 + kHeader);
    EXPECT_EQ(addr_of(third), addr_of(second) + 36 + kHeader);
    EXPECT_EQ(block_of(first)->previous, 0U);
    EXPECT_EQ(block_of(second)->previous, addr_of(block_of(first)));
    EXPECT_EQ(block_of(second)->size_and_flags, 36U);
    EXPECT_EQ(block_of(third)->size_and_flags, 8U);
    EXPECT_EQ(heap->end, 100U + 36 + 8 + 3 * kHeader);
    EXPECT_EQ(heap->live_bytes, heap->end);
    EXPECT_EQ(heap->block_count, 3U);
    EXPECT_TRUE(heap.sound());
}

TEST(EngineHeap, SizeFunctionsReadTheHeader) {
    TestHeap heap;
    void* const block = heap.allocate(101);
    EXPECT_EQ(call_virtual<std::uint32_t>(heap.get(), slot::kSize, block, std::uint32_t{0}), 104U);
    EXPECT_EQ(call_virtual<std::uint32_t>(heap.get(), 0x28, block), 112U);
}

TEST(EngineHeap, ContainsExactlyItsReservation) {
    TestHeap heap;
    const auto contains = [&](std::uint32_t address) {
        return (call_virtual<std::uint32_t>(heap.get(), slot::kContains, at<void>(address)) & 0xFF) != 0;
    };
    EXPECT_FALSE(contains(heap->base - 1));
    EXPECT_TRUE(contains(heap->base));
    EXPECT_TRUE(contains(heap->base + TestHeap::kReserve - 1));
    EXPECT_FALSE(contains(heap->base + TestHeap::kReserve));
}

TEST(EngineHeap, ABinIsFirstInFirstOut) {
    TestHeap heap;
    const Fenced first = allocate_fenced(heap, 64);
    const Fenced second = allocate_fenced(heap, 64);
    heap.free(first.block);
    heap.free(second.block);
    EXPECT_EQ(heap.allocate(64), first.block);
    EXPECT_EQ(heap.allocate(64), second.block);
}

TEST(EngineHeap, TheLargeListIsFirstFitInTheOrderOfTheFrees) {
    TestHeap heap;
    const Fenced big = allocate_fenced(heap, 9000);
    const Fenced exact = allocate_fenced(heap, 5000);
    heap.free(big.block);
    heap.free(exact.block);
    EXPECT_EQ(heap.allocate(5000), big.block) << "not the best fit, the first";
    EXPECT_EQ(heap.allocate(5000), exact.block);
    EXPECT_TRUE(heap.sound());
}

TEST(EngineHeap, ALargerBlockIsSplitAndTheRestIsFree) {
    TestHeap heap;
    const Fenced large = allocate_fenced(heap, 1000);
    heap.free(large.block);
    EXPECT_EQ(heap.allocate(200), large.block);
    EXPECT_EQ(payload(block_of(large.block)), 200U);
    const game::HeapBlock* const rest = next_block(heap.get(), block_of(large.block));
    EXPECT_TRUE(is_free(rest));
    EXPECT_EQ(payload(rest), 1000U - 200 - kHeader);
    EXPECT_EQ(block_of(large.fence)->previous, addr_of(rest));
    EXPECT_EQ(heap->free_block_count, 1U);
    EXPECT_TRUE(heap.sound());
}

TEST(EngineHeap, ARemainderBelowSixteenBytesIsNotSplitOff) {
    TestHeap heap;
    const Fenced block = allocate_fenced(heap, 100);
    heap.free(block.block);
    EXPECT_NE(heap.allocate(88), block.block);  // 12 left
    EXPECT_EQ(heap.allocate(84), block.block);  // 16 left
    EXPECT_TRUE(heap.sound());
}

TEST(EngineHeap, FreedNeighboursMergeOnBothSides) {
    TestHeap heap;
    std::array<void*, 5> blocks{};
    std::ranges::generate(blocks, [&] { return heap.allocate(48); });
    heap.free(blocks[1]);
    heap.free(blocks[3]);
    EXPECT_EQ(heap->free_block_count, 2U);
    heap.free(blocks[2]);
    EXPECT_EQ(heap->free_block_count, 1U);
    EXPECT_EQ(payload(block_of(blocks[1])), 3U * 48 + 2 * kHeader);
    EXPECT_EQ(block_of(blocks[4])->previous, addr_of(block_of(blocks[1])));
    EXPECT_EQ(heap->block_count, 3U);
    EXPECT_TRUE(heap.sound());
}

TEST(EngineHeap, FreeBlocksAtTheEndLowerTheEnd) {
    TestHeap heap;
    void* const first = heap.allocate(100);
    void* const second = heap.allocate(100);
    void* const third = heap.allocate(100);
    const std::uint32_t high = heap->end;
    heap.free(second);
    EXPECT_EQ(heap->end, high);
    heap.free(third);
    EXPECT_EQ(heap->end, 108U);
    EXPECT_EQ(heap->high_water, high);
    heap.free(first);
    EXPECT_EQ(heap->end, 0U);
    EXPECT_EQ(heap->first_block, 0U);
    EXPECT_EQ(heap->last_block, 0U);
    EXPECT_EQ(heap->block_count, 0U);
    EXPECT_EQ(heap->live_bytes, 0U);
    EXPECT_EQ(heap.allocate(100), first);
}

TEST(EngineHeap, AFreedBlockKeepsItsContentsBehindTheLinks) {
    TestHeap heap;
    const Fenced block = allocate_fenced(heap, 64);
    auto* const bytes = static_cast<std::uint8_t*>(block.block);
    std::memset(bytes, 0xA5, 64);
    heap.free(bytes);
    EXPECT_TRUE(std::all_of(bytes + 8, bytes + 64, [](std::uint8_t byte) { return byte == 0xA5; }));
}

TEST(EngineHeap, EveryTailAllocationCostsAKernelCallAndListsCostNone) {
    TestHeap heap;
    KernelProbe probe;
    const Fenced block = allocate_fenced(heap, 40);
    ASSERT_EQ(probe.allocs().size(), 2U) << "one for each, although the memory is committed";
    EXPECT_EQ(probe.allocs()[0].address, heap->base);
    EXPECT_EQ(probe.allocs()[0].bytes, 48U);
    EXPECT_EQ(probe.allocs()[0].type, std::uint32_t{MEM_COMMIT});
    probe.clear();
    heap.free(block.block);
    EXPECT_EQ(heap.allocate(40), block.block);
    EXPECT_TRUE(probe.allocs().empty());
    EXPECT_TRUE(probe.frees().empty());
}

/// Takes the place of the engine's logger.
struct FakeLogger {
    const game::Addr* vtable;
    std::vector<std::string> messages;
    std::vector<std::array<std::uint32_t, 4>> others;  ///< the arguments beside the message
};
void MP_THISCALL print(FakeLogger* self, std::uint32_t channel, const char* message, std::uint32_t a, std::uint32_t b,
                       std::uint32_t c) {
    self->messages.emplace_back(message);
    self->others.push_back({channel, a, b, c});
}

TEST(EngineHeap, EveryTailAllocationFormatsAMessageForTheLogger) {
    TestHeap heap;
    std::array<game::Addr, 6> vtable{};
    vtable[slot::kLoggerPrint / 4] = addr_of(reinterpret_cast<const void*>(&print));
    FakeLogger logger{vtable.data(), {}, {}};
    const game::Ptr32 before = std::exchange(*at<game::Ptr32>(game::data::kHeapLogger), addr_of(&logger));
    const Fenced block = allocate_fenced(heap, 40);
    heap.free(block.block);
    heap.allocate(40);
    *at<game::Ptr32>(game::data::kHeapLogger) = before;
    ASSERT_EQ(logger.messages.size(), 2U);
    EXPECT_NE(logger.messages[0].find("Test Heap"), std::string::npos);
    EXPECT_NE(logger.messages[0].find("40 bytes"), std::string::npos);
    EXPECT_EQ(logger.others[0], (std::array<std::uint32_t, 4>{2, 0, 0, 0}));
}

TEST(EngineHeap, TheTailIsCommittedInStepsOf64KilobytesWithOneToSpare) {
    TestHeap heap;
    heap.allocate(TestHeap::kCommit - 2 * kHeader);
    ASSERT_EQ(heap->committed, TestHeap::kCommit);
    KernelProbe probe;
    heap.allocate(24);
    EXPECT_EQ(heap->committed, TestHeap::kCommit + game::kHeapStep);
    ASSERT_EQ(probe.allocs().size(), 2U);
    EXPECT_EQ(probe.allocs()[0].address, heap->base + TestHeap::kCommit);
    EXPECT_EQ(probe.allocs()[0].bytes, game::kHeapStep);
    const auto wanted = game::kHeapStep;
    EXPECT_EQ(call_virtual<std::uint32_t>(heap.get(), slot::kCommitTail, at<void>(heap->base), heap->committed, wanted),
              2 * game::kHeapStep);
}

TEST(EngineHeap, ASurplusOf64KilobytesIsDecommittedDownToTheFirstCommit) {
    TestHeap heap;
    void* const low = heap.allocate(TestHeap::kCommit);
    void* const high = heap.allocate(5 * game::kHeapStep);
    ASSERT_GT(heap->committed, TestHeap::kCommit + 5 * game::kHeapStep);
    heap.free(high);
    EXPECT_LT(heap->committed - heap->end, game::kHeapStep);
    EXPECT_EQ(page_state(heap->base + heap->committed - 1), DWORD{MEM_COMMIT});
    EXPECT_EQ(page_state(heap->base + heap->committed), DWORD{MEM_RESERVE});
    KernelProbe probe;
    heap.free(low);
    EXPECT_EQ(heap->committed, TestHeap::kCommit) << "never below the first commit";
    ASSERT_EQ(probe.frees().size(), 1U);
    EXPECT_EQ(probe.frees()[0].type, std::uint32_t{MEM_DECOMMIT});
}

TEST(EngineHeap, BeyondTheReservationThereIsNull) {
    TestHeap heap;
    EXPECT_EQ(heap.allocate(TestHeap::kReserve), nullptr);
    EXPECT_EQ(heap.allocate(TestHeap::kReserve - kHeader + 4), nullptr);
    void* const block = heap.allocate(TestHeap::kReserve / 2);
    EXPECT_NE(block, nullptr);
    EXPECT_EQ(heap.allocate(TestHeap::kReserve / 2), nullptr);
    EXPECT_NE(heap.allocate(64), nullptr) << "a failure leaves the heap usable";
    EXPECT_TRUE(heap.sound());
}

TEST(EngineHeap, AFailedTailCommitGivesNullAndChangesNothing) {
    TestHeap heap;
    KernelProbe probe;
    probe.fail_next(1);
    EXPECT_EQ(heap.allocate(TestHeap::kCommit + 4), nullptr);
    EXPECT_EQ(heap->committed, TestHeap::kCommit);
    EXPECT_EQ(heap->end, 0U);
    EXPECT_NE(heap.allocate(TestHeap::kCommit + 4), nullptr);
}

TEST(EngineHeap, AFailedCommitOfATailBlockGivesNullAndChangesNothing) {
    TestHeap heap;
    void* const first = heap.allocate(64);
    const std::uint32_t end = heap->end;
    KernelProbe probe;
    probe.fail_next(1);
    EXPECT_EQ(heap.allocate(64), nullptr);
    EXPECT_EQ(heap->end, end);
    EXPECT_EQ(heap->live_bytes, end);
    EXPECT_EQ(heap->last_block, addr_of(block_of(first)));
    EXPECT_TRUE(heap.sound());
    EXPECT_EQ(addr_of(heap.allocate(64)), addr_of(first) + 64 + kHeader);
}

TEST(EngineHeap, ASearchThatEndsInTheLastGroupOfBinsIsThrownAway) {
    for (const std::uint32_t found : {3844U, 4096U}) {
        TestHeap heap;
        const Fenced last = allocate_fenced(heap, found);
        heap.free(last.block);
        ASSERT_EQ(heap->groups[15].free_count, 1U);
        EXPECT_GT(addr_of(heap.allocate(2000)), addr_of(last.fence)) << "from the tail";
        EXPECT_EQ(heap->free_block_count, 1U);
    }
}

TEST(EngineHeap, ALargeBlockServesWhatASearchInTheLastGroupOfBinsWouldHaveServed) {
    TestHeap heap;
    const Fenced last = allocate_fenced(heap, 4096);
    const Fenced large = allocate_fenced(heap, 9000);
    heap.free(last.block);
    heap.free(large.block);
    EXPECT_EQ(heap.allocate(2000), large.block);
    EXPECT_TRUE(heap.sound());
}

TEST(EngineHeap, TheBinOfTheSizeAndARemainderIsUsedInTheLastGroupToo) {
    TestHeap heap;
    const Fenced last = allocate_fenced(heap, 4056);
    heap.free(last.block);
    EXPECT_EQ(heap.allocate(4040), last.block);
    EXPECT_TRUE(heap.sound());
}

TEST(EngineHeap, TheOwnBinIsUsedInTheLastGroupToo) {
    TestHeap heap;
    const Fenced last = allocate_fenced(heap, 4000);
    heap.free(last.block);
    EXPECT_EQ(heap.allocate(4000), last.block);
}

TEST(EngineHeap, AnAllocationThatSplitsGivesTheTailsSurplusBack) {
    TestHeap heap;
    const Fenced inside = allocate_fenced(heap, 1000);
    heap.free(inside.block);
    // Nearly a step is left when a block of one step comes: two more are committed, and more than one of them is too
    // much.
    heap.allocate(TestHeap::kCommit - heap->end - kHeader - (game::kHeapStep - 4));
    heap.allocate(game::kHeapStep - kHeader);
    const std::uint32_t committed = heap->committed;
    ASSERT_GE(committed - heap->end, game::kHeapStep);
    KernelProbe probe;
    EXPECT_EQ(heap.allocate(200), inside.block);
    EXPECT_EQ(heap->committed, committed - game::kHeapStep);
    ASSERT_EQ(probe.frees().size(), 1U);
    EXPECT_EQ(probe.frees()[0].type, std::uint32_t{MEM_DECOMMIT});
    EXPECT_TRUE(heap.sound());
}

TEST(EngineHeap, AMissLooksThroughTheGroupsForALargerBin) {
    TestHeap heap;
    const Fenced block = allocate_fenced(heap, 3000);
    heap.free(block.block);
    EXPECT_EQ(heap.allocate(16), block.block);
    EXPECT_TRUE(heap.sound());
}

TEST(EngineHeap, ARequestBetweenTheBinsAndTheLargeListFindsALargeBlock) {
    TestHeap heap;
    const Fenced block = allocate_fenced(heap, 8000);
    heap.free(block.block);
    EXPECT_EQ(heap.allocate(4088), block.block);  // n + 16 is past the last bin
}

TEST(EngineHeap, InteriorDecommitMarksTheBlockAndAllocationCommitsAgain) {
    TestHeap heap;
    const Fenced block = allocate_fenced(heap, 4 * game::kHeapStep);
    heap.free(block.block);
    call_virtual<void>(heap.get(), 0x40, block_of(block.block));
    EXPECT_NE(block_of(block.block)->size_and_flags & game::HeapBlock::kDecommitted, 0U);
    EXPECT_EQ(page_state(heap->base + 2 * game::kHeapStep), DWORD{MEM_RESERVE});
    auto* const again = static_cast<std::uint8_t*>(heap.allocate(4 * game::kHeapStep));
    ASSERT_EQ(again, block.block);
    std::memset(again, 1, 4 * game::kHeapStep);
}

TEST(EngineHeap, InteriorDecommitLeavesSmallBlocksAlone) {
    TestHeap heap;
    const Fenced block = allocate_fenced(heap, game::kHeapStep - 4);
    heap.free(block.block);
    KernelProbe probe;
    call_virtual<void>(heap.get(), 0x40, block_of(block.block));
    EXPECT_TRUE(probe.frees().empty());
}

game::HeapStatistics statistics_of(TestHeap& heap, std::uint32_t walk) {
    game::HeapStatistics statistics{};
    call_virtual<void>(heap.get(), slot::kStatistics, &statistics, walk);
    return statistics;
}

/// The words that do not depend on a walk.
void expect_fields(const game::HeapStatistics& statistics, TestHeap& heap) {
    EXPECT_STREQ(at<const char>(statistics.name), "Test Heap");
    EXPECT_EQ(statistics.reserve, TestHeap::kReserve);
    EXPECT_EQ(statistics.committed, heap->committed);
    EXPECT_EQ(statistics.end, heap->end);
    EXPECT_EQ(statistics.block_count, heap->block_count);
    EXPECT_EQ(statistics.free_block_count, heap->free_block_count);
    EXPECT_EQ(statistics.object_bytes, 0x20F0U);
    EXPECT_EQ(statistics.list_bytes, 0x2080U);
    EXPECT_EQ(statistics.header_bytes, heap->block_count * kHeader);
    EXPECT_EQ(statistics.zero, 0U);
    EXPECT_EQ(statistics.available, statistics.reserve - statistics.end + statistics.free_bytes);
}

void free_two_blocks(TestHeap& heap) {
    const Fenced small = allocate_fenced(heap, 100);
    const Fenced large = allocate_fenced(heap, 5000);
    heap.free(small.block);
    heap.free(large.block);
}

TEST(EngineHeap, StatisticsWithoutAWalkComeFromTheFields) {
    TestHeap heap;
    free_two_blocks(heap);
    heap->live_bytes += 4;  // read, not counted
    const game::HeapStatistics statistics = statistics_of(heap, 0);
    expect_fields(statistics, heap);
    EXPECT_EQ(statistics.used_bytes, heap->live_bytes);
    EXPECT_EQ(statistics.free_bytes, heap->end - heap->live_bytes);
    EXPECT_EQ(statistics.smallest_free, 0x0FFFFFFFU);
    EXPECT_EQ(statistics.largest_free, 0U);
    heap->live_bytes -= 4;
}

TEST(EngineHeap, StatisticsWithAWalkCountEveryBlockWithItsHead) {
    TestHeap heap;
    free_two_blocks(heap);
    heap->live_bytes += 4;  // not read
    const game::HeapStatistics statistics = statistics_of(heap, 1);
    expect_fields(statistics, heap);
    EXPECT_EQ(statistics.used_bytes, 2 * (8 + kHeader));
    EXPECT_EQ(statistics.free_bytes, 100 + 5000 + 2 * kHeader);
    EXPECT_EQ(statistics.smallest_free, 100 + kHeader);
    EXPECT_EQ(statistics.largest_free, 5000 + kHeader);
    heap->live_bytes -= 4;
}

TEST(EngineHeap, TheHeapsModeSwitchesTheWalkOff) {
    TestHeap heap;
    free_two_blocks(heap);
    heap->mode = 1;
    EXPECT_EQ(statistics_of(heap, 1).largest_free, 0U);
    heap->mode = 0;
    EXPECT_EQ(statistics_of(heap, 1).largest_free, 5000 + kHeader);
}

TEST(EngineHeap, DestructionReleasesTheBacking) {
    std::uint32_t base = 0;
    {
        TestHeap heap;
        base = heap->base;
        const Fenced block = allocate_fenced(heap, 64);
        heap.free(block.block);
    }
    EXPECT_TRUE(can_be_reserved(base));
}

TEST(EngineHeap, AReserveWithoutItsFirstCommitIsTakenBack) {
    TestHeap heap;
    KernelProbe probe;
    const std::uint32_t more_than_reserved = 0x20000;
    void* const base = call_virtual<void*>(heap.get(), slot::kReserve, std::uint32_t{0x10000}, more_than_reserved);
    EXPECT_EQ(base, nullptr);
    ASSERT_EQ(probe.allocs().size(), 2U);
    ASSERT_EQ(probe.frees().size(), 1U);
    EXPECT_EQ(probe.frees()[0].address, probe.allocs()[1].address);
    EXPECT_EQ(probe.frees()[0].type, std::uint32_t{MEM_RELEASE});
    EXPECT_TRUE(probe.frees()[0].succeeded);
}

TEST(EngineHeap, RandomUseKeepsContentsAndTheChainSound) {
    TestHeap heap(0x2000000, 0x100000);
    std::vector<PatternBlock> live;
    std::uint32_t state = 20101019;
    for (int i = 0; i < 20'000; ++i) {
        if (live.size() < 400 && next_random(state) % 5 < 3) {
            const std::uint32_t size =
                next_random(state) % 100 == 0 ? next_random(state) % 60'000 : next_random(state) % 3000;
            live.push_back({static_cast<std::uint8_t*>(heap.allocate(size)), size, static_cast<std::uint8_t>(i)});
            ASSERT_NE(live.back().data, nullptr);
            live.back().fill();
        } else if (!live.empty()) {
            std::swap(live[next_random(state) % live.size()], live.back());
            ASSERT_TRUE(live.back().intact());
            heap.free(live.back().data);
            live.pop_back();
        }
        if (i % 500 == 0) {
            ASSERT_TRUE(heap.sound()) << i;
        }
    }
    for (const PatternBlock& block : live) {
        ASSERT_TRUE(block.intact());
        heap.free(block.data);
    }
    EXPECT_EQ(heap->end, 0U);
    EXPECT_EQ(heap->free_block_count, 0U);
    EXPECT_EQ(heap->committed, 0x100000U);
}

TEST(EngineStaticHeap, GrowsUntilFullAndNeverReuses) {
    std::vector<std::uint8_t> memory(1000);
    game::StaticHeap heap{};
    heap.vtable = game::data::kStaticHeapVtable;
    heap.base = addr_of(memory.data());
    heap.capacity = 1000;
    const auto allocate_static = [&](std::uint32_t size) {
        return call_virtual<void*>(&heap, slot::kAllocate, size, std::uint32_t{0});
    };
    void* const first = allocate_static(100);
    EXPECT_EQ(first, memory.data());
    call_virtual<void>(&heap, slot::kFree, first, std::uint32_t{0});
    EXPECT_EQ(allocate_static(898), memory.data() + 100);
    EXPECT_EQ(allocate_static(4), nullptr);
    EXPECT_EQ(heap.lock.owner_thread, 0U);
    EXPECT_EQ(call_virtual<std::uint32_t>(&heap, slot::kContains, static_cast<void*>(memory.data() + 999)) & 0xFF, 1U);
    EXPECT_EQ(call_virtual<std::uint32_t>(&heap, slot::kContains, static_cast<void*>(memory.data() + 1000)) & 0xFF, 0U);
}

TEST(EngineStaticHeap, ANewThreadUsesItFirstAndTheDefaultHeapWhenItIsFull) {
    auto* const heap = at<game::StaticHeap>(at<const game::Ptr32>(manager().heaps)[1]);
    on_other_thread([&] {
        const std::uint32_t rest = heap->capacity - heap->cursor;
        ASSERT_GT(rest, 4096U);
        void* const first = allocate(4096);
        EXPECT_GE(addr_of(first), heap->base);
        EXPECT_LT(addr_of(first), heap->base + heap->capacity);
        EXPECT_GE(size_of(first), 4096U);
        deallocate(first);
        EXPECT_EQ(heap->capacity - heap->cursor, rest - 4096) << "a free gives nothing back";
        const std::uint32_t cursor = std::exchange(heap->cursor, heap->capacity);
        void* const second = allocate(4096);
        heap->cursor = cursor;
        EXPECT_EQ(fn::kHeapOf(&manager(), second), at<void>(manager().heap_by_context[65]));
        deallocate(second);
    });
}

}  // namespace
}  // namespace mp::standin::test
