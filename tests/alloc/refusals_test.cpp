// What a refusal costs, and the reserve that serves while the system refuses.
#include "support.h"

#include "alloc/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace {

using namespace mp;
using test::Filled;

/// Refuses every reservation and every commit. Counts them.
class NoMemory {
public:
    NoMemory() noexcept { os::set_fault_hook(&NoMemory::refuse, this); }
    ~NoMemory() { os::set_fault_hook(nullptr, nullptr); }
    NoMemory(const NoMemory&) = delete;
    NoMemory& operator=(const NoMemory&) = delete;
    [[nodiscard]] std::uint32_t refused() const noexcept { return refused_; }

private:
    static bool refuse(os::Call call, void* context) {
        const bool asks = call == os::Call::reserve || call == os::Call::commit;
        static_cast<NoMemory*>(context)->refused_ += asks ? 1 : 0;
        return asks;
    }
    std::atomic<std::uint32_t> refused_{0};
};

/// What the calling thread wants when memory is out, for a while.
class WhenRefused {
public:
    explicit WhenRefused(int wanted) noexcept : before_(mp_when_refused(wanted)) {}
    ~WhenRefused() { mp_when_refused(before_); }
    WhenRefused(const WhenRefused&) = delete;
    WhenRefused& operator=(const WhenRefused&) = delete;

private:
    int before_;
};

constexpr std::uint32_t kAttemptCalls = alloc::policy::kAttempts + 2;
constexpr std::size_t kMegabyte = std::size_t{1} << 20;

/// Free memory in as many pieces as can be: every other block of 192 KB is free, and half of those are decommitted.
std::vector<void*> shatter() {
    std::vector<void*> blocks;
    for (int i = 0; i < 400; ++i) {
        blocks.push_back(mp_malloc(3 * alloc::kGranuleSize));
    }
    std::vector<void*> kept;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i % 2 == 0) {
            mp_free(blocks[i]);
        } else {
            kept.push_back(blocks[i]);
        }
    }
    mp_trim(100 * 3 * alloc::kGranuleSize);
    return kept;
}

TEST(Refusals, OneRefusalCostsABoundedNumberOfKernelCallsWhateverItsSize) {
    const std::vector<void*> kept = shatter();
    for (const std::size_t size : {std::size_t{2000}, std::size_t{40000}, kMegabyte, 40 * kMegabyte, 900 * kMegabyte}) {
        std::vector<void*> blocks;
        const NoMemory none;
        std::uint32_t before = 0;
        std::uint32_t most = 0;
        for (void* block = nullptr; blocks.empty() || block != nullptr;) {
            before = none.refused();
            block = mp_malloc(size);  // at first what is left of what is committed
            blocks.push_back(block);
            most = std::max(most, none.refused() - before);
        }
        EXPECT_GT(most, 0u) << size;
        EXPECT_LE(most, 2 * kAttemptCalls) << size;
        for (int i = 0; i < 20; ++i) {
            before = none.refused();
            EXPECT_EQ(mp_malloc(size), nullptr);
            EXPECT_LE(none.refused() - before, 2 * kAttemptCalls) << size;
        }
        std::for_each(blocks.begin(), blocks.end(), mp_free);
    }
    std::for_each(kept.begin(), kept.end(), mp_free);
}

std::atomic<int> given_back{0};

TEST(Refusals, AThreadThatWaitsTriesOnceAndGivesNothingBack) {
    mp_set_give_back([] { ++given_back; });
    {
        const NoMemory none;
        const WhenRefused once(MP_ONCE);
        given_back = 0;
        EXPECT_EQ(mp_malloc(40 * kMegabyte), nullptr);
        EXPECT_LE(none.refused(), kAttemptCalls);
        EXPECT_EQ(given_back, 0);
        const WhenRefused ordinary(MP_ORDINARY);
        EXPECT_EQ(mp_malloc(40 * kMegabyte), nullptr);
        EXPECT_EQ(given_back, 1) << "the host's caches are asked for, once a refusal";
    }
    mp_set_give_back(nullptr);
}

TEST(Refusals, WhatIsFreeIsGivenBackAndTheRequestTriedAgain) {
    std::vector<void*> blocks;
    for (int i = 0; i < 4; ++i) {
        blocks.push_back(mp_malloc(10 * kMegabyte));
        ASSERT_NE(blocks.back(), nullptr);
    }
    for (void* const block : blocks) {
        mp_free(block);
    }
    const std::uint64_t free = test::stats_now().free_bytes;
    ASSERT_GE(free, 30 * kMegabyte);
    const test::FaultPlan plan(os::Call::reserve, 1, 1);
    void* const larger = mp_malloc(60 * kMegabyte);
    EXPECT_NE(larger, nullptr);
    EXPECT_EQ(plan.failed(), 1u);
    EXPECT_LT(test::stats_now().free_bytes, 30 * kMegabyte);
    mp_free(larger);
}

// Spans whose blocks are all free wait in the thread's caches: nothing of it is free in the arena yet.
TEST(Refusals, WhatLiesInCachesIsGivenBackAndTheRequestTriedAgain) {
    constexpr std::size_t kLarge = 9 * alloc::kGranuleSize;
    mp_trim(0);
    std::vector<void*> small;
    for (std::size_t bytes = 0; bytes < 16 * alloc::kGranuleSize; bytes += 1000) {
        small.push_back(mp_malloc(1000));
        ASSERT_NE(small.back(), nullptr);
    }
    const test::FaultPlan plan(os::Call::reserve, 1, UINT32_MAX);
    std::vector<void*> kept;
    {
        const WhenRefused once(MP_ONCE);
        for (const std::size_t size : {16 * kMegabyte, kMegabyte, kLarge}) {
            for (void* block = mp_malloc(size); block != nullptr; block = mp_malloc(size)) {
                kept.push_back(block);
            }
        }
        std::for_each(small.begin(), small.end(), mp_free);
        ASSERT_EQ(mp_malloc(kLarge), nullptr) << "nothing but the caches has as much";
    }
    void* const block = mp_malloc(kLarge);
    EXPECT_NE(block, nullptr);
    mp_free(block);
    std::for_each(kept.begin(), kept.end(), mp_free);
}

// --- the reserve -----------------------------------------------------------------------------------------------------

/// Fills the reserve, and empties everything else; the calling thread has its heap.
void only_the_reserve_is_left() {
    mp_free(mp_malloc(1));
    ASSERT_EQ(mp_fill_reserve(), 1);
    mp_trim(0);
}

constexpr std::size_t kReserve = alloc::policy::kReserve * alloc::kGranuleSize;

TEST(Reserve, ServesOnlyWhoAsksForItAndOnlyWhenTheSystemRefuses) {
    only_the_reserve_is_left();
    EXPECT_EQ(test::stats_now().reserve_bytes, kReserve) << "a trim leaves it alone";
    {
        const WhenRefused reserve(MP_RESERVE);
        mp_free(mp_malloc(200000));
        EXPECT_EQ(test::stats_now().reserve_bytes, kReserve) << "the system still serves";
    }
    mp_trim(0);
    const NoMemory none;
    EXPECT_EQ(mp_malloc(200000), nullptr);
    const WhenRefused reserve(MP_RESERVE);
    void* const block = mp_malloc(200000);
    ASSERT_NE(block, nullptr);
    EXPECT_LT(test::stats_now().reserve_bytes, kReserve);
    EXPECT_EQ(mp_free(block), 1);
    mp_trim(0);
    EXPECT_EQ(test::stats_now().reserve_bytes, kReserve);
}

TEST(Reserve, ItsBlocksAreBlocksAsAnyOther) {
    only_the_reserve_is_left();
    std::vector<Filled> blocks;
    {
        const NoMemory none;
        const WhenRefused reserve(MP_RESERVE);
        test::Random random(1);
        while (true) {
            const std::size_t size = random.below(4) == 0 ? 70000 + random.below(200000) : random.below(40000);
            auto* const bytes = static_cast<unsigned char*>(mp_malloc(size));
            if (bytes == nullptr) {
                break;
            }
            EXPECT_NE(mp_owns(bytes), 0);
            EXPECT_GE(mp_usable_size(bytes), size);
            blocks.push_back({bytes, size, static_cast<std::uint32_t>(blocks.size())});
            blocks.back().fill();
        }
        EXPECT_GT(blocks.size(), 10u);
        for (std::size_t i = 0; i < blocks.size(); i += 2) {
            EXPECT_TRUE(blocks[i].intact());
            EXPECT_EQ(mp_free(blocks[i].bytes), 1);
            EXPECT_EQ(mp_free(blocks[i].bytes + 8), 0) << "no block";
            blocks[i].size = random.below(30000);
            blocks[i].bytes = static_cast<unsigned char*>(mp_malloc(blocks[i].size));
            if (blocks[i].bytes != nullptr) {
                blocks[i].fill();
            }
        }
    }
    for (Filled& block : blocks) {
        if (block.bytes != nullptr) {
            EXPECT_TRUE(block.intact());
            auto* const grown = static_cast<unsigned char*>(mp_realloc(block.bytes, block.size + 500000));
            ASSERT_NE(grown, nullptr);
            block.bytes = grown;
            EXPECT_TRUE(block.intact());
            EXPECT_EQ(mp_free(grown), 1);
        }
    }
    mp_trim(0);
    EXPECT_EQ(test::stats_now().reserve_bytes, kReserve);
}

TEST(Reserve, WhatWasTakenFromItIsReplacedWhenMemoryReturns) {
    only_the_reserve_is_left();
    std::vector<Filled> blocks;
    {
        const NoMemory none;
        const WhenRefused reserve(MP_RESERVE);
        for (std::uint32_t i = 0; i < 12; ++i) {
            const std::size_t size = 2 * alloc::kGranuleSize;
            blocks.push_back({static_cast<unsigned char*>(mp_malloc(size)), size, i});
            ASSERT_NE(blocks.back().bytes, nullptr);
            blocks.back().fill();
        }
        EXPECT_EQ(mp_fill_reserve(), 0) << "no memory yet";
        EXPECT_EQ(test::stats_now().reserve_bytes, kReserve - 12 * 2 * alloc::kGranuleSize);
    }
    const std::uint64_t committed = test::stats_now().committed_bytes;
    ASSERT_EQ(mp_fill_reserve(), 1);
    ASSERT_EQ(mp_fill_reserve(), 1);
    EXPECT_EQ(test::stats_now().reserve_bytes, kReserve);
    constexpr std::uint64_t kBits = std::uint64_t{2} * alloc::kGranuleSize;  // the new one's live bits stay
    EXPECT_LE(test::stats_now().committed_bytes, committed + kReserve + kBits);
    for (const Filled& block : blocks) {
        EXPECT_TRUE(block.intact());
        EXPECT_EQ(mp_free(block.bytes), 1);
    }
    mp_trim(0);
    EXPECT_LE(test::stats_now().committed_bytes, committed + kBits) << "the old one went back as any other memory does";
}

TEST(Reserve, ANewThreadGetsItsHeapFromItWhenNothingElseIsLeft) {
    ASSERT_EQ(mp_fill_reserve(), 1);
    std::thread([] {
        const NoMemory none;
        const WhenRefused reserve(MP_RESERVE);
        void* const block = mp_malloc(100);
        EXPECT_NE(block, nullptr);
        EXPECT_LT(mp_usable_size(block), 4096u) << "a thread without a heap would have got a page";
        mp_free(block);
        mp_thread_end();
    }).join();
}

TEST(Reserve, ThreadsShareItWithoutGettingTheSameMemory) {
    only_the_reserve_is_left();
    constexpr std::uint32_t kThreads = 4;
    std::atomic<std::uint32_t> ready{0};
    std::atomic<bool> go{false};
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([t, &ready, &go] {
            mp_free(mp_malloc(1));  // has a heap
            ++ready;
            while (!go) {
                std::this_thread::yield();
            }
            const WhenRefused reserve(MP_RESERVE);
            test::Random random(t);
            for (std::uint32_t i = 0; i < 2000; ++i) {
                const std::size_t size = 66000 + random.below(200000);
                const Filled block{static_cast<unsigned char*>(mp_malloc(size)), size, t * 10000 + i};
                if (block.bytes != nullptr) {
                    block.fill();
                    std::this_thread::yield();
                    EXPECT_TRUE(block.intact());
                    EXPECT_EQ(mp_free(block.bytes), 1);
                }
            }
            mp_thread_end();
        });
    }
    while (ready != kThreads) {
        std::this_thread::yield();
    }
    const NoMemory none;
    go = true;
    std::for_each(threads.begin(), threads.end(), [](std::thread& thread) { thread.join(); });
    mp_trim(0);
    EXPECT_EQ(test::stats_now().reserve_bytes, kReserve);
}

}  // namespace
