// Full mode, activated late: every front door of the game's heaps is ours, what existed before stays the original's.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "alloc/mp_alloc.h"
#include "engine_counters.h"
#include "front_doors.h"
#include "game/call.h"
#include "game/functions.h"
#include "game/pools.h"
#include "plugin/extender.h"
#include "replace/counters.h"
#include "replace/original_calls.h"
#include "replace/quarantine.h"
#include "replace/statistics.h"

namespace mp::test {
namespace {

using replace::Count;

TEST_F(FullMode, TakesEveryFrontDoorAndKeepsTheSeventeen) {
    activate();
    EXPECT_EQ(replace::installed_sites(), 24U + 10 + 4 + 1 + 5 + 1);
}

TEST_F(FullMode, TheEnginesOwnAllocatorsAreNeverEntered) {
    activate();
    standin::engine_counters.entered = {};
    const standin::AllocatorEntries pools = standin::total_pool_entries();
    const auto heaps = standin::engine_counters.heaps;
    for (std::uint32_t size = 0; size < 3000; ++size) {
        void* block = operator_new(size);
        block = reallocate(block, size * 2);
        block = reallocate2(block, size);
        EXPECT_GE(size_of(block), size);
        operator_delete(block);
        void* stacked = push(thread_scrap(), size);
        pop(thread_scrap(), stacked);
    }
    for (const bool entered : standin::engine_counters.entered) {
        EXPECT_FALSE(entered);
    }
    EXPECT_EQ(standin::total_pool_entries().allocations, pools.allocations);
    EXPECT_EQ(standin::engine_counters.heaps[0].allocations, heaps[0].allocations);
    EXPECT_EQ(standin::engine_counters.heaps[1].allocations, heaps[1].allocations);
}

/// The end of a scrap heap by the original's rule (engine contract B.8), and how often it moves.
struct OriginalScrapHeap {
    std::uint32_t end = 0x10000;
    std::uint32_t steps = 0;

    void reach(std::uint32_t cursor) {
        if (cursor >= end) {
            ++steps;
        }
        while (cursor >= end) {
            end *= 2;
        }
    }
    void fall_to(std::uint32_t cursor) {
        if (end > 0x10000 && end - cursor > end / 2) {
            end /= 2;
            ++steps;
        }
    }
};

TEST_F(FullMode, ScrapHeapsAreFollowedByTheOriginalsRule) {
    activate();
    std::thread([] {
        game::ScrapHeap* const heap = thread_scrap();
        for (int i = 0; i < 8; ++i) {  // whatever the buffer had committed, to its smallest
            pop(heap, push(heap, 8));
        }
        const std::uint64_t steps = replace::total(Count::scrap_steps);
        const std::uint64_t calls = replace::total(Count::original_kernel_calls);
        OriginalScrapHeap original;
        std::mt19937 random(1);
        std::vector<void*> blocks;
        for (int i = 0; i < 20'000; ++i) {
            const bool rises = blocks.empty() || (random() % 100 < 52 && heap->cursor - heap->base < 1'000'000);
            if (rises) {
                blocks.push_back(push(heap, 8 + random() % 20'000));
                original.reach(heap->cursor - heap->base);
            } else {
                pop(heap, blocks.back());
                blocks.pop_back();
                original.fall_to(heap->cursor - heap->base);
            }
        }
        EXPECT_GT(original.steps, 20U);
        EXPECT_EQ(replace::total(Count::scrap_steps) - steps, original.steps);
        EXPECT_EQ(replace::total(Count::original_kernel_calls) - calls, original.steps);
        while (!blocks.empty()) {
            pop(heap, blocks.back());
            blocks.pop_back();
        }
        game::fn::kScrapPurge(heap);
    }).join();
}

TEST_F(FullMode, TheMissionsFiguresFollowWhatTheGameAsksFor) {
    activate();
    constexpr std::uint32_t kBlocks = 400'000;
    constexpr double kSlack = 4.0 * replace::kSampling;
    const replace::Statistics before = replace::statistics();
    for (std::uint32_t i = 0; i < kBlocks; ++i) {
        release(allocate(96));   // a pool's
        release(allocate(110));  // a general heap's
        release(game::call_this<void*>(game::code::kAllocateAligned, manager(), 144U, 0U, 0U, 0U));
        pop(thread_scrap(), push(thread_scrap(), 100));
    }
    release(allocate(5000));
    const replace::Statistics now = replace::statistics();
    EXPECT_TRUE(now.estimated);
    EXPECT_NEAR(static_cast<double>(now.pool_allocations - before.pool_allocations), kBlocks, kBlocks * 0.1 + kSlack);
    EXPECT_NEAR(static_cast<double>(now.aligned_allocations - before.aligned_allocations), kBlocks,
                kBlocks * 0.1 + kSlack);
    EXPECT_EQ(now.region_allocations - before.region_allocations, kBlocks);
    EXPECT_EQ(now.large_allocations - before.large_allocations, 1U);
}

TEST_F(FullMode, PoolsAndHeapsAreEstimatedFromTheMostThatLived) {
    activate();
    replace::original::look_at_live_blocks();
    const replace::original::Estimate before = replace::original::estimate();
    constexpr std::uint32_t kBlocks = 40'000;
    std::vector<void*> blocks;
    for (std::uint32_t i = 0; i < kBlocks; ++i) {
        blocks.push_back(allocate(92));   // 44 a page
        blocks.push_back(allocate(112));  // the general heap's
    }
    replace::original::look_at_live_blocks();
    const replace::original::Estimate most = replace::original::estimate();
    std::ranges::for_each(blocks, &release);
    replace::original::look_at_live_blocks();
    const replace::original::Estimate after = replace::original::estimate();
    constexpr double kPages = kBlocks / 43.0;  // our blocks of 96 bytes serve requests of 92 and of 96
    EXPECT_NEAR(most.pool_pages - before.pool_pages, kPages, kPages * 0.1);
    EXPECT_NEAR(most.heap_calls - before.heap_calls, kBlocks * 0.75, kBlocks * 0.1);
    EXPECT_GE(most.live_bytes, before.live_bytes + std::uint64_t{kBlocks} * (92 + 112));
    EXPECT_EQ(after.pool_pages, most.pool_pages);
    EXPECT_EQ(after.heap_calls, most.heap_calls);
    EXPECT_LT(after.live_bytes, most.live_bytes);
}

TEST_F(FullMode, BlocksOfEveryOriginalAllocatorPassThroughEveryDoor) {
    using Free = void (*)(void*);
    constexpr std::array<Free, 3> kFrees{&release, &operator_delete, &crt_free};
    constexpr std::uint32_t kSizes[] = {8, 110, 596, 5000, 300000};
    std::vector<std::pair<void*, std::uint32_t>> game_blocks;
    std::vector<std::pair<void*, std::uint32_t>> crt_blocks;
    for (const std::uint32_t size : kSizes) {
        for (int i = 0; i < 6; ++i) {
            game_blocks.emplace_back(allocate(size), size);
            fill(game_blocks.back().first, size, size);
            crt_blocks.emplace_back(crt_malloc(size), size);
            fill(crt_blocks.back().first, size, size);
        }
    }
    activate();
    std::size_t turn = 0;
    for (const auto& [block, size] : game_blocks) {
        EXPECT_GE(size_of(block), size);
        EXPECT_TRUE(intact(block, size, size));
        switch (turn++ % 6) {
        case 0:
            release(block);
            break;
        case 1:
            operator_delete(block);
            break;
        case 2:
            release(reallocate(block, size * 2));
            break;
        default: {
            void* moved = turn % 2 != 0 ? reallocate(block, size + 100) : reallocate2(block, size + 100);
            EXPECT_TRUE(intact(moved, size, size));
            kFrees[turn % 2](moved);
        }
        }
    }
    for (const auto& [block, size] : crt_blocks) {
        EXPECT_EQ(crt_msize(block), size);
        EXPECT_TRUE(intact(block, size, size));
        switch (turn++ % 3) {
        case 0:
            crt_free(block);
            break;
        case 1: {
            void* moved = crt_realloc(block, size + 1000);
            EXPECT_TRUE(intact(moved, size, size));
            crt_free(moved);
            break;
        }
        default:
            release(block);  // the original's free hands what it does not know to the runtime
        }
    }
}

TEST_F(FullMode, EdgesOfSizesAreDefined) {
    activate();
    release(nullptr);
    crt_free(nullptr);
    void* a = allocate(0);
    void* b = allocate(0);
    EXPECT_NE(a, nullptr);
    EXPECT_NE(a, b);
    EXPECT_GE(size_of(a), 8U);
    release(a);
    release(b);
    void* c = crt_malloc(0);
    EXPECT_NE(c, nullptr);
    crt_free(c);
    EXPECT_EQ(crt_malloc(0xFFFFFFFF), nullptr);
    EXPECT_EQ(crt_malloc(0x80000000), nullptr);
    void* d = crt_malloc(100);
    fill(d, 100, 1);
    EXPECT_EQ(crt_realloc(d, 0xFFFFFFF0), nullptr);
    EXPECT_TRUE(intact(d, 100, 1)) << "a failed resize leaves the block";
    EXPECT_EQ(crt_realloc(d, 0), nullptr);
    void* e = reallocate(nullptr, 50);
    EXPECT_NE(e, nullptr);
    e = reallocate(e, 0);
    EXPECT_NE(e, nullptr);
    release(e);
}

TEST_F(FullMode, ClearedBlocksAreClearAndStaySoWhenTheyGrow) {
    activate();
    for (int round = 0; round < 200; ++round) {
        void* dirty = crt_malloc(3000);
        std::memset(dirty, 0xEE, 3000);
        crt_free(dirty);
        auto* block = static_cast<std::uint8_t*>(crt_calloc(10, 100));
        for (std::uint32_t size = 1000; size < 40000; size += 777) {
            block = static_cast<std::uint8_t*>(crt_recalloc(block, size, 1));
            for (std::uint32_t i = size - 777; i < size; ++i) {
                ASSERT_EQ(block[i], 0) << size << " " << i;
            }
        }
        crt_free(block);
    }
}

/// Frees an object and counts how many blocks of its size can be freed after it before anything but its second word
/// has changed; at most `most`.
std::uint32_t frees_before_change(std::uint32_t size, std::uint32_t most) {
    auto* object = static_cast<std::uint8_t*>(allocate(size));
    fill(object, size, 7);
    const std::vector<std::uint8_t> expected(object, object + size);
    release(object);
    std::uint32_t frees = 0;
    while (frees < most && std::equal(object, object + 4, expected.begin()) &&
           std::equal(object + 8, object + size, expected.begin() + 8)) {
        void* other = allocate(size);
        fill(other, size, 1);
        release(other);
        ++frees;
    }
    return frees;
}

TEST_F(FullMode, WhatRecallocGrowsIntoIsClearHoweverTheBlockWasMade) {
    activate();
    const auto leave_dirt = [](std::uint32_t size) {
        std::vector<void*> blocks;
        for (int i = 0; i < 100; ++i) {
            blocks.push_back(crt_malloc(size));
            std::memset(blocks.back(), 0xFF, crt_msize(blocks.back()));
        }
        std::ranges::for_each(blocks, &crt_free);
        replace::flush_quarantine();
    };
    using Make = void* (*)(std::uint32_t);
    const Make ways[] = {&crt_malloc, [](std::uint32_t size) { return crt_realloc(nullptr, size); },
                         [](std::uint32_t size) {
                             void* const block = crt_malloc(size);
                             std::memset(block, 0xFF, crt_msize(block));
                             return crt_realloc(block, size);
                         },
                         [](std::uint32_t size) { return crt_calloc(1, size); },
                         [](std::uint32_t size) { return crt_recalloc(nullptr, 1, size); }};
    for (const std::uint32_t size : {20U, 100U, 1001U, 5000U, 40'001U, 700'001U}) {
        for (const Make& make : ways) {
            leave_dirt(size);
            void* block = make(size);
            std::memset(block, 0x5A, size);
            const std::uint32_t whole = crt_msize(block);
            ASSERT_GT(whole, size);
            block = crt_recalloc(block, 1, whole);
            const auto* bytes = static_cast<const std::uint8_t*>(block);
            EXPECT_TRUE(std::all_of(bytes + size, bytes + whole, [](std::uint8_t byte) { return byte == 0; }))
                << size << ", way " << &make - ways;
            crt_free(block);
        }
    }
}

TEST_F(FullMode, AFreedBlockKeepsAllButItsSecondWordForAsManyBytesOfFreesAsTheQuarantineIsLong) {
    constexpr std::uint32_t kKilobytes = 512;
    replace::set_quarantine(kKilobytes);
    activate();
    for (const std::uint32_t size : {64U, 200U, 300U, 1132U, 1616U, 2048U, 3584U, 4096U, 12000U, 20000U, 60000U}) {
        const std::uint32_t usable = size + size / 8 + (size <= 15872 ? 512 : 4096);  // at most
        const std::uint32_t share = game::served_by_pool(size) ? 16 : 1;
        const std::uint32_t promised = kKilobytes * 1024 / share / usable;
        EXPECT_GE(frees_before_change(size, promised), promised) << size;
    }
}

TEST_F(FullMode, AnObjectOfAHeapSizeWaitsLongerThanOneOfAPoolSize) {
    replace::set_quarantine(64);
    activate();
    static_assert(!game::served_by_pool(300) && game::served_by_pool(256));
    EXPECT_GT(frees_before_change(300, 1000), 4 * frees_before_change(256, 1000));
}

TEST_F(FullMode, AMovedBlocksOldPlaceWaitsWhicheverDoorMovesIt) {
    replace::set_quarantine(64);
    activate();
    using Resize = void* (*)(void*, std::uint32_t);
    for (const Resize resize : {Resize{&reallocate}, Resize{&reallocate2}, Resize{&crt_realloc}}) {
        auto* object = static_cast<std::uint8_t*>(allocate(100));
        std::memset(object, 0x5A, 100);
        void* moved = resize(object, 700);
        ASSERT_NE(moved, object);
        EXPECT_EQ(std::count(object + 8, object + 100, 0x5A), 92);
        for (int i = 0; i < 40; ++i) {
            EXPECT_NE(allocate(100), object);
        }
    }
}

TEST_F(FullMode, ABlockThatIsFreedAgainWhileItWaitsIsLeftAlone) {
    replace::set_quarantine(64);
    activate();
    void* block = allocate(200);
    release(block);
    const std::uint64_t live = replace::live_blocks();
    for (int i = 0; i < 10; ++i) {
        release(block);
        std::thread([block] { release(block); }).join();
    }
    EXPECT_EQ(replace::total(Count::invalid_pointers), 20U);
    EXPECT_EQ(replace::live_blocks(), live);
    std::set<void*> blocks;
    for (int i = 0; i < 200; ++i) {
        EXPECT_TRUE(blocks.insert(allocate(200)).second) << "the same block twice";
    }
    for (void* each : blocks) {
        release(each);
    }
}

TEST_F(FullMode, StaleReadersOfAMovedBlockAreServedAsThoseOfAFreedOne) {
    replace::set_quarantine(64);
    activate();
    auto* object = static_cast<std::uint8_t*>(allocate(100));
    std::memset(object, 0x5A, 100);
    void* moved = reallocate(object, 700);
    ASSERT_NE(moved, object);
    EXPECT_EQ(std::count(object, object + 4, 0x5A), 4);
    EXPECT_EQ(std::count(object + 8, object + 100, 0x5A), 92);
    release(moved);
}

TEST_F(FullMode, AFreedBlockChangesOnlyItsFirstTwoWordsBeforeReuse) {
    replace::set_quarantine(0);
    activate();
    std::vector<std::uint8_t*> objects;
    for (int i = 0; i < 500; ++i) {
        objects.push_back(static_cast<std::uint8_t*>(allocate(120)));
        std::memset(objects.back(), 0x5A, 120);
    }
    for (std::uint8_t* object : objects) {
        release(object);
    }
    for (const std::uint8_t* object : objects) {
        for (int i = 8; i < 120; ++i) {
            ASSERT_EQ(object[i], 0x5A);
        }
    }
}

// --- scrap heaps ---------------------------------------------------------------------------------------------------

TEST_F(FullMode, AScrapHeapIsAStackWithTheRequestedAlignment) {
    activate();
    game::ScrapHeap heap{};
    game::fn::kScrapInit(&heap);
    std::vector<std::pair<std::uint8_t*, std::uint32_t>> blocks;
    std::mt19937 random(1);
    for (int round = 0; round < 20000; ++round) {
        if (random() % 2 == 0 || blocks.empty()) {
            const std::uint32_t size = random() % 5000;
            const std::uint32_t alignment = 1U << (random() % 8);
            auto* block = static_cast<std::uint8_t*>(push(&heap, size, alignment));
            ASSERT_NE(block, nullptr);
            ASSERT_EQ(game::addr_of(block) % std::max(alignment, 1U), 0U);
            fill(block, size, static_cast<std::uint32_t>(blocks.size()));
            blocks.emplace_back(block, size);
        } else {
            const auto [block, size] = blocks.back();
            blocks.pop_back();
            ASSERT_TRUE(intact(block, size, static_cast<std::uint32_t>(blocks.size())));
            pop(&heap, block);
        }
    }
    while (!blocks.empty()) {
        pop(&heap, blocks.back().first);
        blocks.pop_back();
    }
    EXPECT_EQ(heap.cursor, heap.base);
    EXPECT_EQ(heap.last, 0U);
    game::fn::kScrapPurge(&heap);
    EXPECT_EQ(heap.base, 0U);
}

TEST_F(FullMode, AScrapHeapServesWhatTheOriginalCannot) {
    activate();
    game::ScrapHeap heap{};
    game::fn::kScrapInitSized(&heap, std::uint32_t{0x30000});  // not 64 KB * 2^n
    void* small = push(&heap, 100);
    fill(small, 100, 1);
    void* huge = push(&heap, 12 * 1024 * 1024);  // above 8 MB
    ASSERT_NE(huge, nullptr);
    fill(huge, 12 * 1024 * 1024, 2);
    void* after = push(&heap, 100);
    fill(after, 100, 3);
    EXPECT_TRUE(intact(small, 100, 1));
    EXPECT_TRUE(intact(huge, 12 * 1024 * 1024, 2));
    pop(&heap, huge);
    pop(&heap, huge);  // freed twice: the second does nothing
    pop(&heap, after);
    pop(&heap, small);
    EXPECT_EQ(heap.last, 0U);
    game::fn::kScrapPurge(&heap);
}

TEST_F(FullMode, AScrapHeapFromBeforeIsCarriedOn) {
    game::ScrapHeap heap{};
    game::fn::kScrapInit(&heap);
    void* before = push(&heap, 50000);
    fill(before, 50000, 1);
    activate();
    void* after = push(&heap, 3000000);
    ASSERT_NE(after, nullptr);
    fill(after, 3000000, 2);
    EXPECT_TRUE(intact(before, 50000, 1));
    EXPECT_TRUE(intact(after, 3000000, 2));
    pop(&heap, after);
    pop(&heap, before);
    EXPECT_EQ(heap.cursor, heap.base);
    game::fn::kScrapPurge(&heap);
}

TEST_F(FullMode, AScrapHeapSharedByEightThreadsStaysConsistent) {
    activate();
    game::ScrapHeap heap{};
    game::fn::kScrapInit(&heap);
    std::atomic<bool> damaged{false};
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < 8; ++t) {
        threads.emplace_back([&heap, &damaged, t] {
            for (std::uint32_t i = 0; i < 5000; ++i) {
                const std::uint32_t size = 16 + (i * 37 + t) % 700;
                void* block = push(&heap, size);
                fill(block, size, i + t);
                if (!intact(block, size, i + t)) {
                    damaged = true;
                }
                pop(&heap, block);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_FALSE(damaged);
    EXPECT_EQ(heap.last, 0U);
}

// --- everything at once --------------------------------------------------------------------------------------------

struct Slot {
    void* block;
    std::uint32_t size;
    std::uint32_t seed;
    bool crt;
};

/// Two blocks on a stack, taken off in the wrong order.
bool push_and_pop(game::ScrapHeap* scrap, std::mt19937& random) {
    const std::uint32_t size = random() % 3000;
    const auto seed = static_cast<std::uint32_t>(random());
    void* lower = push(scrap, size);
    fill(lower, size, seed);
    void* upper = push(scrap, 64, 16);
    fill(upper, 64, seed + 1);
    const bool good = intact(lower, size, seed) && intact(upper, 64, seed + 1);
    pop(scrap, lower);
    pop(scrap, upper);
    return good;
}

/// One thread's part of the random run: allocates through one door, resizes through another, exchanges blocks with the
/// other threads and checks every block before it goes.
void random_run(std::vector<std::atomic<Slot*>>& shared, std::uint32_t seed, std::uint32_t operations,
                std::atomic<std::uint32_t>& errors) {
    set_memory_context(game::kDefaultContext);
    std::mt19937 random(seed);
    const auto make = [&random](std::uint32_t size) {
        auto* slot = new Slot{nullptr, size, static_cast<std::uint32_t>(random()), random() % 4 == 0};
        slot->block = slot->crt ? crt_malloc(size) : (random() % 2 == 0 ? operator_new(size) : allocate(size));
        fill(slot->block, std::min(size, 64U), slot->seed);
        return slot;
    };
    game::ScrapHeap* const scrap = thread_scrap();
    for (std::uint32_t i = 0; i < operations; ++i) {
        if (i % 4 == 0 && !push_and_pop(scrap, random)) {
            errors.fetch_add(1);
        }
        const std::uint32_t kind = random() % 1000;
        const std::uint32_t size = kind < 970 ? random() % 600 : kind < 999 ? random() % 40000 : random() % 1000000;
        Slot* mine = make(size);
        mine = shared[random() % shared.size()].exchange(mine);
        if (mine == nullptr) {
            continue;
        }
        const std::uint32_t checked = std::min(mine->size, 64U);
        if (!intact(mine->block, checked, mine->seed)) {
            errors.fetch_add(1);
        }
        if (random() % 8 == 0) {
            const std::uint32_t wanted = 64 + random() % 2000;
            mine->block = mine->crt ? crt_realloc(mine->block, wanted) : reallocate(mine->block, wanted);
            if (!intact(mine->block, checked, mine->seed)) {
                errors.fetch_add(1);
            }
        }
        if (mine->crt) {
            crt_free(mine->block);
        } else {
            random() % 2 == 0 ? operator_delete(mine->block) : release(mine->block);
        }
        delete mine;
    }
}

TEST_F(FullMode, TenMillionRandomOperationsOnEightThreadsKeepEveryBlockIntact) {
    replace::set_quarantine(256);
    activate();
    std::vector<std::atomic<Slot*>> shared(20000);
    std::atomic<std::uint32_t> errors{0};
    const auto live = [] { return replace::live_blocks() - replace::total(Count::scrap_heaps_built); };
    const std::uint64_t before = live();
    std::vector<std::thread> threads;
    // About 2.25 operations a round: allocate, free and every eighth a resize that moves.
    for (std::uint32_t t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] { random_run(shared, t + 1, 600000, errors); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(errors.load(), 0U);
    std::uint64_t left = 0;
    for (std::atomic<Slot*>& place : shared) {
        if (Slot* slot = place.load(); slot != nullptr) {
            ++left;
        }
    }
    EXPECT_EQ(live() - before, left) << "the counters agree with the blocks";
    for (std::atomic<Slot*>& place : shared) {
        if (Slot* slot = place.load(); slot != nullptr) {
            slot->crt ? crt_free(slot->block) : release(slot->block);
            delete slot;
        }
    }
    EXPECT_EQ(live(), before);
    EXPECT_EQ(replace::total(Count::invalid_pointers), 0U);
}

TEST_F(FullMode, ThousandsOfShortThreadsLeaveNothingBehind) {
    activate();
    const std::uint64_t before = replace::live_blocks();
    mp_alloc_stats start{};
    for (int round = 0; round < 2500; ++round) {
        if (round == 500) {
            mp_stats(&start);
        }
        std::thread([] {
            void* blocks[20];
            for (std::uint32_t i = 0; i < 20; ++i) {
                blocks[i] = operator_new(i * 40);
            }
            for (void* block : blocks) {
                operator_delete(block);
            }
            mp_thread_end();
            replace::end_thread_state();
        }).join();
    }
    mp_alloc_stats end{};
    mp_stats(&end);
    EXPECT_EQ(replace::live_blocks(), before);
    EXPECT_LE(end.committed_bytes, start.committed_bytes + (1U << 20));
}

std::ptrdiff_t states_in_use() {
    std::ptrdiff_t count = 0;
    for (const replace::ThreadState* state = replace::detail::first_state(); state != nullptr; state = state->next) {
        count += state->taken.load() != 0 ? 1 : 0;
    }
    return count;
}

/// A module of the tests that calls a function when a thread ends, loaded for good. The system tells the module that
/// was loaded last first.
class ThreadEndModule {
public:
    explicit ThreadEndModule(const char* name) {
        const HMODULE module = LoadLibraryA(name);
        EXPECT_NE(module, nullptr) << name;
        if (module != nullptr) {
            set_ = reinterpret_cast<Set>(reinterpret_cast<void (*)()>(GetProcAddress(module, "call_at_thread_end")));
        }
    }
    void call(void (*run)()) const { set_(run); }

private:
    using Set = void (*)(void (*run)());
    Set set_ = nullptr;
};

/// What the thread that is about to end leaves to a neighbour; one such thread lives at a time.
struct Legacy {
    void* kept = nullptr;
    std::uint32_t ends = 0;         ///< of threads, ours first
    std::uint32_t out_of_turn = 0;  ///< the neighbour was told before us
    std::uint32_t wrong = 0;        ///< of what the neighbour did
};
constinit Legacy g_legacy;

/// A neighbour that the system tells of a thread's end after us: it goes on through every door, and frees what the
/// thread has kept.
void neighbour_goes_on() {
    if (!replace::thread_has_ended()) {
        if (g_legacy.kept != nullptr) {
            ++g_legacy.out_of_turn;
        }
        return;
    }
    ++g_legacy.ends;
    for (std::uint32_t size = 8; size < 3000; size *= 3) {
        release(allocate(size));
        crt_free(crt_malloc(size));
    }
    void* const grown = reallocate(allocate(50), 700);
    fill(grown, 700, 1);
    void* const stacked = push(thread_scrap(), 100);
    fill(stacked, 100, 2);
    g_legacy.wrong += intact(grown, 700, 1) && intact(stacked, 100, 2) ? 0 : 1;
    pop(thread_scrap(), stacked);
    release(grown);
    release(g_legacy.kept);
    g_legacy.wrong += mp_usable_size(g_legacy.kept) == 0 && mp_usable_size(grown) == 0 ? 0 : 1;
    g_legacy.kept = nullptr;
}

DWORD WINAPI live_and_keep(void* /*unused*/) {
    g_legacy.kept = allocate(64);
    pop(thread_scrap(), push(thread_scrap(), 100));
    return 0;
}

void run_ending_threads(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
        HANDLE thread = CreateThread(nullptr, 0, &live_and_keep, nullptr, 0, nullptr);
        ASSERT_NE(thread, nullptr);
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
    }
}

// The modules are real: what a module does in its DllMain when the system tells it after us, under the loader's lock.
TEST_F(FullMode, ThreadsThatGoOnAfterTheirEndClaimNothing) {
    activate();
    const ThreadEndModule neighbour("thread_end_neighbour.dll");
    const ThreadEndModule ours("thread_end_ours.dll");
    neighbour.call(&neighbour_goes_on);
    ours.call(&plugin::on_thread_end);
    run_ending_threads(100);
    const std::ptrdiff_t states = states_in_use();
    const std::uint64_t heaps = replace::total(Count::scrap_heaps_built);
    const std::uint64_t live = replace::live_blocks() - heaps;
    mp_trim(0);
    mp_alloc_stats start{};
    mp_stats(&start);
    constexpr std::uint32_t kThreads = 400;
    run_ending_threads(kThreads);
    neighbour.call(nullptr);
    ours.call(nullptr);
    EXPECT_EQ(g_legacy.ends, 100 + kThreads);
    EXPECT_EQ(g_legacy.out_of_turn, 0U);
    EXPECT_EQ(g_legacy.wrong, 0U);
    EXPECT_EQ(states_in_use(), states);
    EXPECT_EQ(replace::total(Count::scrap_heaps_built), heaps + kThreads) << "one each while they lived";
    EXPECT_EQ(replace::live_blocks(), live + heaps + kThreads) << "every free arrived";
    EXPECT_EQ(replace::total(Count::invalid_pointers), 0U);
    mp_trim(0);
    mp_alloc_stats end{};
    mp_stats(&end);
    EXPECT_EQ(end.committed_bytes, start.committed_bytes);
    EXPECT_EQ(end.reserved_bytes, start.reserved_bytes);
}

}  // namespace
}  // namespace mp::test
