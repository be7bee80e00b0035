// Large blocks: whole pages that share granules, and whole granules from half a megabyte up.
#include "alloc/granules.h"
#include "alloc/kept_runs.h"
#include "alloc/page_blocks.h"
#include "alloc/policy.h"
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <vector>

namespace {

using namespace mp;
using namespace mp::alloc;
using test::Filled;

constexpr std::size_t kSmallestLarge = 32257;

unsigned char* allocate(std::size_t size) {
    return static_cast<unsigned char*>(mp_malloc(size));
}

// --- waste -----------------------------------------------------------------------------------------------------------

TEST(LargeBlocks, WasteAtMostAnEighthEach) {
    for (std::size_t size = kSmallestLarge; size < (std::size_t{64} << 20); size += 1 + size / 61) {
        void* const block = mp_malloc(size);
        ASSERT_NE(block, nullptr) << size;
        ASSERT_LE(mp_usable_size(block) - size, size / 8) << size;
        ASSERT_EQ(mp_free(block), 1);
    }
}

class UniformLoad : public ::testing::TestWithParam<std::size_t> {};

// Not only each block: what is taken from the system for many of one size as well.
TEST_P(UniformLoad, TakesLittleMoreThanItsBlocks) {
    const std::size_t size = GetParam();
    mp_trim(0);
    const mp_alloc_stats before = test::stats_now();
    std::vector<void*> blocks;
    for (std::size_t total = 0; total < (std::size_t{96} << 20); total += size) {
        blocks.push_back(mp_malloc(size));
        ASSERT_NE(blocks.back(), nullptr);
    }
    const std::uint64_t asked = std::uint64_t{blocks.size()} * size;
    const mp_alloc_stats now = test::stats_now();
    // A reservation, and what was committed ahead, may be begun and hardly used yet.
    EXPECT_LE(now.reserved_bytes - before.reserved_bytes, asked + asked / 8 + (std::size_t{16} << 20));
    EXPECT_LE(now.committed_bytes - before.committed_bytes, asked + asked / 8 + (std::size_t{2} << 20));
    for (void* const block : blocks) {
        ASSERT_EQ(mp_free(block), 1);
    }
    mp_trim(0);
    EXPECT_EQ(test::stats_now().committed_bytes, before.committed_bytes);
}

INSTANTIATE_TEST_SUITE_P(Sizes, UniformLoad,
                         ::testing::Values(kSmallestLarge, 33 << 10, 65 << 10, 66000, 100 << 10, 130 << 10, 200 << 10,
                                           260 << 10, 300 << 10, 350 << 10, 420 << 10, 500 << 10, 525000, 700000,
                                           1100000, 5000000));

// --- exact answers ---------------------------------------------------------------------------------------------------

TEST(PageBlocks, OnlyTheirFirstByteIsABlock) {
    const std::size_t size = 150000;
    const Filled block{allocate(size), size, 3};
    ASSERT_NE(block.bytes, nullptr);
    block.fill();
    const std::size_t usable = mp_usable_size(block.bytes);
    for (std::size_t offset = 1; offset < usable; offset += offset % kPageSize == 0 ? 16 : 1) {
        ASSERT_TRUE(mp_owns(block.bytes + offset));
        ASSERT_EQ(mp_usable_size(block.bytes + offset), 0u) << offset;
        ASSERT_EQ(mp_free(block.bytes + offset), 0) << offset;
    }
    EXPECT_EQ(mp_usable_size(block.bytes), usable);
    EXPECT_TRUE(block.intact());
    EXPECT_EQ(mp_free(block.bytes), 1);
    EXPECT_EQ(mp_free(block.bytes), 0);
    EXPECT_EQ(mp_usable_size(block.bytes), 0u);
    EXPECT_EQ(mp_realloc(block.bytes, 40000), nullptr);
}

// Every page of every granule that ever held a block, against a map of the live blocks.
class Reference {
public:
    void add(const void* block, std::size_t pages) { blocks_[address(block)] = pages; }
    void remove(const void* block) { blocks_.erase(address(block)); }
    void check(std::uintptr_t low, std::uintptr_t high) const {
        for (std::uintptr_t page = low; page < high; page += kPageSize) {
            const auto found = blocks_.find(page);
            const auto* const pointer = reinterpret_cast<const void*>(page);
            const std::size_t expected = found == blocks_.end() ? 0 : found->second * kPageSize;
            if (mp_granule_kind_at(pointer) == MP_GRANULE_PAGES) {
                ASSERT_EQ(mp_usable_size(pointer), expected);
            } else {
                ASSERT_EQ(expected, 0u);
            }
        }
    }

private:
    static std::uintptr_t address(const void* block) { return reinterpret_cast<std::uintptr_t>(block); }
    std::map<std::uintptr_t, std::size_t> blocks_;
};

TEST(PageBlocks, AgreeWithAReferenceAfterEveryStep) {
    Reference reference;
    std::vector<std::pair<void*, std::size_t>> live;
    test::Random random(19);
    std::uintptr_t low = UINTPTR_MAX;
    std::uintptr_t high = 0;
    const int steps = test::kSanitized ? 1500 : 6000;
    for (int step = 0; step < steps; ++step) {
        const std::size_t pages = 1 + random.below(random.below(4) == 0 ? PageBlocks::kMaxPages : 20);
        const std::size_t kind = random.below(10);
        if (live.size() < 10 || (kind < 5 && live.size() < 150)) {
            void* const block = page_blocks().allocate(pages);
            ASSERT_NE(block, nullptr);
            live.emplace_back(block, pages);
            reference.add(block, pages);
            low = std::min(low, reinterpret_cast<std::uintptr_t>(block) & ~(kGranuleSize - 1));
            high = std::max(high, reinterpret_cast<std::uintptr_t>(block) + (pages + 16) * kPageSize);
        } else if (kind < 7) {
            auto& [block, now] = live[random.below(live.size())];
            if (page_blocks().resize(block, pages)) {
                now = pages;
                reference.add(block, pages);
            }
        } else {
            std::swap(live[random.below(live.size())], live.back());
            ASSERT_TRUE(page_blocks().free(live.back().first));
            ASSERT_FALSE(page_blocks().free(live.back().first));
            reference.remove(live.back().first);
            live.pop_back();
        }
        if (step % 200 == 199) {
            page_blocks().release_free();
        }
        if (step % 8 == 0) {
            ASSERT_NO_FATAL_FAILURE(reference.check(low, std::min(high, low + (std::size_t{64} << 20))));
        }
    }
    for (const auto& block : live) {
        ASSERT_TRUE(page_blocks().free(block.first));
    }
    page_blocks().release_free();
    EXPECT_EQ(page_blocks().free_bytes(), 0u);
}

// --- reuse -----------------------------------------------------------------------------------------------------------

TEST(PageBlocks, FreedNeighboursServeALongerBlock) {
    mp_trim(0);
    std::vector<unsigned char*> blocks;
    for (int i = 0; i < 8; ++i) {
        blocks.push_back(allocate(9 * kPageSize));
    }
    const auto behind = std::adjacent_find(blocks.begin(), blocks.end(),
                                           [](const unsigned char* a, const unsigned char* b) { return a > b; });
    ASSERT_EQ(behind, blocks.end()) << "addresses rise";
    for (const std::size_t i : {2u, 4u, 3u}) {
        ASSERT_EQ(mp_free(blocks[i]), 1);
    }
    page_blocks().release_kept();
    unsigned char* const joined = allocate(27 * kPageSize);
    EXPECT_EQ(joined, blocks[2]);
    mp_free(joined);
    for (const std::size_t i : {0u, 1u, 5u, 6u, 7u}) {
        ASSERT_EQ(mp_free(blocks[i]), 1);
    }
}

TEST(PageBlocks, GiveEmptyGranulesBackWithoutATrim) {
    mp_trim(0);
    std::vector<unsigned char*> blocks;
    for (int i = 0; i < 1000; ++i) {
        blocks.push_back(allocate(11 * kPageSize));
        ASSERT_NE(blocks.back(), nullptr);
    }
    for (unsigned char* const block : blocks) {
        ASSERT_EQ(mp_free(block), 1);
    }
    EXPECT_LE(page_blocks().free_bytes(), 2 * policy::kStep * kGranuleSize);
    mp_trim(0);
    EXPECT_EQ(page_blocks().free_bytes(), 0u);
}

TEST(PageBlocks, OneThatWaitsIsNoRoomForOthers) {
    mp_trim(0);
    unsigned char* const before = allocate(12 * kPageSize);
    const Filled waiting{allocate(12 * kPageSize), 12 * kPageSize, 9};
    ASSERT_EQ(waiting.bytes, before + 12 * kPageSize);
    waiting.fill();
    ASSERT_EQ(mp_end_life(waiting.bytes), waiting.size);
    ASSERT_EQ(mp_free(before), 1);
    for (const std::size_t pages : {13u, 12u}) {
        unsigned char* const other = allocate(pages * kPageSize);
        ASSERT_NE(other, nullptr);
        std::fill_n(other, pages * kPageSize, static_cast<unsigned char>(0));
        EXPECT_TRUE(waiting.intact()) << pages;
        EXPECT_EQ(mp_free(other), 1);
    }
    EXPECT_EQ(mp_reuse(waiting.bytes), waiting.size);
}

TEST(PageBlocks, OneWhoseLifeHasEndedWaitsWithItsBytesUntilItIsReused) {
    std::vector<unsigned char*> waiting;
    for (const std::size_t pages : {4u, 9u, 16u}) {
        waiting.push_back(allocate(pages * kPageSize));
        std::memset(waiting.back(), 0x5A, pages * kPageSize);
        ASSERT_EQ(mp_end_life(waiting.back()), pages * kPageSize);
    }
    unsigned char* const longer = allocate(17 * kPageSize);
    EXPECT_EQ(mp_end_life(longer), 0u) << "longer blocks do not wait";
    EXPECT_EQ(mp_usable_size(longer), 17 * kPageSize);
    EXPECT_EQ(mp_end_life(longer + kPageSize), 0u) << "the inside of a block";
    EXPECT_EQ(mp_free(longer), 1);
    std::vector<unsigned char*> others;
    std::set<unsigned char*> handed_out;
    const auto take = [&](std::size_t pages) {
        for (int i = 0; i < 300; ++i) {
            others.push_back(allocate(pages * kPageSize));
            handed_out.insert(others.back());
        }
    };
    take(4);
    mp_trim(0);
    for (unsigned char* const block : waiting) {
        EXPECT_EQ(mp_end_life(block), 0u) << "a second time";
        EXPECT_EQ(mp_free(block), 0);
        EXPECT_EQ(mp_usable_size(block), 0u);
        EXPECT_EQ(handed_out.count(block), 0u);
        EXPECT_EQ(std::count(block, block + 4 * kPageSize, 0x5A), 4 * kPageSize);
    }
    std::thread([&waiting] {
        EXPECT_EQ(mp_reuse(waiting[1]), 9 * kPageSize);  // by another thread than the one that ended its life
        mp_thread_end();
    }).join();
    page_blocks().release_kept();
    take(4);
    EXPECT_TRUE(std::any_of(others.begin(), others.end(), [&waiting](const unsigned char* block) {
        return block >= waiting[1] && block < waiting[1] + 9 * kPageSize;
    }));
    mp_reuse(waiting[0]);
    mp_reuse(waiting[2]);
    for (unsigned char* const block : others) {
        EXPECT_EQ(mp_free(block), 1);
    }
}

// --- kept whole ------------------------------------------------------------------------------------------------------

TEST(KeptRuns, AreHandedOutToOneEachAndForTheirOwnLengthAlone) {
    using Runs = KeptRuns<kPageSize, 64>;
    static Runs runs;
    EXPECT_FALSE(runs.put(1, 65)) << "longer than the longest";
    EXPECT_EQ(runs.take(65), 0u);
    for (const std::size_t length : {1u, 16u, 32u, 64u}) {
        std::set<std::size_t> put;
        for (std::size_t run = 1; run <= 20; ++run) {
            if (runs.put(run, length)) {
                put.insert(run);
            }
        }
        const std::size_t fits = policy::kKeptOfALength / kPageSize / length;
        EXPECT_EQ(put.size(), std::clamp(fits, policy::kLeastRuns, policy::kMostRuns));
        EXPECT_EQ(runs.units(), put.size() * length);
        EXPECT_EQ(runs.take(length - 1), 0u);
        EXPECT_EQ(runs.take(length + 1), 0u);
        std::set<std::size_t> taken;
        for (std::size_t run = runs.take(length); run != 0; run = runs.take(length)) {
            EXPECT_TRUE(taken.insert(run).second) << run;
        }
        EXPECT_EQ(taken, put);
    }
    EXPECT_EQ(runs.units(), 0u);
}

TEST(KeptRuns, AreNeitherLostNorHandedOutTwiceWhileThreadsPutTakeAndReleaseThem) {
    using Runs = KeptRuns<kPageSize, 64>;
    static Runs runs;
    constexpr std::size_t kRuns = 64;
    constexpr std::size_t kLength = 3;
    std::array<std::atomic<int>, kRuns + 1> owners{};  // 1: a thread's
    std::atomic<int> bad{0};
    std::vector<std::thread> threads;
    const std::uint64_t steps = test::kSlow ? 20000 : 200000;
    const auto claim = [&](std::size_t run) { bad += owners.at(run).exchange(1) == 0 ? 0 : 1; };
    for (std::size_t thread = 0; thread < 8; ++thread) {
        threads.emplace_back([&, thread] {
            std::vector<std::size_t> mine;
            for (std::size_t run = thread * kRuns / 8; run < (thread + 1) * kRuns / 8; ++run) {
                mine.push_back(run + 1);
                claim(run + 1);
            }
            test::Random random(thread + 1);
            for (std::uint64_t i = 0; i < steps; ++i) {
                if (random.below(1000) == 0) {
                    runs.release_all([&](std::size_t run, std::size_t length) {
                        bad += length == kLength ? 0 : 1;
                        claim(run);
                        mine.push_back(run);
                    });
                } else if (random.below(2) == 0 && !mine.empty()) {
                    owners.at(mine.back()) = 0;
                    if (runs.put(mine.back(), kLength)) {
                        mine.pop_back();
                    } else {
                        claim(mine.back());
                    }
                } else if (const std::size_t run = runs.take(kLength); run != 0) {
                    claim(run);
                    mine.push_back(run);
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(bad, 0);
    runs.release_all([&](std::size_t run, std::size_t /*length*/) { claim(run); });
    EXPECT_EQ(std::count(owners.begin() + 1, owners.end(), 1), static_cast<std::ptrdiff_t>(kRuns));
}

class KeptBlocks : public ::testing::TestWithParam<std::size_t> {};

TEST_P(KeptBlocks, AreHandedOutAgainForTheirLengthAndAreNoBlocksBefore) {
    const std::size_t size = GetParam();
    mp_trim(0);
    unsigned char* const block = allocate(size);
    unsigned char* const border = allocate(size);
    ASSERT_NE(block, nullptr);
    ASSERT_NE(border, nullptr);
    const Filled filled{block, size, 5};
    filled.fill();
    const std::uint64_t free_before = test::stats_now().free_bytes;
    ASSERT_EQ(mp_free(block), 1);
    EXPECT_EQ(test::stats_now().free_bytes - free_before, size);
    EXPECT_EQ(mp_free(block), 0) << "a second time";
    EXPECT_EQ(mp_end_life(block), 0u);
    EXPECT_EQ(mp_usable_size(block), 0u);
    EXPECT_TRUE(filled.intact());
    const std::size_t step = size > PageBlocks::kMaxPages * kPageSize ? kGranuleSize : kPageSize;
    for (const std::size_t other : {size - step, size + step}) {
        unsigned char* const longer_or_shorter = allocate(other);
        EXPECT_NE(longer_or_shorter, block) << other;
        EXPECT_EQ(mp_free(longer_or_shorter), 1);
    }
    EXPECT_EQ(allocate(size), block);
    EXPECT_EQ(mp_usable_size(block), size);
    EXPECT_EQ(mp_free(block), 1);
    EXPECT_EQ(mp_free(border), 1);
}

TEST_P(KeptBlocks, JoinTheirNeighboursWithEachPassOfGivingBackAndBeforeMoreIsReserved) {
    const std::size_t size = GetParam();
    for (const bool passes : {true, false}) {
        mp_trim(0);
        std::vector<unsigned char*> blocks;
        for (int i = 0; i < 3; ++i) {
            blocks.push_back(allocate(size));
        }
        std::ranges::sort(blocks);
        ASSERT_EQ(blocks[2], blocks[0] + 2 * size);
        ASSERT_EQ(mp_free(blocks[0]), 1);
        ASSERT_EQ(mp_free(blocks[1]), 1);
        const std::uint64_t reserved = test::stats_now().reserved_bytes;
        std::vector<void*> longer;
        if (passes) {
            mp_give_back(policy::kLongestDelayMs);
            longer.push_back(allocate(2 * size));
        }
        // Until all that is reserved is in use: then it is their turn at the latest.
        while (std::ranges::count(longer, blocks[0]) == 0 && test::stats_now().reserved_bytes == reserved) {
            longer.push_back(allocate(2 * size));
            ASSERT_NE(longer.back(), nullptr);
        }
        EXPECT_EQ(std::ranges::count(longer, blocks[0]), 1);
        EXPECT_EQ(test::stats_now().reserved_bytes, reserved);
        EXPECT_TRUE(!passes || longer.size() == 1);
        for (void* const block : longer) {
            ASSERT_EQ(mp_free(block), 1);
        }
        ASSERT_EQ(mp_free(blocks[2]), 1);
    }
}

TEST(KeptBlocksOfPages, AreCutForAShorterOneBeforeMoreIsTakenFromTheArena) {
    mp_trim(0);
    unsigned char* const block = allocate(60 * kPageSize);
    std::vector<void*> others;
    while (page_blocks().free_bytes() != 0) {
        others.push_back(page_blocks().allocate(1));
    }
    ASSERT_EQ(mp_free(block), 1);
    for (const std::size_t part : {0u, 1u, 2u}) {
        EXPECT_EQ(allocate(20 * kPageSize), block + part * 20 * kPageSize);
        EXPECT_EQ(mp_usable_size(block + part * 20 * kPageSize), 20 * kPageSize);
    }
    EXPECT_EQ(page_blocks().free_bytes(), 0u);
    for (const std::size_t part : {0u, 1u, 2u}) {
        EXPECT_EQ(mp_free(block + part * 20 * kPageSize), 1);
    }
    for (void* const other : others) {
        EXPECT_EQ(mp_free(other), 1);
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, KeptBlocks, ::testing::Values(20 << 10, 64 << 10, 100 << 10, 640 << 10));

TEST(PageBlocks, TwoThreadsThatFreeOneAtTheSameTimeFreeItOnce) {
    constexpr int kBlocks = 400;
    const int rounds = test::kSlow ? 20 : 200;
    for (int round = 0; round < rounds; ++round) {
        std::vector<void*> blocks;
        for (int i = 0; i < kBlocks; ++i) {
            blocks.push_back(allocate(20 * kPageSize));
        }
        std::atomic<int> ready{0};
        std::atomic<int> freed{0};
        const auto free_each = [&] {
            ++ready;
            while (ready != 2) {
                std::this_thread::yield();
            }
            for (void* const block : blocks) {
                freed += mp_free(block);
            }
        };
        std::thread other(free_each);
        free_each();
        other.join();
        ASSERT_EQ(freed, kBlocks);
    }
}

TEST(PageBlocks, GrowIntoFreePagesAndShrinkInPlace) {
    mp_trim(0);
    Filled block{allocate(100 * kPageSize), 100 * kPageSize, 8};
    ASSERT_NE(block.bytes, nullptr);
    block.fill();
    ASSERT_EQ(mp_realloc(block.bytes, 10 * kPageSize), block.bytes);
    EXPECT_EQ(mp_usable_size(block.bytes), 10 * kPageSize);
    void* const other = mp_malloc(20 * kPageSize);
    EXPECT_EQ(other, block.bytes + 10 * kPageSize);
    EXPECT_NE(mp_usable_size(other), 0u);
    mp_free(other);
    page_blocks().release_kept();
    ASSERT_EQ(mp_realloc(block.bytes, 60 * kPageSize), block.bytes);
    EXPECT_TRUE(block.intact(10 * kPageSize));
    EXPECT_EQ(mp_free(block.bytes), 1);
}

TEST(LargeBlocks, ShrunkToPagesStayInPlaceAndGiveTheRestBack) {
    mp_trim(0);
    const std::uint64_t free_before = test::stats_now().free_bytes;
    Filled block{allocate(std::size_t{4} << 20), 70000, 8};
    ASSERT_NE(block.bytes, nullptr);
    block.fill();
    ASSERT_EQ(mp_realloc(block.bytes, 70000), block.bytes);
    EXPECT_EQ(mp_usable_size(block.bytes), 18 * kPageSize);
    EXPECT_TRUE(block.intact());
    EXPECT_EQ(test::stats_now().free_bytes - free_before, (std::size_t{4} << 20) - 18 * kPageSize);
    unsigned char* const other = allocate(14 * kPageSize);
    EXPECT_EQ(other, block.bytes + 18 * kPageSize);
    EXPECT_EQ(mp_free(other), 1);
    EXPECT_EQ(mp_free(block.bytes), 1);
    EXPECT_EQ(mp_free(block.bytes), 0);
}

TEST(LargeBlocks, OfEverySizeMayBecomeAnyOther) {
    mp_trim(0);
    test::Random random(43);
    std::vector<Filled> blocks;
    for (int step = 0; step < 3000; ++step) {
        const std::size_t size = kSmallestLarge + random.below(random.below(8) == 0 ? 3000000 : 600000);
        if (blocks.size() < 30) {
            blocks.push_back({allocate(size), size, static_cast<std::uint32_t>(step)});
            ASSERT_NE(blocks.back().bytes, nullptr);
            blocks.back().fill();
            continue;
        }
        Filled& block = blocks[random.below(blocks.size())];
        block.bytes = static_cast<unsigned char*>(mp_realloc(block.bytes, size));
        ASSERT_NE(block.bytes, nullptr);
        ASSERT_GE(mp_usable_size(block.bytes), size);
        ASSERT_TRUE(block.intact(std::min(block.size, size)));
        block.size = size;
        block.fill();
    }
    for (const Filled& block : blocks) {
        ASSERT_TRUE(block.intact());
        ASSERT_EQ(mp_free(block.bytes), 1);
    }
}

}  // namespace
