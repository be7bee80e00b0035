// What the game's heaps have reserved serves the allocator once their blocks are ours (engine contract A.11 to A.14,
// B.5).
#include <gtest/gtest.h>

#include <vector>

#include "alloc/mp_alloc.h"
#include "engine_access.h"
#include "game/functions.h"
#include "installed.h"
#include "os/os.h"
#include "replace/heap_memory.h"
#include "replace/install.h"

namespace mp::test {
namespace {

constexpr std::uint32_t kPart = 256 * 1024;

/// Boundary mode in the running stand-in, whose heaps exist; each test is a process of its own and takes nothing out.
class HeapMemory : public ::testing::Test {
protected:
    void SetUp() override {
        set_memory_context(game::kDefaultContext);
        replace::install(replace::Extent::boundary);
        ASSERT_EQ(replace::patch_count(), game::kMissionCount);
    }
};

std::vector<game::MemoryHeap*> heaps() {
    std::vector<game::MemoryHeap*> found;
    const auto* m = game::at<game::MemoryManager>(game::data::kMemoryManager);
    for (const Addr address : m->heap_by_context) {
        auto* heap = game::at<game::MemoryHeap>(address);
        if (heap != nullptr && heap->vtable == game::data::kMemoryHeapVtable &&
            std::ranges::find(found, heap) == found.end()) {
            found.push_back(heap);
        }
    }
    return found;
}

bool is_inside(const game::MemoryHeap* heap, const void* block) {
    return game::addr_of(block) - heap->base < heap->reserve;
}

bool is_inside_any(const void* block) {
    return std::ranges::any_of(heaps(), [block](const auto* heap) { return is_inside(heap, block); });
}

std::uint32_t reserve_of_all() {
    std::uint32_t sum = 0;
    for (const game::MemoryHeap* heap : heaps()) {
        sum += heap->reserve;
    }
    return sum;
}

std::uint32_t used_bytes(game::MemoryHeap* heap, std::uint32_t walk) {
    game::HeapStatistics words{};
    heap_call<void>(heap, 0x18, &words, walk);
    return words.used_bytes;
}

std::uint64_t reserved_by_allocator() {
    mp_alloc_stats stats{};
    mp_stats(&stats);
    return stats.reserved_bytes;
}

TEST_F(HeapMemory, NearlyAllOfTheReservationsIsTaken) {
    const replace::HeapMemory taken = replace::take_heap_memory(replace::hooks());
    EXPECT_GE(taken.reserved, reserve_of_all() / 10 * 9);
    EXPECT_LE(taken.reserved, reserve_of_all());
    EXPECT_GE(taken.committed, default_heap()->initial_commit / 10 * 8);
    EXPECT_EQ(replace::take_heap_memory(replace::hooks()).reserved, 0U) << "once";
}

TEST_F(HeapMemory, BlocksLieThereAndNoAddressSpaceIsAskedFor) {
    const replace::HeapMemory taken = replace::take_heap_memory(replace::hooks());
    const std::uint64_t before = reserved_by_allocator();
    std::vector<void*> blocks;
    for (std::uint32_t bytes = 0; bytes < taken.reserved / 2; bytes += kPart) {
        blocks.push_back(heap_allocate(kPart - 16));
        fill(blocks.back(), kPart - 16, bytes);
    }
    for (std::uint32_t size = 16; size < 4096; size += 16) {
        blocks.push_back(heap_allocate(size));
    }
    EXPECT_TRUE(std::ranges::all_of(blocks, &is_inside_any));
    // Live bits of what the heaps reserve: 64 KB for each 2 MB, in steps of a megabyte.
    EXPECT_LE(reserved_by_allocator() - before, taken.reserved / 32 + (1U << 20));
    for (std::uint32_t i = 0; i < taken.reserved / 2 / kPart; ++i) {
        EXPECT_TRUE(intact(blocks[i], kPart - 16, i * kPart));
    }
    for (void* block : blocks) {
        EXPECT_TRUE(heap_contains(block));
        heap_free(block);
    }
}

TEST_F(HeapMemory, TheHeapHasNothingLeftToHandOut) {
    for (game::MemoryHeap* heap : heaps()) {
        ASSERT_NE(replace::allocate_from_original(*heap, 64 * 1024), nullptr);
    }
    replace::take_heap_memory(replace::hooks());
    for (game::MemoryHeap* heap : heaps()) {
        const std::uint32_t committed = heap->committed;
        EXPECT_EQ(replace::allocate_from_original(*heap, 64 * 1024), nullptr);
        EXPECT_EQ(heap_call<std::uint32_t>(heap, 0x38, heap->base, committed, std::uint32_t{4096}), 0U);
        EXPECT_EQ(heap_call<std::uint32_t>(heap, 0x3C, heap->base, committed, std::uint32_t{1} << 20), 0U);
        EXPECT_EQ(heap->committed, committed);
    }
}

TEST_F(HeapMemory, TheHeapsOwnReleaseLeavesItsBlocksReadable) {
    replace::take_heap_memory(replace::hooks());
    auto* block = static_cast<std::uint8_t*>(heap_allocate(100'000));
    ASSERT_TRUE(is_inside_any(block));
    fill(block, 100'000, 3);
    for (game::MemoryHeap* heap : heaps()) {
        heap_call<void>(heap, 0x34, heap->base);
    }
    EXPECT_TRUE(intact(block, 100'000, 3));
    heap_free(block);
}

TEST_F(HeapMemory, IsFreedWithoutEndingTheReservation) {
    replace::take_heap_memory(replace::hooks());
    heap_free(heap_allocate(30'000'000));
    mp_trim(0);
    for (const game::MemoryHeap* heap : heaps()) {
        os::RegionInfo region;
        ASSERT_TRUE(os::query(game::at<void>(heap->base + heap->reserve - 4096), &region));
        EXPECT_EQ(region.allocation_base, heap->base);
        EXPECT_EQ(region.state, os::PageState::reserved) << "given back to the system";
    }
    void* again = heap_allocate(30'000'000);
    EXPECT_TRUE(is_inside_any(again));
    fill(again, 30'000'000, 1);
    heap_free(again);
}

TEST_F(HeapMemory, WhatWasTakenIsNotCountedAsUsedByTheGame) {
    for (const std::uint32_t walk : {0U, 1U}) {
        const std::uint32_t before = used_bytes(default_heap(), walk);
        replace::take_heap_memory(replace::hooks());
        const std::uint32_t after = used_bytes(default_heap(), walk);
        EXPECT_LT(after, before + (4U << 20)) << "walk " << walk;
        void* block = heap_allocate(20'000'000);
        EXPECT_GE(used_bytes(default_heap(), walk), after + 19'000'000);
        heap_free(block);
    }
}

TEST_F(HeapMemory, BlocksOfTheHeapsOwnStayItsOwn) {
    std::vector<void*> own;
    for (std::uint32_t i = 0; i < 50; ++i) {
        own.push_back(replace::allocate_from_original(*default_heap(), 5000));
        fill(own.back(), 5000, i);
    }
    replace::take_heap_memory(replace::hooks());
    void* ours = heap_allocate(2'000'000);
    fill(ours, 2'000'000, 9);
    for (std::uint32_t i = 0; i < 50; ++i) {
        EXPECT_TRUE(intact(own[i], 5000, i));
        EXPECT_EQ(heap_size(own[i]), 5000U);
        heap_free(own[i]);
    }
    EXPECT_TRUE(intact(ours, 2'000'000, 9));
    heap_free(ours);
}

TEST_F(HeapMemory, AHeapThatLooksOtherwiseKeepsIts) {
    game::MemoryHeap& heap = *default_heap();
    void* foreign = VirtualAlloc(game::at<void>(heap.base + heap.reserve - 65536), 4096, MEM_COMMIT, PAGE_READWRITE);
    ASSERT_NE(foreign, nullptr);
    const replace::HeapMemory taken = replace::take_heap_memory(replace::hooks());
    EXPECT_LE(taken.reserved, reserve_of_all() - (heap.reserve - heap.committed)) << "somebody uses its tail";
}

TEST_F(HeapMemory, ADestroyedHeapIsLeftAlone) {
    for (game::MemoryHeap* heap : heaps()) {
        heap->destroyed = 1;
    }
    EXPECT_EQ(replace::take_heap_memory(replace::hooks()).reserved, 0U);
    for (game::MemoryHeap* heap : heaps()) {
        heap->destroyed = 0;
    }
}

TEST_F(HeapMemory, AtTheProcessesEndWhatKeepsTheHeapsApartStaysWhileBlocksLive) {
    replace::take_heap_memory(replace::hooks());
    void* block = heap_allocate(5000);
    EXPECT_NE(replace::restore_at_process_end().live_blocks, 0U);
    for (game::MemoryHeap* heap : heaps()) {
        EXPECT_EQ(heap_call<std::uint32_t>(heap, 0x38, heap->base, heap->committed, std::uint32_t{4096}), 0U);
    }
    EXPECT_EQ(replace::group_asked(game::fn::kReleaseBacking.va), game::Group::heap_backing);
    heap_free(block);
}

TEST(HeapMemoryWithoutGroups, IsNotTaken) {
    EXPECT_EQ(replace::take_heap_memory(replace::hooks()).reserved, 0U);
    replace::install(replace::Extent::scrap);
    EXPECT_EQ(replace::take_heap_memory(replace::hooks()).reserved, 0U);
    EXPECT_TRUE(restore());
}

}  // namespace
}  // namespace mp::test
