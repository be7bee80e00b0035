// The counters add up, across threads that come and go.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "engine_access.h"
#include "game/functions.h"
#include "installed.h"
#include "replace/statistics.h"

namespace mp::test {
namespace {

using replace::Count;

class Counters : public Installed {};

TEST_F(Counters, AllocationsMinusFreesAreTheLiveBlocksAcrossEightThreads) {
    const std::uint64_t before = replace::live_blocks();
    std::vector<std::vector<void*>> kept(8);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 8; ++t) {
        threads.emplace_back([&kept, t] {
            std::mt19937 random(t);
            for (int i = 0; i < 20000; ++i) {
                void* block = heap_allocate(random() % 9000);
                if (i % 100 == 0) {
                    kept[t].push_back(block);
                } else {
                    heap_free(block);
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(replace::live_blocks() - before, 8U * 200U);
    // Freed by another thread than the one that allocated.
    for (const auto& blocks : kept) {
        for (void* block : blocks) {
            heap_free(block);
        }
    }
    EXPECT_EQ(replace::live_blocks(), before);
}

TEST_F(Counters, EndedThreadsKeepTheirCountsAndHandTheirBlockOn) {
    const std::uint64_t before = replace::total(Count::heap_blocks_allocated);
    for (int i = 0; i < 500; ++i) {
        std::thread([] {
            heap_free(heap_allocate(64));
            replace::end_thread_state();
        }).join();
    }
    EXPECT_EQ(replace::total(Count::heap_blocks_allocated), before + 500);
}

TEST_F(Counters, ACountThatSeveralThreadsWriteCanStillBeRead) {
    constexpr std::uint32_t kHalf = 0x80000000;  // every second add carries
    constexpr int kAdds = 2'000'000;
    replace::SplitCount shared;
    std::atomic<int> running{0};
    std::array<std::thread, 2> writers;
    for (std::thread& writer : writers) {
        writer = std::thread([&] {
            ++running;
            while (running != 2) {
                std::this_thread::yield();
            }
            for (int i = 0; i < kAdds; ++i) {
                shared.add(kHalf);
            }
        });
    }
    std::ranges::for_each(writers, &std::thread::join);
    EXPECT_GT(shared.read(), 0U);
    EXPECT_LE(shared.read(), std::uint64_t{kHalf} * kAdds * writers.size());
}

TEST_F(Counters, EachFigureCountsItsOwnKind) {
    const replace::Statistics before = replace::statistics();
    void* small = heap_allocate(100);
    void* large = heap_allocate(100000);
    const auto buffer = game::fn::kCreateBuffer(nullptr, std::uint32_t{0x10000});
    game::fn::kGrowBuffer(nullptr, buffer, 0x10000U, 0x10000U);
    game::fn::kShrinkBuffer(nullptr, buffer, 0x20000U, 0x10000U);
    const replace::Statistics during = replace::statistics();
    EXPECT_EQ(during.total_allocations - before.total_allocations, 3U);
    EXPECT_EQ(during.large_allocations - before.large_allocations, 1U);
    EXPECT_EQ(during.region_allocations - before.region_allocations, 1U);
    EXPECT_EQ(during.page_ops - before.page_ops, 2U);
    game::fn::kFreeBuffer(nullptr, buffer, 0x10000U);
    heap_free(small);
    heap_free(large);
    EXPECT_EQ(replace::statistics().total_frees - before.total_frees, 3U);
}

TEST_F(Counters, TheSizeHistogramFollowsTheSizesEvenWhenTheyAlternate) {
    constexpr std::uint32_t kSizes[] = {24, 3000, 24, 40'000};
    constexpr std::uint32_t kBlocks = 400'000;
    const auto before = replace::size_histogram();
    for (std::uint32_t i = 0; i < kBlocks; ++i) {
        heap_free(heap_allocate(kSizes[i % std::size(kSizes)]));
    }
    auto counted = replace::size_histogram();
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counted.size(); ++i) {
        counted[i] -= before[i];
        sum += counted[i];
    }
    EXPECT_NEAR(static_cast<double>(sum), kBlocks, 2.0 * replace::kSampling);
    const auto share = [&counted](std::uint64_t bound) {
        const auto bucket = std::ranges::find(replace::kSizeBounds, bound) - replace::kSizeBounds.begin();
        return static_cast<double>(counted[static_cast<std::size_t>(bucket)]) / kBlocks;
    };
    EXPECT_NEAR(share(32), 0.5, 0.1);
    EXPECT_NEAR(share(4096), 0.25, 0.1);
    EXPECT_NEAR(share(65'536), 0.25, 0.1);
}

TEST_F(Counters, SavedCallsAreTheOriginalsMinusOurs) {
    const auto buffer = game::fn::kCreateBuffer(nullptr, std::uint32_t{0x20000});
    const std::int64_t before = replace::statistics().saved_syscalls;
    for (int i = 0; i < 100; ++i) {
        game::fn::kShrinkBuffer(nullptr, buffer, 0x20000U, 0x10000U);
        game::fn::kGrowBuffer(nullptr, buffer, 0x10000U, 0x10000U);
    }
    EXPECT_EQ(replace::statistics().saved_syscalls - before, 200);
    game::fn::kFreeBuffer(nullptr, buffer, 0x20000U);
}

}  // namespace
}  // namespace mp::test
