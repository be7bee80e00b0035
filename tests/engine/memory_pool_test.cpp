// Pools: order of the free list, life of a page, sort and purge.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "game/functions.h"
#include "memory_test_support.h"

namespace mp::standin::test {
namespace {

std::vector<void*> allocate_pages(TestPool& pool, std::uint32_t pages) {
    std::vector<void*> blocks;
    for (std::uint32_t i = 0; i < pages * TestPool::kBlocksPerPage; ++i) {
        blocks.push_back(pool.allocate());
    }
    return blocks;
}

/// A deterministic disorder.
void shuffle(std::vector<void*>& blocks) {
    std::uint32_t state = 4711;
    for (std::size_t i = blocks.size(); i > 1; --i) {
        std::swap(blocks[i - 1], blocks[next_random(state) % i]);
    }
}

void purge(TestPool& pool) {
    fn::kPurgeEmptyPages(pool.get());
}

TEST(EnginePool, AFreshPageHandsOutItsHighestBlockFirst) {
    TestPool pool;
    for (std::uint32_t i = TestPool::kBlocksPerPage; i-- > 0;) {
        ASSERT_EQ(addr_of(pool.allocate()), pool->arena + i * TestPool::kBlockSize);
    }
    EXPECT_EQ(addr_of(pool.allocate()),
              pool->arena + game::kPoolPageSize + (TestPool::kBlocksPerPage - 1) * TestPool::kBlockSize);
}

TEST(EnginePool, TheBlockFreedLastIsHandedOutFirst) {
    TestPool pool;
    void* const first = pool.allocate();
    void* const second = pool.allocate();
    pool.free(first);
    pool.free(second);
    EXPECT_EQ(pool.allocate(), second);
    EXPECT_EQ(pool.allocate(), first);
}

TEST(EnginePool, OnePageCostsOneKernelCallUnderTheSpinLock) {
    TestPool pool;
    KernelProbe probe;
    allocate_pages(pool, 3);
    ASSERT_EQ(probe.allocs().size(), 3U);
    for (std::uint32_t i = 0; i < 3; ++i) {
        EXPECT_EQ(probe.allocs()[i].address, pool->arena + i * game::kPoolPageSize);
        EXPECT_EQ(probe.allocs()[i].bytes, game::kPoolPageSize);
        EXPECT_EQ(probe.allocs()[i].type, std::uint32_t{MEM_COMMIT});
    }
    EXPECT_TRUE(probe.frees().empty());
}

TEST(EnginePool, CountsPagesAndBlocks) {
    TestPool pool;
    EXPECT_EQ(pool.live_on_page(0), -1);
    const std::vector<void*> blocks = allocate_pages(pool, 2);
    EXPECT_EQ(pool->committed_pages, 2U);
    EXPECT_EQ(pool->peak_pages, 2U);
    EXPECT_EQ(pool->free_blocks, 0U);
    EXPECT_EQ(pool.live_on_page(0), static_cast<std::int16_t>(TestPool::kBlocksPerPage));
    std::ranges::for_each(blocks, [&](void* block) { pool.free(block); });
    EXPECT_EQ(pool.live_on_page(0), 0);
    EXPECT_EQ(pool->free_blocks, 2 * TestPool::kBlocksPerPage);
    EXPECT_EQ(pool->committed_pages, 2U) << "a free must not give a page back";
}

TEST(EnginePool, OnlyTheLinksOfAFreedBlockAreOverwritten) {
    TestPool pool;
    auto* const block = static_cast<std::uint8_t*>(pool.allocate());
    std::memset(block, 0xA5, TestPool::kBlockSize);
    pool.free(block);
    EXPECT_TRUE(std::all_of(block + 8, block + TestPool::kBlockSize, [](std::uint8_t byte) { return byte == 0xA5; }));
    EXPECT_EQ(pool.allocate(), block);
}

TEST(EnginePool, AUsedUpArenaGivesNull) {
    TestPool pool;
    const std::vector<void*> blocks = allocate_pages(pool, TestPool::kArenaBytes / game::kPoolPageSize);
    EXPECT_TRUE(std::ranges::none_of(blocks, [](const void* block) { return block == nullptr; }));
    EXPECT_EQ(pool.allocate(), nullptr);
    EXPECT_EQ(pool->lock.owner_thread, 0U);
    pool.free(blocks.front());
    EXPECT_EQ(pool.allocate(), blocks.front());
}

TEST(EnginePool, AFailedCommitGivesNullAndReleasesTheLock) {
    TestPool pool;
    KernelProbe probe;
    probe.fail_next(1);
    EXPECT_EQ(pool.allocate(), nullptr);
    EXPECT_EQ(pool->lock.owner_thread, 0U);
    EXPECT_EQ(pool->lock.depth, 0U);
    EXPECT_EQ(pool.live_on_page(0), -1);
    EXPECT_NE(pool.allocate(), nullptr);
}

TEST(EnginePool, SortPutsTheFreeListInAddressOrderWithBothLinks) {
    TestPool pool;
    std::vector<void*> blocks = allocate_pages(pool, 5);
    shuffle(blocks);
    std::ranges::for_each(blocks, [&](void* block) { pool.free(block); });
    fn::kSortPool(TestPool::kBlockSize / 4);
    const std::vector<std::uint32_t> list = pool.free_list();
    ASSERT_EQ(list.size(), blocks.size());
    EXPECT_TRUE(std::ranges::is_sorted(list));
    EXPECT_EQ(at<const PoolLink>(list[0])->previous, 0U);
    for (std::size_t i = 1; i < list.size(); ++i) {
        ASSERT_EQ(at<const PoolLink>(list[i])->previous, list[i - 1]);
    }
    fn::kWalkFreeList(pool.get());
    EXPECT_EQ(pool->lock.owner_thread, 0U);
}

TEST(EnginePool, PurgeGivesExactlyTheEmptyPagesBack) {
    TestPool pool;
    std::vector<void*> blocks = allocate_pages(pool, 4);
    void* const kept = blocks[2 * TestPool::kBlocksPerPage + 7];  // on page 2
    std::erase(blocks, kept);
    shuffle(blocks);
    std::ranges::for_each(blocks, [&](void* block) { pool.free(block); });
    KernelProbe probe;
    purge(pool);
    ASSERT_EQ(probe.frees().size(), 3U);
    EXPECT_EQ(probe.frees()[0].type, std::uint32_t{MEM_DECOMMIT});
    EXPECT_EQ(probe.frees()[0].bytes, game::kPoolPageSize);
    EXPECT_EQ(pool->committed_pages, 1U);
    EXPECT_EQ(pool->peak_pages, 4U);
    EXPECT_EQ(pool->free_blocks, TestPool::kBlocksPerPage - 1);
    EXPECT_EQ(pool.live_on_page(1), -1);
    EXPECT_EQ(pool.live_on_page(2), 1);
    EXPECT_EQ(page_state(pool->arena + game::kPoolPageSize), DWORD{MEM_RESERVE});
    EXPECT_EQ(page_state(addr_of(kept)), DWORD{MEM_COMMIT});
    const std::vector<std::uint32_t> list = pool.free_list();
    EXPECT_EQ(list.size(), TestPool::kBlocksPerPage - 1);
    EXPECT_TRUE(std::ranges::all_of(list, [&](std::uint32_t block) {
        return block - (pool->arena + 2 * game::kPoolPageSize) < game::kPoolPageSize;
    }));
}

TEST(EnginePool, PurgeWithoutEmptyPagesLeavesTheListAsItIs) {
    TestPool pool;
    const std::vector<void*> blocks = allocate_pages(pool, 1);
    pool.free(blocks[3]);
    pool.free(blocks[9]);
    const std::vector<std::uint32_t> before = pool.free_list();
    purge(pool);
    EXPECT_EQ(pool.free_list(), before);
}

TEST(EnginePool, APurgedPageIsCarvedAnewAndZero) {
    TestPool pool;
    void* const block = pool.allocate();
    std::memset(block, 0xA5, TestPool::kBlockSize);
    pool.free(block);
    purge(pool);
    EXPECT_EQ(pool.free_list().size(), 0U);
    auto* const again = static_cast<std::uint8_t*>(pool.allocate());
    EXPECT_EQ(again, block);
    EXPECT_TRUE(std::all_of(again + 8, again + TestPool::kBlockSize, [](std::uint8_t byte) { return byte == 0; }));
}

TEST(EnginePool, PurgeAllReachesEveryPoolOfTheTable) {
    TestPool pool;
    pool.free(pool.allocate());
    EXPECT_EQ(pool->committed_pages, 1U);
    fn::kPurgePools();
    EXPECT_EQ(pool->committed_pages, 0U);
    EXPECT_EQ(*at<const std::uint32_t>(game::data::kPurgeLockReady) & 1U, 1U);
}

TEST(EnginePool, AnArenaIsHuntedForInStepsOf16Megabytes) {
    KernelProbe probe;
    probe.fail_next(2);
    const TestPool pool;
    ASSERT_GE(probe.allocs().size(), 3U);
    EXPECT_EQ(probe.allocs()[0].address, 0x01000000U);
    EXPECT_EQ(probe.allocs()[1].address, 0x02000000U);
    EXPECT_EQ(probe.allocs()[2].address, 0x03000000U);
    EXPECT_EQ(probe.allocs()[2].type, std::uint32_t{MEM_RESERVE});
    EXPECT_TRUE(probe.allocs().back().succeeded);
}

TEST(EnginePool, WithoutAnArenaThePoolIsNotRegistered) {
    KernelProbe probe;
    probe.fail_next(255);
    fn::kCreatePool(&manager(), TestPool::kBlockSize, TestPool::kArenaBytes, "No Pool");
    EXPECT_EQ(probe.allocs().size(), 255U);
    EXPECT_EQ(pool_by_size()[TestPool::kBlockSize / 4], 0U);
    EXPECT_EQ(manager().pools_allowed, 1);
}

TEST(EngineSpinLock, IsReentrantAndExcludesOtherThreads) {
    game::SpinLock lock{};
    acquire(lock, "test");
    acquire(lock, "test");
    EXPECT_EQ(lock.owner_thread, GetCurrentThreadId());
    EXPECT_EQ(lock.depth, 2U);
    std::atomic<bool> inside = false;
    std::thread other([&] {
        acquire(lock, "test");
        inside = true;
        release(lock);
    });
    Sleep(20);
    EXPECT_FALSE(inside);
    release(lock);
    EXPECT_EQ(lock.depth, 1U);
    release(lock);
    other.join();
    EXPECT_TRUE(inside);
    EXPECT_EQ(lock.owner_thread, 0U);
}

}  // namespace
}  // namespace mp::standin::test
