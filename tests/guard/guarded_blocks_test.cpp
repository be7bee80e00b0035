// Guarded blocks: what is closed and when, what is said of an access, which free is refused.
#include "guard/guarded_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "os/os.h"

namespace mp::guard {
namespace {

constexpr std::size_t kSpace = std::size_t{4} << 20;
constexpr std::uint8_t kDoor = 1;
constexpr int kFreedWord = 0;

// Each test has a process of its own.
class GuardedBlocks : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(start(kSpace, &kFreedWord)); }
    void TearDown() override { os::set_fault_hook(nullptr, nullptr); }

    static Moment moment(std::uint8_t door = kDoor) {
        Moment one{.thread = 7, .ms = ++ms_, .door = door};
        one.stack.add(0x1000 + ms_, true);
        return one;
    }
    static std::uint8_t* make(std::size_t size) { return static_cast<std::uint8_t*>(allocate(size, moment())); }
    static std::uintptr_t value(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }
    static bool is_readable(const void* address) {
        os::RegionInfo region;
        return os::query(address, &region) && region.state == os::PageState::committed && region.readable;
    }
    static bool lies_at_end(const std::uint8_t* block) { return value(block) % os::kPage != 0; }
    /// Blocks of that size until one of them lies as wanted.
    static std::uint8_t* make_lying(bool at_end, std::size_t size) {
        std::uint8_t* block = make(size);
        while (lies_at_end(block) != at_end) {
            block = make(size);
        }
        return block;
    }
    static inline std::uint32_t ms_ = 0;
};

TEST_F(GuardedBlocks, AreAlignedAndClearedAndAtTheVeryEndOrStartOfTheirPages) {
    int at_start = 0;
    for (const std::size_t size : {1U, 8U, 24U, 48U, 100U, 4000U, 4096U, 5000U, 65536U}) {
        for (int i = 0; i < 6; ++i) {
            std::uint8_t* block = make(size);
            ASSERT_NE(block, nullptr) << size;
            EXPECT_EQ(value(block) % (size % 16 == 0 ? 16 : 8), 0U) << size;
            EXPECT_TRUE(std::all_of(block, block + size, [](std::uint8_t byte) { return byte == 0; })) << size;
            EXPECT_EQ(size_of(block), size);
            const std::uintptr_t gap = (os::kPage - (value(block) + size) % os::kPage) % os::kPage;
            at_start += gap >= 16 ? 1 : 0;
            EXPECT_TRUE(gap < 16 || !lies_at_end(block)) << size;
            // The block of several pages has its closed page on the side where it lies.
            EXPECT_TRUE(lies_at_end(block) || !is_readable(block - 1)) << size;
            EXPECT_TRUE(gap >= 16 || !is_readable(block + size + gap)) << size;
            std::memset(block, 0xEE, size);
        }
    }
    EXPECT_GT(at_start, 0);
}

TEST_F(GuardedBlocks, AreClosedAfterTheirFreeWithTheirBytesAsTheyWere) {
    std::uint8_t* block = make(64);
    std::memset(block, 0x5A, 64);
    EXPECT_TRUE(free(block, moment()).done);
    EXPECT_FALSE(is_readable(block));
    EXPECT_EQ(size_of(block), 0U);
    ASSERT_TRUE(open(value(block)));
    EXPECT_EQ(block[0], 0x5A);
    EXPECT_EQ(reinterpret_cast<const void**>(block)[1], &kFreedWord);
    EXPECT_EQ(block[63], 0x5A);
    block[0] = 1;  // writable, too
}

TEST_F(GuardedBlocks, TheOldestFreedPlaceIsUsedAgainAndNoneBeforeAllWereUsed) {
    std::vector<void*> freed;
    for (void* block = make(4096); counts().not_made == 0; block = make(4096)) {
        freed.push_back(block);
    }
    ASSERT_GT(freed.size(), 300U);
    EXPECT_EQ(std::set<void*>(freed.begin(), freed.end()).size(), freed.size());
    for (void* block : freed) {
        ASSERT_TRUE(free(block, moment()).done);
    }
    EXPECT_EQ(counts().live, 0U);
    EXPECT_EQ(counts().freed, freed.size());
    for (void* block : freed) {
        EXPECT_EQ(make(4096), block);
        EXPECT_TRUE(is_readable(block));
    }
}

TEST_F(GuardedBlocks, AnAccessBehindOneIsAnOverrunOfItAndBeforeOneAnUnderrun) {
    std::uint8_t* at_end = make_lying(true, 48);
    const auto behind = explain(value(at_end) + 48 + 20);
    ASSERT_TRUE(behind);
    EXPECT_EQ(behind->kind, Kind::overrun);
    EXPECT_EQ(behind->block.address, value(at_end));
    EXPECT_EQ(behind->block.size, 48U);
    EXPECT_FALSE(behind->block.is_freed);
    EXPECT_EQ(behind->offset, 68);
    std::uint8_t* at_start = make_lying(false, 48);
    const auto before = explain(value(at_start) - 3);
    ASSERT_TRUE(before);
    EXPECT_EQ(before->kind, Kind::underrun);
    EXPECT_EQ(before->block.address, value(at_start));
    EXPECT_EQ(before->offset, -3);
}

TEST_F(GuardedBlocks, AnAccessToAFreedOneIsToldWithWhoMadeAndWhoFreedIt) {
    std::uint8_t* block = make(100);
    const std::uint32_t made = ms_;
    free(block, moment());
    const auto found = explain(value(block) + 12);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, Kind::use_after_free);
    EXPECT_EQ(found->offset, 12);
    EXPECT_TRUE(found->block.is_freed);
    EXPECT_EQ(found->block.allocated.stack.frames[0], 0x1000 + made);
    EXPECT_EQ(found->block.freed.stack.frames[0], 0x1000 + ms_);
    EXPECT_EQ(found->block.allocated.thread, 7U);
}

TEST_F(GuardedBlocks, AnAccessToALiveOneOrElsewhereIsNoFinding) {
    std::uint8_t* block = make(100);
    EXPECT_FALSE(explain(value(block)));
    EXPECT_FALSE(explain(0));
    EXPECT_FALSE(explain(value(&ms_)));
    EXPECT_FALSE(holds(&ms_));
    EXPECT_TRUE(holds(block));
    EXPECT_FALSE(explain(value(block) + kSpace / 2));  // nobody was there yet
}

TEST_F(GuardedBlocks, ThatLiveAreShownEachOnceAndNoOther) {
    const std::set<std::uintptr_t> live{value(make(8)), value(make(100)), value(make(9000))};
    free(make(8), moment());
    std::multiset<std::uintptr_t> shown;
    each_live([](const History& block,
                 void* all) { static_cast<std::multiset<std::uintptr_t>*>(all)->insert(block.address); },
              &shown);
    EXPECT_EQ(shown, (std::multiset<std::uintptr_t>(live.begin(), live.end())));
}

TEST_F(GuardedBlocks, WrongFreesAreRefusedAndSaidWhichTheyAre) {
    std::uint8_t* block = make(64);
    const Freed inside = free(block + 16, moment());
    EXPECT_FALSE(inside.done);
    ASSERT_TRUE(inside.found);
    EXPECT_EQ(inside.found->kind, Kind::interior_free);
    EXPECT_EQ(inside.found->offset, 16);
    EXPECT_EQ(size_of(block), 64U);
    EXPECT_FALSE(free(block, moment()).found);
    const Freed again = free(block, moment());
    EXPECT_FALSE(again.done);
    ASSERT_TRUE(again.found);
    EXPECT_EQ(again.found->kind, Kind::double_free);
    EXPECT_EQ(again.found->block.size, 64U);
    const Freed none = free(block + kSpace / 2, moment());
    EXPECT_FALSE(none.done);
    ASSERT_TRUE(none.found);
    EXPECT_EQ(none.found->kind, Kind::unknown_free);
    EXPECT_EQ(counts().live, 0U);
}

TEST_F(GuardedBlocks, AFreeByAnotherDoorIsDoneAndTold) {
    std::uint8_t* block = make(64);
    const Freed freed = free(block, moment(kDoor + 1));
    EXPECT_TRUE(freed.done);
    ASSERT_TRUE(freed.found);
    EXPECT_EQ(freed.found->kind, Kind::mismatched_free);
    EXPECT_FALSE(is_readable(block));
}

TEST_F(GuardedBlocks, EachByteWrittenBesideOneInItsPagesIsSeenAtItsFree) {
    for (const std::size_t size : {20U, 100U, 5000U, 9000U}) {
        for (const bool at_end : {true, false}) {
            for (const int distance : {1, 2, 200}) {
                std::uint8_t* block = make_lying(at_end, size);
                // In the slack up to an aligned end there may be less room.
                (at_end ? block[-distance] : block[size - 1 + static_cast<std::size_t>(distance)]) ^= 1;
                const Freed freed = free(block, moment());
                EXPECT_TRUE(freed.done);
                ASSERT_TRUE(freed.found) << size << " " << at_end << " " << distance;
                EXPECT_EQ(freed.found->kind, Kind::written_around);
            }
        }
    }
    std::uint8_t* block = make_lying(true, 20);
    block[20] = 1;  // four bytes of slack
    EXPECT_TRUE(free(block, moment()).found);
}

TEST_F(GuardedBlocks, AnOpenedPageIsClosedWhenABlockIsMadeBesideIt) {
    std::uint8_t* block = make_lying(true, 48);
    ASSERT_TRUE(open(value(block) + 48));
    EXPECT_TRUE(is_readable(block + 48));
    block[48] = 1;
    free(block, moment());
    while (counts().not_made == 0) {  // every place once, that one as well
        make(48);
    }
    EXPECT_FALSE(is_readable(block + 48));
}

TEST_F(GuardedBlocks, WhatTheSystemRefusesIsNoBlockAndLosesNoPlace) {
    static os::Call refused;
    const auto make_while_refused = [](os::Call call) {
        refused = call;
        os::set_fault_hook([](os::Call one, void* /*context*/) { return one == refused; }, nullptr);
        void* const block = make(64);
        os::set_fault_hook(nullptr, nullptr);
        return block;
    };
    EXPECT_EQ(make_while_refused(os::Call::commit), nullptr);
    std::vector<void*> all;
    while (void* block = make(64)) {
        all.push_back(block);
    }
    EXPECT_EQ(all.size(), (kSpace / 4 * 3 - os::kPage) / (2 * os::kPage));
    EXPECT_TRUE(free(all.back(), moment()).done);
    EXPECT_EQ(make_while_refused(os::Call::protect), nullptr);
    EXPECT_EQ(value(make(64)) / os::kPage, value(all.back()) / os::kPage);
}

TEST_F(GuardedBlocks, AreMadeAndFreedByEightThreadsEachOnce) {
    std::vector<std::thread> threads;
    std::atomic<int> refused{0};
    std::array<std::atomic<void*>, 64> shared{};
    for (unsigned number = 0; number < 8; ++number) {
        threads.emplace_back([&, number] {
            std::uint32_t random = number + 1;
            for (int i = 0; i < 2000; ++i) {
                random = random * 1'664'525 + 1'013'904'223;
                const std::size_t size = 1 + (random >> 8) % 300;
                auto* block = static_cast<std::uint8_t*>(allocate(size, Moment{.thread = number, .door = kDoor}));
                if (block != nullptr) {
                    std::memset(block, static_cast<int>(number), size);
                }
                if (void* other = shared[random >> 26].exchange(block); other != nullptr) {
                    const Freed freed = free(other, Moment{.thread = number, .door = kDoor});
                    refused += freed.done && !freed.found ? 0 : 1;
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    std::uint32_t left = 0;
    for (auto& place : shared) {
        left += place.load() != nullptr ? 1 : 0;
    }
    EXPECT_EQ(refused.load(), 0);
    EXPECT_EQ(counts().live, left);
}

TEST(GuardedBlocksBefore, TheirStartThereAreNone) {
    EXPECT_FALSE(holds(nullptr));
    EXPECT_EQ(allocate(8, Moment{}), nullptr);
    EXPECT_EQ(size_of(&kFreedWord), 0U);
    EXPECT_FALSE(explain(0x1000));
    os::set_fault_hook([](os::Call, void*) { return true; }, nullptr);
    EXPECT_FALSE(start(kSpace, &kFreedWord));
    os::set_fault_hook(nullptr, nullptr);
    EXPECT_EQ(allocate(8, Moment{}), nullptr);
    EXPECT_TRUE(start(kSpace, &kFreedWord));
}

}  // namespace
}  // namespace mp::guard
