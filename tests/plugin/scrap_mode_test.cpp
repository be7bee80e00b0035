// Scrap mode: the scrap heaps are ours, everything else is the game's.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "alloc/mp_alloc.h"
#include "engine_counters.h"
#include "front_doors.h"
#include "game/addresses.h"
#include "game/functions.h"
#include "os/os.h"
#include "patch/image.h"
#include "replace/counters.h"
#include "replace/install.h"
#include "replace/pressure.h"
#include "replace/scrap_buffers.h"
#include "replace/statistics.h"

namespace mp::test {
namespace {

using replace::Count;

constexpr std::uint32_t kPatches = 4;
constexpr std::uint32_t kDoors = 6;

/// Hooks stay in place until the process ends: scrap heaps of ours cannot be given back to the original.
class ScrapMode : public ::testing::Test {
protected:
    void SetUp() override { set_memory_context(game::kDefaultContext); }
    void activate() {
        replace::keep_few_idle_scrap_buffers();
        report_ = replace::install(replace::Extent::scrap);
        ASSERT_FALSE(report_.has_error());
        ASSERT_EQ(replace::patch_count(), kPatches);
    }
    replace::InstallReport report_;
};

/// What the game's module holds that nobody may write: code and constants.
using Picture = std::vector<std::pair<Addr, std::vector<std::uint8_t>>>;

Picture picture_of_the_image() {
    Picture picture;
    const Addr end = patch::ProcessImage().module_of(game::kImageBase).end;
    os::RegionInfo region;
    for (Addr at = game::kImageBase; at < end && os::query(game::at<void>(at), &region);
         at = static_cast<Addr>(region.base + region.size)) {
        if (region.readable && !region.writable) {
            picture.emplace_back(at, bytes_at(at, region.base + region.size - at));
        }
    }
    return picture;
}

/// Addresses of the bytes that are not as in the picture any more.
std::vector<Addr> changes_since(const Picture& picture) {
    std::vector<Addr> changed;
    for (const auto& [va, bytes] : picture) {
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            const Addr at = va + static_cast<Addr>(i);
            if (*game::at<std::uint8_t>(at) != bytes[i]) {
                changed.push_back(at);
            }
        }
    }
    return changed;
}

/// Bytes of the whole instructions that the jump at `va` stands in; 0 when none does.
std::uint32_t displaced_at(Addr va) {
    const patch::Hook* hook = replace::hooks().find(va);
    return hook != nullptr && hook->stands ? hook->size : 0;
}

TEST_F(ScrapMode, ExactlyTheScrapHeapsSitesAreChangedAndEveryOtherByteOfTheImageIsTheOriginals) {
    const Picture before = picture_of_the_image();
    std::size_t size = 0;
    for (const auto& [va, bytes] : before) {
        size += bytes.size();
    }
    ASSERT_GT(size, 0x00AD0000U) << "the picture must hold the code";
    activate();
    std::vector<Addr> changed = changes_since(before);
    std::uint32_t sites = 0;
    for (const game::Site& site : game::kSites) {
        if (!game::is_of_scrap_heaps(site.group)) {
            continue;
        }
        ++sites;
        EXPECT_EQ(*game::at<std::uint8_t>(site.va), 0xE9) << site.name;
        const std::uint32_t displaced = displaced_at(site.va);
        EXPECT_GE(displaced, game::kJumpSize) << site.name;
        std::erase_if(changed, [&](Addr at) { return at >= site.va && at < site.va + displaced; });
    }
    EXPECT_EQ(sites, kPatches + kDoors);
    EXPECT_EQ(replace::installed_sites(), sites);
    EXPECT_EQ(changed, std::vector<Addr>{});
}

TEST_F(ScrapMode, FourPatchesAndSixDoorsAreAllThatIsAskedFor) {
    activate();
    EXPECT_EQ(replace::patches_asked(), kPatches);
    EXPECT_EQ(replace::front_doors_asked(), kDoors);
    EXPECT_EQ(replace::front_doors_taken(), kDoors);
    for (const patch::GroupOutcome& outcome : std::span(report_.groups).first(report_.group_count)) {
        EXPECT_EQ(outcome.state, patch::GroupOutcome::State::installed) << game::group_name(outcome.group);
        EXPECT_TRUE(game::is_of_scrap_heaps(outcome.group)) << game::group_name(outcome.group);
    }
}

void expect_asked(replace::Extent extent, std::uint32_t patches, std::uint32_t doors) {
    EXPECT_EQ(replace::patches_asked(), 0U) << "nothing is installed";
    replace::install(extent);
    EXPECT_EQ(replace::patches_asked(), patches);
    EXPECT_EQ(replace::front_doors_asked(), doors);
}

TEST(Modes, ScrapAsksForTheScrapHeapsOnly) {
    expect_asked(replace::Extent::scrap, kPatches, kDoors);
}

TEST(Modes, BoundaryAsksForTheMissionAndNoDoor) {
    expect_asked(replace::Extent::boundary, game::kMissionCount, 0);
}

TEST(Modes, FullAsksForTheMissionAndEveryDoor) {
    expect_asked(replace::Extent::full, game::kMissionCount, game::kFrontDoorCount);
}

TEST_F(ScrapMode, TheGamesOwnHeapsServeTheGameAndOursTheScrapHeaps) {
    activate();
    standin::engine_counters.entered = {};
    const std::uint64_t allocations = replace::statistics().total_allocations;
    for (std::uint32_t size = 1; size < 3000; size += 7) {
        void* block = reallocate(allocate(size), size * 2);
        EXPECT_EQ(mp_owns(block), 0);
        release(block);
        void* own = crt_malloc(size);
        EXPECT_EQ(mp_owns(own), 0);
        crt_free(own);
    }
    EXPECT_EQ(replace::statistics().total_allocations, allocations) << "what we do not serve we do not count";
    standin::engine_counters.entered = {};
    for (std::uint32_t size = 1; size < 3000; size += 7) {
        pop(thread_scrap(), push(thread_scrap(), size));
    }
    for (const bool entered : standin::engine_counters.entered) {
        EXPECT_FALSE(entered);
    }
    EXPECT_GT(replace::statistics().total_allocations, allocations);
    EXPECT_EQ(replace::total(Count::game_blocks_allocated) + replace::total(Count::heap_blocks_allocated), 0U);
}

TEST_F(ScrapMode, ABlockAboveEightMegabytesComesFromOurAllocatorAndGoesBackToIt) {
    activate();
    constexpr std::uint32_t kHuge = 12 * 1024 * 1024;
    void* huge = push(thread_scrap(), kHuge);
    ASSERT_NE(huge, nullptr);
    fill(huge, kHuge, 1);
    EXPECT_NE(mp_knows(huge), 0);
    EXPECT_TRUE(intact(huge, kHuge, 1));
    pop(thread_scrap(), huge);
    mp_trim(0);
    mp_alloc_stats memory{};
    mp_stats(&memory);
    EXPECT_LT(memory.committed_bytes, kHuge);
}

bool is_reserved(Addr base) {
    os::RegionInfo region;
    return os::query(game::at<void>(base), &region) && region.state != os::PageState::free;
}

/// The game's own allocators meet a refusal without us: so little is kept that nobody misses it.
TEST_F(ScrapMode, NoMoreIsKeptForReuseThanOneBufferOfTheOriginal) {
    activate();
    std::vector<game::ScrapHeap> heaps(24);
    std::vector<Addr> bases;
    for (game::ScrapHeap& heap : heaps) {
        game::fn::kScrapInit(&heap);
        void* block = push(&heap, 1000);
        bases.push_back(heap.base);
        pop(&heap, block);
    }
    for (game::ScrapHeap& heap : heaps) {
        game::fn::kScrapPurge(&heap);
    }
    constexpr std::uint32_t kStack = 0x00200000;
    EXPECT_EQ(std::ranges::count_if(bases, &is_reserved), game::kScrapReserve / kStack);
    replace::give_caches_back();
    EXPECT_EQ(std::ranges::count_if(bases, &is_reserved), 0);
}

/// Blocks on the thread's own heap and on a shared one, between blocks of the game's heap; false when one was damaged.
bool work(game::ScrapHeap* shared, std::uint32_t seed) {
    std::mt19937 random(seed);
    bool whole = true;
    for (std::uint32_t i = 0; i < 3000; ++i) {
        game::ScrapHeap* const scrap = i % 2 == 0 ? thread_scrap() : shared;
        const std::uint32_t size = i % 500 == 0 ? 3'000'000 : 1 + random() % 6000;
        const std::uint32_t alignment = 1U << (random() % 8);
        void* stacked = push(scrap, size, alignment);
        void* block = allocate(size % 4000);
        if (stacked == nullptr || game::addr_of(stacked) % alignment != 0) {
            return false;
        }
        fill(block, size % 4000, seed + i);
        fill(stacked, size, seed + i + 1);
        whole = whole && intact(block, size % 4000, seed + i) && intact(stacked, size, seed + i + 1);
        release(block);
        pop(scrap, stacked);
    }
    return whole;
}

TEST_F(ScrapMode, EightThreadsOnOwnAndSharedScrapHeapsKeepEveryBlockIntactBesideTheGamesOwnHeap) {
    activate();
    game::ScrapHeap shared{};
    game::fn::kScrapInit(&shared);
    std::atomic<std::uint32_t> damaged{0};
    std::vector<std::thread> threads;
    threads.reserve(8);
    for (std::uint32_t t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            set_memory_context(game::kDefaultContext);
            damaged += work(&shared, 1000 * t) ? 0 : 1;
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(damaged, 0U);
    EXPECT_EQ(shared.last, 0U);
    game::fn::kScrapPurge(&shared);
}

}  // namespace
}  // namespace mp::test
