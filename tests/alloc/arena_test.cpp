// The arena and its tables against plain models.
#include "alloc/arena.h"
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace mp;
using namespace mp::alloc;

constexpr RunKinds kSpanRun{MP_GRANULE_SPAN, MP_GRANULE_SPAN, Zone::small};

// --- free runs -------------------------------------------------------------------------------------------------------

// Uses notes of granules that nobody owns: the tree never touches the memory itself.
TEST(FreeRuns, AgreesWithAnOrderedSet) {
    constexpr std::size_t kBase = 16;
    constexpr std::size_t kRange = 60000;
    ASSERT_TRUE(ensure_notes(kBase, kRange));
    FreeRuns runs;
    std::set<std::pair<std::size_t, std::size_t>> model;  // (length, first)
    std::map<std::size_t, std::size_t> by_first;
    test::Random random(7);
    for (int step = 0; step < 20000; ++step) {
        const std::size_t first = kBase + random.below(kRange / 16) * 16;
        if (const auto found = by_first.find(first); found != by_first.end()) {
            runs.erase(first);
            model.erase({found->second, first});
            by_first.erase(found);
        } else {
            const std::size_t length = 1 + random.below(16);
            runs.insert(first, length);
            model.insert({length, first});
            by_first[first] = length;
        }
        const std::size_t wanted = 1 + random.below(17);
        const auto best = model.lower_bound({wanted, 0});
        ASSERT_EQ(runs.best_fit(wanted), best == model.end() ? 0 : best->second);
        ASSERT_EQ(runs.longest(), model.empty() ? 0 : model.rbegin()->second);
    }
    std::size_t node = runs.longest();
    for (auto expected = model.rbegin(); expected != model.rend(); ++expected) {
        ASSERT_EQ(node, expected->second);
        node = runs.below(node);
    }
    EXPECT_EQ(node, 0u);
}

// --- ownership -------------------------------------------------------------------------------------------------------

struct HandedOut {
    std::size_t count;
    RunKinds kinds;
};

class OwnershipModel {
public:
    void add(void* address, std::size_t count, RunKinds kinds) { runs_[granule_of(address)] = {count, kinds}; }
    void remove(void* address) { runs_.erase(granule_of(address)); }
    // Any granule, not only those of runs.
    [[nodiscard]] Kind live_kind(std::size_t granule) const {
        auto after = runs_.upper_bound(granule);
        if (after == runs_.begin()) {
            return MP_GRANULE_FOREIGN;
        }
        const auto& [first, run] = *--after;
        if (granule >= first + run.count) {
            return MP_GRANULE_FOREIGN;
        }
        return granule == first ? run.kinds.head : run.kinds.rest;
    }
    [[nodiscard]] const std::map<std::size_t, HandedOut>& runs() const { return runs_; }

private:
    std::map<std::size_t, HandedOut> runs_;
};

// Every live granule has the kind it was handed out for, the neighbourhood of every run and all of a range agree.
void expect_equal(const OwnershipModel& model, std::size_t low, std::size_t high) {
    for (std::size_t granule = low; granule <= high; ++granule) {
        const Kind expected = model.live_kind(granule);
        const Kind kind = mp_granule_kind_at(address_of(granule));
        if (mp_granule_is_live(expected)) {
            ASSERT_EQ(kind, expected) << "granule " << granule;
        } else {
            ASSERT_FALSE(mp_granule_is_live(kind)) << "granule " << granule;
        }
        ASSERT_EQ(mp_owns(address_of(granule)) != 0, mp_granule_is_live(expected) != 0);
    }
}

TEST(Ownership, IsExactAfterEveryMapAndUnmap) {
    OwnershipModel model;
    test::Random random(11);
    std::vector<void*> live;
    std::size_t low = SIZE_MAX;
    std::size_t high = 0;
    const int steps = test::kSanitized ? 400 : 1500;
    for (int step = 0; step < steps; ++step) {
        if (live.size() < 20 || random.below(2) == 0) {
            const std::size_t count = random.below(20) == 0 ? 1 + random.below(300) : 1 + random.below(6);
            const RunKinds kinds = random.below(2) == 0 ? kSpanRun : kLargeRun;
            const Arena::Grant grant = arena().allocate(count, kinds);
            ASSERT_NE(grant.address, nullptr);
            model.add(grant.address, count, kinds);
            live.push_back(grant.address);
            low = std::min(low, granule_of(grant.address) - 2);
            high = std::max(high, granule_of(grant.address) + count + 1);
        } else {
            const std::size_t at = random.below(live.size());
            void* const address = live[at];
            const HandedOut run = model.runs().at(granule_of(address));
            if (run.kinds.head == MP_GRANULE_LARGE_HEAD) {
                ASSERT_TRUE(arena().free_large(address));
            } else {
                arena().free(address, run.count);
            }
            model.remove(address);
            live[at] = live.back();
            live.pop_back();
        }
        if (step % 100 == 99) {
            arena().trim(random.below(200));
        }
        ASSERT_NO_FATAL_FAILURE(expect_equal(model, low, std::min(high, low + 4000)));
    }
    for (void* const address : live) {
        arena().free(address, model.runs().at(granule_of(address)).count);
    }
}

TEST(Ownership, AnyValueMayBeAskedAbout) {
    test::Random random(13);
    int local = 0;
    EXPECT_FALSE(mp_owns(&local));
    EXPECT_FALSE(mp_owns(nullptr));
    EXPECT_FALSE(mp_owns(reinterpret_cast<void*>(UINTPTR_MAX)));
    EXPECT_FALSE(mp_owns(reinterpret_cast<const void*>(&expect_equal)));
    for (int i = 0; i < 1000000; ++i) {
        const void* const address = reinterpret_cast<const void*>(static_cast<std::uintptr_t>(random.next()));
        if (mp_owns(address)) {
            os::RegionInfo info;
            ASSERT_TRUE(os::query(address, &info));
            ASSERT_EQ(info.state, os::PageState::committed);
        }
    }
}

// --- runs ------------------------------------------------------------------------------------------------------------

TEST(Arena, RunsAreCommittedToTheLastByteAndZeroWhereItSaysSo) {
    arena().trim(0);
    const Arena::Grant fresh = arena().allocate(40, kLargeRun);
    ASSERT_NE(fresh.address, nullptr);
    ASSERT_TRUE(fresh.zeroed);
    auto* const bytes = static_cast<unsigned char*>(fresh.address);
    for (std::size_t at = 0; at < 40 * kGranuleSize; ++at) {
        ASSERT_EQ(bytes[at], 0) << at;
    }
    std::memset(bytes, 0xCC, 40 * kGranuleSize);
    ASSERT_TRUE(arena().free_large(fresh.address));
    const Arena::Grant again = arena().allocate(40, kLargeRun);
    EXPECT_EQ(again.address, fresh.address);
    EXPECT_FALSE(again.zeroed);
    // One whose front is as it was used, and whose end nobody has seen yet.
    ASSERT_TRUE(arena().free_large(again.address));
    const Arena::Grant longer = arena().allocate(80, kLargeRun);
    ASSERT_EQ(longer.address, fresh.address);
    ASSERT_EQ(bytes[0], 0xCC);
    EXPECT_FALSE(longer.zeroed);
    ASSERT_TRUE(arena().free_large(longer.address));
}

TEST(Arena, NeighboursJoinWhenFreed) {
    constexpr std::size_t kNotKept = policy::kLongestKept + 1;
    arena().trim(0);
    std::vector<void*> parts;
    for (int i = 0; i < 8; ++i) {
        parts.push_back(arena().allocate(kNotKept, kLargeRun).address);
    }
    for (const int i : {1, 3, 2, 0, 7, 5, 6, 4}) {
        ASSERT_TRUE(arena().free_large(parts[static_cast<std::size_t>(i)]));
    }
    const Arena::Grant joined = arena().allocate(8 * kNotKept, kLargeRun);
    EXPECT_EQ(joined.address, parts[0]);
    EXPECT_TRUE(arena().free_large(joined.address));
}

TEST(Arena, LargeBlocksGrowAndShrinkInPlace) {
    arena().trim(0);
    const Arena::Grant first = arena().allocate(10, kLargeRun);
    ASSERT_NE(first.address, nullptr);
    ASSERT_TRUE(arena().resize_large(first.address, 30));
    std::memset(first.address, 0x11, 30 * kGranuleSize);
    ASSERT_TRUE(arena().resize_large(first.address, 5));
    EXPECT_FALSE(mp_owns(address_of(granule_of(first.address) + 5)));
    EXPECT_TRUE(mp_owns(address_of(granule_of(first.address) + 4)));
    const Arena::Grant second = arena().allocate(25, kLargeRun);
    EXPECT_EQ(granule_of(second.address), granule_of(first.address) + 5);
    EXPECT_FALSE(arena().resize_large(first.address, 6));
    EXPECT_TRUE(arena().free_large(first.address));
    EXPECT_TRUE(arena().free_large(second.address));
}

TEST(Arena, MoreThanAReservationIsServedExactly) {
    const Arena::Grant grant = arena().allocate(policy::kReservation + 3, kLargeRun);
    ASSERT_NE(grant.address, nullptr);
    std::memset(grant.address, 1, (policy::kReservation + 3) * kGranuleSize);
    EXPECT_TRUE(arena().free_large(grant.address));
}

TEST(Arena, ReservationsShrinkWhenAddressSpaceIsScarce) {
    arena().trim(0);
    const std::uint64_t before = test::stats_now().reserved_bytes;
    Arena::Grant grant;
    {
        const test::FaultPlan plan(os::Call::reserve, 1, 3);
        grant = arena().allocate(policy::kReservation / 16, kLargeRun);
        EXPECT_EQ(plan.failed(), 3u);
    }
    ASSERT_NE(grant.address, nullptr);
    const std::uint64_t reserved = test::stats_now().reserved_bytes - before;
    EXPECT_LT(reserved, policy::kReservation * kGranuleSize * 3 / 4);
    EXPECT_GT(reserved, policy::kReservation * kGranuleSize / 2);
    EXPECT_TRUE(arena().free_large(grant.address));
    arena().trim(0);
    EXPECT_EQ(test::stats_now().reserved_bytes, before);
    {
        const test::FaultPlan plan(os::Call::reserve, 1, 1000);
        EXPECT_EQ(arena().allocate(policy::kReservation / 16, kLargeRun).address, nullptr);
        EXPECT_EQ(plan.failed(), policy::kAttempts);
    }
}

// --- how much is kept ------------------------------------------------------------------------------------------------

TEST(Policy, KeepsNextToNothingWhereAddressSpaceIsScarceAndAllThatItMayWhereThereIsRoom) {
    constexpr std::uint64_t kMegabyte = std::uint64_t{1} << 20;
    constexpr std::uint64_t kAmple = 768 * kMegabyte;
    EXPECT_EQ(policy::most_kept(0, 0), policy::kKeptWhenScarce);
    EXPECT_EQ(policy::most_kept(policy::kScarceSpace, policy::kScarceSpace), policy::kKeptWhenScarce);
    EXPECT_EQ(policy::most_kept(kAmple, kAmple), policy::kMostKept);
    EXPECT_EQ(policy::most_kept(UINT64_MAX, UINT64_MAX / policy::kHoles), policy::kMostKept);
    EXPECT_EQ(policy::most_kept(kAmple, 16 * kMegabyte), policy::kKeptWhenScarce) << "much, but in small pieces";
    std::size_t before = 0;
    for (std::uint64_t room = 0; room <= 2 * kAmple; room += kMegabyte) {
        const std::size_t kept = policy::most_kept(room, room);
        ASSERT_GE(kept, before) << room;
        ASSERT_LE(std::uint64_t{kept} * kGranuleSize,
                  std::max(room / 4, std::uint64_t{policy::kKeptWhenScarce} * kGranuleSize))
            << room;
        before = kept;
    }
}

TEST(Policy, KeepsAQuarterOfWhatIsInUseBetweenItsBounds) {
    EXPECT_EQ(policy::kept(0, policy::kMostKept), policy::kLeastKept);
    EXPECT_EQ(policy::kept(400 * 16, policy::kMostKept), 100u * 16);
    EXPECT_EQ(policy::kept(SIZE_MAX, policy::kMostKept), policy::kMostKept);
    EXPECT_EQ(policy::kept(400 * 16, policy::kKeptWhenScarce), policy::kKeptWhenScarce);
}

// --- giving back by age ----------------------------------------------------------------------------------------------

std::atomic<std::uint32_t> g_now{0};

std::uint32_t test_clock() {
    return g_now.load();
}

bool is_readable(const void* address) {
    os::RegionInfo info;
    return os::query(address, &info) && info.readable;
}

class Age : public testing::Test {
protected:
    static constexpr std::uint32_t kDelay = 10'000;

    void SetUp() override {
        mp_set_clock(&test_clock);
        mp_trim(0);
    }
    void TearDown() override {
        mp_set_clock(nullptr);
        mp_trim(0);
    }

    static std::vector<void*> make(std::size_t size, std::size_t bytes) {
        std::vector<void*> blocks;
        for (std::size_t made = 0; made < bytes; made += size) {
            blocks.push_back(mp_malloc(size));
            EXPECT_NE(blocks.back(), nullptr);
        }
        return blocks;
    }
    static void free_all(const std::vector<void*>& blocks) {
        for (void* const block : blocks) {
            EXPECT_EQ(mp_free(block), 1);
        }
    }
    /// Of some of the blocks: the system is asked about each.
    static std::size_t unreadable(const std::vector<void*>& blocks) {
        std::size_t count = 0;
        for (std::size_t i = 0; i < blocks.size(); i += 1 + blocks.size() / 50) {
            count += is_readable(blocks[i]) ? 0 : 1;
        }
        return count;
    }
};

TEST_F(Age, NothingFreedIsTakenAwayBeforeItsTime) {
    for (const std::size_t size : {std::size_t{4} << 10, std::size_t{20} << 10, std::size_t{64} << 10,
                                   std::size_t{300} << 10, std::size_t{3} << 20, std::size_t{16} << 20}) {
        const std::vector<void*> blocks = make(size, std::size_t{300} << 20);
        g_now += 1000;
        free_all(blocks);
        for (std::uint32_t waited = 0; waited < kDelay; waited += 500, g_now += 500) {
            mp_give_back(kDelay);
            ASSERT_EQ(unreadable(blocks), 0u) << size << " after " << waited << " ms";
        }
        mp_trim(0);
    }
}

TEST_F(Age, WhatHasBeenFreeForItsTimeGoesBackButForWhatIsRetained) {
    const std::vector<void*> blocks = make(std::size_t{3} << 20, std::size_t{300} << 20);
    free_all(blocks);
    g_now += kDelay + 500;
    EXPECT_GT(mp_give_back(kDelay), std::size_t{200} << 20);
    EXPECT_EQ(test::stats_now().free_bytes, policy::kLeastKept * kGranuleSize);
    EXPECT_EQ(mp_give_back(kDelay), 0u);
}

TEST_F(Age, OfAMemoryThatIsUsedAgainTheTimeBeginsAnew) {
    free_all(make(std::size_t{1} << 20, std::size_t{200} << 20));
    g_now += kDelay - 500;
    free_all(make(std::size_t{1} << 20, std::size_t{200} << 20));
    g_now += 1000;
    EXPECT_LT(mp_give_back(kDelay), std::size_t{20} << 20) << "what the second round did not come to";
    g_now += kDelay;
    EXPECT_GT(mp_give_back(kDelay), std::size_t{100} << 20);
}

TEST_F(Age, BlocksAboveSixteenMegabytesGoBackAtOnce) {
    const std::vector<void*> blocks = make(std::size_t{40} << 20, std::size_t{80} << 20);
    const std::uint64_t before = test::stats_now().committed_bytes;
    free_all(blocks);
    EXPECT_LE(test::stats_now().committed_bytes, before - (std::size_t{80} << 20));
}

TEST_F(Age, ARefusalTakesWhatIsFreeAtOnce) {
    const std::vector<void*> blocks = make(std::size_t{1} << 20, std::size_t{100} << 20);
    free_all(blocks);
    void* block = nullptr;
    {
        const test::FaultPlan plan(os::Call::commit, 1, 1);
        block = mp_malloc(std::size_t{200} << 20);
        EXPECT_EQ(plan.failed(), 1u);
    }
    ASSERT_NE(block, nullptr);
    EXPECT_LT(test::stats_now().free_bytes, std::size_t{20} << 20);
    EXPECT_EQ(mp_free(block), 1);
}

TEST_F(Age, ThreadsThatAllocateMeanwhileLoseNothing) {
    std::atomic<bool> stop{false};
    std::thread background([&stop] {
        while (!stop) {
            mp_give_back(0);
            g_now += 100;
        }
    });
    test::Random random(61);
    std::vector<test::Filled> blocks;
    for (std::uint32_t i = 0; i < 20000; ++i) {
        const std::size_t size = 1 + random.below(i % 50 == 0 ? std::size_t{20} << 20 : 100000);
        blocks.push_back({static_cast<unsigned char*>(mp_malloc(size)), std::min<std::size_t>(size, 5000), i});
        ASSERT_NE(blocks.back().bytes, nullptr);
        blocks.back().fill();
        if (blocks.size() > 60) {
            const std::size_t at = random.below(blocks.size());
            ASSERT_TRUE(blocks[at].intact());
            ASSERT_EQ(mp_free(blocks[at].bytes), 1);
            blocks[at] = blocks.back();
            blocks.pop_back();
        }
    }
    stop = true;
    background.join();
    for (const test::Filled& block : blocks) {
        ASSERT_TRUE(block.intact());
        ASSERT_EQ(mp_free(block.bytes), 1);
    }
}

TEST(Arena, WhollyFreeReservationsGoBackToTheSystem) {
    arena().trim(0);
    const mp_alloc_stats before = test::stats_now();
    const Arena::Grant grant = arena().allocate(3 * policy::kReservation, kLargeRun);
    ASSERT_NE(grant.address, nullptr);
    EXPECT_GE(test::stats_now().reserved_bytes,
              before.reserved_bytes + std::uint64_t{3} * policy::kReservation * kGranuleSize);
    ASSERT_TRUE(arena().free_large(grant.address));
    arena().trim(0);
    EXPECT_EQ(test::stats_now().reserved_bytes, before.reserved_bytes);
    os::RegionInfo info;
    ASSERT_TRUE(os::query(grant.address, &info));
    EXPECT_EQ(info.state, os::PageState::free);
}

TEST(Arena, SumsAgreeWithWhatIsHandedOut) {
    arena().trim(0);
    const mp_alloc_stats before = test::stats_now();
    std::vector<std::pair<void*, std::size_t>> runs;
    test::Random random(17);
    std::size_t used = 0;
    for (int step = 0; step < 3000; ++step) {
        if (runs.size() < 30 || random.below(2) == 0) {
            const std::size_t count = 1 + random.below(12);
            runs.emplace_back(arena().allocate(count, kLargeRun).address, count);
            ASSERT_NE(runs.back().first, nullptr);
            used += count;
        } else {
            const std::size_t at = random.below(runs.size());
            std::swap(runs[at], runs.back());
            ASSERT_TRUE(arena().free_large(runs.back().first));
            used -= runs.back().second;
            runs.pop_back();
        }
        const mp_alloc_stats now = test::stats_now();
        ASSERT_EQ(now.committed_bytes - now.free_bytes - (before.committed_bytes - before.free_bytes),
                  used * kGranuleSize);
        ASSERT_LE(now.committed_bytes, now.reserved_bytes);
        ASSERT_LE(now.committed_bytes, now.peak_committed_bytes);
        ASSERT_LE(now.reserved_bytes, now.peak_reserved_bytes);
    }
    for (const auto& run : runs) {
        arena().free_large(run.first);
    }
}

// As when two threads take memory for the same live bits, and one gives its own back.
TEST(Arena, ATrimLeavesNoZoneCommittedAndFree) {
    for (const RunKinds kinds : {kInternalRun, kLargeRun, kSpanRun}) {
        const Arena::Grant grant = arena().allocate(1, kinds);
        ASSERT_NE(grant.address, nullptr);
        arena().free(grant.address, 1);
    }
    mp_trim(0);
    EXPECT_EQ(test::stats_now().free_bytes, 0u);
}

TEST(Arena, ALargeBlockIsFreedOnce) {
    const Arena::Grant grant = arena().allocate(3, kLargeRun);
    ASSERT_NE(grant.address, nullptr);
    EXPECT_FALSE(arena().free_large(static_cast<char*>(grant.address) + kGranuleSize));
    EXPECT_FALSE(arena().free_large(static_cast<char*>(grant.address) + 16));
    EXPECT_TRUE(arena().free_large(grant.address));
    EXPECT_FALSE(arena().free_large(grant.address));
}

// --- memory of somebody else's reservation ---------------------------------------------------------------------------

// A reservation of the test's own, dirty where it is committed; it is the allocator's for good once adopted.
class Adopted : public ::testing::Test {
protected:
    static constexpr std::size_t kBytes = std::size_t{64} << 20;
    static constexpr std::size_t kCommitted = std::size_t{8} << 20;
    void SetUp() override {
        mp_trim(0);
        base_ = static_cast<unsigned char*>(os::reserve(kBytes));
        ASSERT_NE(base_, nullptr);
        ASSERT_TRUE(os::commit(base_, kCommitted));
        std::fill_n(base_, kCommitted, static_cast<unsigned char>(0xA5));
    }
    [[nodiscard]] bool holds(const void* block) const {
        return static_cast<std::size_t>(static_cast<const unsigned char*>(block) - base_) < kBytes;
    }
    unsigned char* base_ = nullptr;
};

TEST_F(Adopted, ServesBeforeTheSystemIsAskedForMore) {
    ASSERT_EQ(mp_adopt(base_, kBytes, kCommitted), 1);
    const mp_alloc_stats before = test::stats_now();
    std::vector<void*> blocks;
    for (std::size_t bytes = 0; bytes < kBytes / 2; bytes += std::size_t{1} << 20) {
        blocks.push_back(mp_calloc(1, (std::size_t{1} << 20) - 100));
        ASSERT_NE(blocks.back(), nullptr);
        const auto* block = static_cast<const unsigned char*>(blocks.back());
        EXPECT_TRUE(std::all_of(block, block + 1000, [](unsigned char c) { return c == 0; })) << "cleared";
    }
    EXPECT_EQ(test::stats_now().reserved_bytes, before.reserved_bytes);
    EXPECT_TRUE(std::ranges::any_of(blocks, [this](const void* block) { return holds(block); }));
    for (void* block : blocks) {
        mp_free(block);
    }
}

TEST_F(Adopted, IsDecommittedButNeverReleased) {
    ASSERT_EQ(mp_adopt(base_, kBytes, kCommitted), 1);
    const std::uint64_t reserved = test::stats_now().reserved_bytes;
    mp_free(mp_malloc(kBytes / 2));
    mp_trim(0);
    EXPECT_EQ(test::stats_now().reserved_bytes, reserved);
    EXPECT_EQ(test::stats_now().free_bytes, 0u);
    EXPECT_EQ(os::reserve_at(base_, kBytes), nullptr) << "still taken";
    void* const again = mp_malloc(kBytes / 2);
    EXPECT_TRUE(holds(again));
    std::fill_n(static_cast<unsigned char*>(again), kBytes / 2, static_cast<unsigned char>(1));
    mp_free(again);
}

TEST_F(Adopted, IsTakenInWholeGranulesOnly) {
    EXPECT_EQ(mp_adopt(base_ + 4096, kBytes - kGranuleSize, 0), 0);
    EXPECT_EQ(mp_adopt(base_, kBytes - 4096, 0), 0);
    EXPECT_EQ(mp_adopt(base_, kBytes, 4096), 0);
    EXPECT_EQ(mp_adopt(base_, kCommitted, kBytes), 0);
    EXPECT_EQ(mp_adopt(nullptr, kBytes, 0), 0);
    EXPECT_EQ(mp_adopt(base_, 0, 0), 0);
    EXPECT_EQ(mp_knows(base_), 0);
    os::release(base_, kBytes);
}

// Two reservations side by side: what is one run to the eye must never be handed out, nor released, as one.
TEST(Arena, NeighboursOfAnotherReservationAreNotJoined) {
    constexpr std::size_t kHalf = 24;  // granules
    mp_trim(0);
    auto* const base = static_cast<unsigned char*>(os::reserve(2 * kHalf * kGranuleSize));
    ASSERT_NE(base, nullptr);
    ASSERT_TRUE(os::commit(base, 2 * kHalf * kGranuleSize));
    unsigned char* const halves[] = {base, base + kHalf * kGranuleSize};
    for (unsigned char* const half : halves) {
        ASSERT_EQ(mp_adopt(half, kHalf * kGranuleSize, kHalf * kGranuleSize), 1);
    }
    const auto take = [&halves](std::size_t which) {
        const Arena::Grant grant = arena().allocate(kHalf, kLargeRun);
        ASSERT_EQ(grant.address, halves[which]);
    };
    for (const std::size_t last : {std::size_t{0}, std::size_t{1}}) {
        ASSERT_NO_FATAL_FAILURE(take(0));
        ASSERT_NO_FATAL_FAILURE(take(1));
        ASSERT_TRUE(arena().free_large(halves[1 - last]));
        ASSERT_TRUE(arena().free_large(halves[last]));
        const Arena::Grant longer = arena().allocate(kHalf + 1, kLargeRun);
        EXPECT_NE(longer.address, base) << "joined when number " << last << " was freed";
        EXPECT_TRUE(arena().free_large(longer.address));
        mp_trim(0);
    }
    ASSERT_NO_FATAL_FAILURE(take(0));
    EXPECT_FALSE(arena().resize_large(base, kHalf + 1));
    EXPECT_TRUE(arena().free_large(base));
}

}  // namespace
