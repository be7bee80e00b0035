// Memory that the game allocated before activation stays valid for ever, through every function that takes a pointer.
#include <gtest/gtest.h>

#include "alloc/mp_alloc.h"
#include "engine_access.h"
#include "engine_counters.h"
#include "front_doors.h"
#include "game/functions.h"
#include "installed.h"
#include "media/media.h"
#include "os/os.h"
#include "replace/counters.h"
#include "replace/install.h"

namespace mp::test {
namespace {

/// One block per kind of vanilla allocator: pools, Default heap small and large, CRT.
struct Vanilla {
    void* block;
    std::uint32_t size;
};

std::vector<Vanilla> allocate_vanilla() {
    std::vector<Vanilla> blocks;
    for (const std::uint32_t size : {8U, 72U, 110U, 300U, 596U, 597U, 4096U, 5000U, 200000U, 3000000U}) {
        blocks.push_back({allocate(size), size});
        fill(blocks.back().block, size, size);
    }
    return blocks;
}

class LateActivation : public ::testing::Test {
protected:
    void SetUp() override { set_memory_context(game::kDefaultContext); }
    void activate() {
        ASSERT_FALSE(replace::install(replace::Extent::boundary).has_error());
        ASSERT_EQ(replace::patch_count(), 17U);
    }
    void TearDown() override { EXPECT_TRUE(restore()); }
};

TEST_F(LateActivation, BlocksFromBeforeAreMeasuredAndFreedByTheirOwnAllocator) {
    std::vector<Vanilla> blocks = allocate_vanilla();
    std::vector<std::uint32_t> sizes;
    for (const Vanilla& v : blocks) {
        sizes.push_back(size_of(v.block));
    }
    const std::uint32_t live_before = default_heap()->live_bytes;
    activate();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        EXPECT_EQ(mp_owns(blocks[i].block), 0);
        EXPECT_EQ(size_of(blocks[i].block), sizes[i]);
        EXPECT_TRUE(intact(blocks[i].block, blocks[i].size, blocks[i].size));
        release(blocks[i].block);
    }
    EXPECT_LT(default_heap()->live_bytes, live_before);
}

TEST_F(LateActivation, BlocksFromBeforeAreReallocatedIntoOursWithTheirContents) {
    std::vector<Vanilla> blocks = allocate_vanilla();
    activate();
    for (Vanilla& v : blocks) {
        void* grown = reallocate(v.block, v.size + 5000);
        EXPECT_TRUE(intact(grown, v.size, v.size));
        EXPECT_NE(mp_owns(grown), 0);
        release(grown);
    }
}

TEST_F(LateActivation, StatisticsOfBlocksFromBeforeStayTrueWhenTheyAreFreed) {
    std::vector<Vanilla> blocks = allocate_vanilla();
    activate();
    for (const std::uint32_t walk : {0U, 1U}) {
        game::HeapStatistics before{};
        heap_call<void>(default_heap(), 0x18, &before, walk);
        const std::uint32_t live_before = default_heap()->live_bytes;
        release(blocks.back().block);
        blocks.pop_back();
        const std::uint32_t freed = live_before - default_heap()->live_bytes;
        game::HeapStatistics after{};
        heap_call<void>(default_heap(), 0x18, &after, walk);
        EXPECT_GT(freed, 0U);
        EXPECT_EQ(before.used_bytes - after.used_bytes, freed);
        EXPECT_LT(after.available, 0x80000000U);
    }
    for (const Vanilla& v : blocks) {
        release(v.block);
    }
}

TEST_F(LateActivation, AScrapHeapFromBeforeGrowsShrinksAndIsPurged) {
    game::ScrapHeap scrap{};
    game::fn::kScrapInit(&scrap);
    const auto push = [&](std::uint32_t size) { return game::fn::kScrapAllocate(&scrap, size, std::uint32_t{4}); };
    void* before = push(200000);
    fill(before, 200000, 1);
    activate();
    for (int round = 0; round < 20; ++round) {
        void* big = push(3000000);
        ASSERT_NE(big, nullptr);
        fill(big, 3000000, 2);
        EXPECT_TRUE(intact(big, 3000000, 2));
        game::fn::kScrapFree(&scrap, big);
    }
    EXPECT_TRUE(intact(before, 200000, 1));
    game::fn::kScrapFree(&scrap, before);
    game::fn::kScrapPurge(&scrap);
}

TEST_F(LateActivation, AMediaBufferFromBeforeIsReleasedByTheSystem) {
    game::MediaAllocator* allocator = standin::create_media_allocator();
    standin::set_media_properties(*allocator, {.count = 4, .size = 50000, .alignment = 1, .prefix = 0});
    ASSERT_EQ(standin::commit_media(*allocator), game::kHresultOk);
    const Addr vanilla = allocator->buffer;
    activate();
    allocator->changed = 1;
    ASSERT_EQ(standin::commit_media(*allocator), game::kHresultOk);
    EXPECT_NE(allocator->buffer, vanilla);
    // Released, not leaked: the address can be reserved again. (The system's page map cannot be trusted with this.)
    void* again = VirtualAlloc(game::at<void>(vanilla), os::kGranule, MEM_RESERVE, PAGE_NOACCESS);
    EXPECT_EQ(game::addr_of(again), vanilla);
    VirtualFree(again, 0, MEM_RELEASE);
    standin::destroy_media_allocator(allocator);
}

TEST_F(LateActivation, PoolsFromBeforeGoOnServingAndPurging) {
    std::vector<void*> blocks;
    for (int i = 0; i < 2000; ++i) {
        blocks.push_back(allocate(120));
        fill(blocks.back(), 120, static_cast<std::uint32_t>(i));
    }
    activate();
    for (int i = 2000; i < 20000; ++i) {
        blocks.push_back(allocate(120));
        fill(blocks.back(), 120, static_cast<std::uint32_t>(i));
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        ASSERT_TRUE(intact(blocks[i], 120, static_cast<std::uint32_t>(i)));
        release(blocks[i]);
    }
    game::fn::kPurgePools();  // purge: pages are "decommitted" and come back
    for (int i = 0; i < 20000; ++i) {
        blocks[static_cast<std::size_t>(i)] = allocate(120);
    }
    for (void* block : blocks) {
        release(block);
    }
}

// --- full mode -------------------------------------------------------------------------------------------------------

/// The same blocks, and what their allocators know of them.
class LateFullMode : public FullMode {
protected:
    void SetUp() override {
        FullMode::SetUp();
        heap_bytes_ = default_heap()->live_bytes;
        frees_ = standin::total_pool_entries().frees;
        const std::uint32_t served = standin::total_pool_entries().allocations;
        blocks_ = allocate_vanilla();
        in_pools_ = standin::total_pool_entries().allocations - served;
        ASSERT_GT(in_pools_, 0U);
        ASSERT_GT(default_heap()->live_bytes, heap_bytes_);
        for (const std::uint32_t size : {24U, 5000U}) {
            of_runtime_.push_back({crt_malloc(size), size});
            fill(of_runtime_.back().block, size, size);
        }
        activate();
    }
    void expect_all_freed() {
        EXPECT_EQ(default_heap()->live_bytes, heap_bytes_);
        EXPECT_EQ(standin::total_pool_entries().frees - frees_, in_pools_);
    }
    static bool lives_in_runtime(const void* block) {
        PROCESS_HEAP_ENTRY entry{};
        while (HeapWalk(*game::at<HANDLE>(game::data::kCrtHeap), &entry) != 0) {
            if (entry.lpData == block) {
                return (entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) != 0;
            }
        }
        return false;
    }

    std::vector<Vanilla> blocks_;
    std::vector<Vanilla> of_runtime_;
    std::uint32_t heap_bytes_ = 0;
    std::uint32_t frees_ = 0;
    std::uint32_t in_pools_ = 0;
};

TEST_F(LateFullMode, BlocksFromBeforeAreFreedByTheirOwnAllocator) {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        EXPECT_GE(size_of(blocks_[i].block), blocks_[i].size);
        EXPECT_TRUE(intact(blocks_[i].block, blocks_[i].size, blocks_[i].size));
        i % 2 == 0 ? release(blocks_[i].block) : operator_delete(blocks_[i].block);
    }
    expect_all_freed();
    for (const Vanilla& v : of_runtime_) {
        EXPECT_EQ(crt_msize(v.block), v.size);
        EXPECT_TRUE(intact(v.block, v.size, v.size));
        ASSERT_TRUE(lives_in_runtime(v.block));
        crt_free(v.block);
        EXPECT_FALSE(lives_in_runtime(v.block)) << v.size;
    }
}

TEST_F(LateFullMode, BlocksFromBeforeThatMoveIntoOursAreFreedByTheirOwnAllocator) {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        const Vanilla v = blocks_[i];
        void* const moved = i % 2 == 0 ? reallocate(v.block, v.size + 5000) : reallocate2(v.block, v.size + 5000);
        EXPECT_NE(mp_owns(moved), 0) << v.size;
        EXPECT_TRUE(intact(moved, v.size, v.size));
        release(moved);
    }
    expect_all_freed();
}

}  // namespace
}  // namespace mp::test
