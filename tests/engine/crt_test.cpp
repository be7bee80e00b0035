// The CRT's ten entries, called at their addresses, over the system heap and over the small-block heap.
#include "crt/crt.h"
#include "crt/small_blocks.h"
#include "game/functions.h"
#include "memory/engine.h"
#include "memory_test_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

namespace mp::standin::test {
namespace {

using std::uint32_t;

void* crt_malloc(uint32_t size) {
    return fn::kCrtMalloc(size);
}
void* crt_calloc(uint32_t count, uint32_t size) {
    return fn::kCrtCalloc(count, size);
}
void* crt_realloc(void* p, uint32_t size) {
    return fn::kCrtRealloc(p, size);
}
void* crt_recalloc(void* p, uint32_t count, uint32_t size) {
    return fn::kCrtRecalloc(p, count, size);
}
uint32_t crt_size(void* p) {
    return fn::kCrtMsize(p);
}
void crt_free(void* p) {
    fn::kCrtFree(p);
}

bool all_are(const void* p, std::size_t size, std::uint8_t value) {
    const auto* bytes = static_cast<const std::uint8_t*>(p);
    return std::all_of(bytes, bytes + size, [=](std::uint8_t b) { return b == value; });
}

/// Puts a handler of the runtime, or any other dword of its, in place for the life of the object.
class HandlerReplacement {
public:
    HandlerReplacement(game::Addr variable, const void* value)
        : variable_(at<game::Ptr32>(variable)), saved_(std::exchange(*variable_, addr_of(value))) {}
    ~HandlerReplacement() { *variable_ = saved_; }
    HandlerReplacement(const HandlerReplacement&) = delete;
    HandlerReplacement& operator=(const HandlerReplacement&) = delete;

private:
    game::Ptr32* variable_;
    game::Ptr32 saved_;
};

unsigned invalid_calls = 0;
void MP_CDECL note_invalid(const wchar_t*, const wchar_t*, const wchar_t*, uint32_t, uint32_t) {
    ++invalid_calls;
}

TEST(Crt, HeapIsBuiltAndTheSystemHeapIsActive) {
    EXPECT_NE(*at<uint32_t>(game::data::kCrtHeap), 0U);
    EXPECT_EQ(*at<uint32_t>(game::data::kActiveHeap), kSystemHeap);
}

/// Chooses the active heap for the life of a test; the parameter is the selector.
class CrtOnHeap : public testing::TestWithParam<uint32_t> {
protected:
    void SetUp() override { *at<uint32_t>(game::data::kActiveHeap) = GetParam(); }
    void TearDown() override { *at<uint32_t>(game::data::kActiveHeap) = kSystemHeap; }
};

TEST_P(CrtOnHeap, MallocOfNothingGivesABlockOfItsOwn) {
    void* a = crt_malloc(0);
    void* b = crt_malloc(0);
    EXPECT_NE(a, nullptr);
    EXPECT_NE(a, b);
    crt_free(a);
    crt_free(b);
}

TEST_P(CrtOnHeap, TooLargeFailsAtOnce) {
    const HandlerReplacement invalid(kCrtInvalidParameterHandler, reinterpret_cast<const void*>(&note_invalid));
    EXPECT_EQ(crt_malloc(0xFFFFFFE1), nullptr);
    EXPECT_EQ(crt_calloc(0x10000, 0x10000), nullptr);
    EXPECT_EQ(crt_recalloc(nullptr, 0x10000, 0x10000), nullptr);
    void* p = crt_malloc(8);
    EXPECT_EQ(crt_realloc(p, 0xFFFFFFFF), nullptr);
    crt_free(p);
}

TEST_P(CrtOnHeap, BlocksAreAlignedToEight) {
    std::vector<void*> blocks;
    for (uint32_t size = 0; size < 3000; size += 7) {
        blocks.push_back(crt_malloc(size));
        EXPECT_EQ(addr_of(blocks.back()) % 8, 0U) << size;
        EXPECT_GE(crt_size(blocks.back()), size);
    }
    for (void* p : blocks) {
        crt_free(p);
    }
}

TEST_P(CrtOnHeap, CallocClearsReusedMemory) {
    for (uint32_t size : {16U, 200U, 1000U, 5000U}) {
        void* p = crt_malloc(size);
        std::memset(p, 0xAB, size);
        crt_free(p);
        void* q = crt_calloc(1, size);
        EXPECT_TRUE(all_are(q, size, 0)) << size;
        crt_free(q);
    }
}

TEST_P(CrtOnHeap, ReallocKeepsContentsGrowingAndShrinking) {
    void* p = crt_realloc(nullptr, 10);
    std::memset(p, 0x5A, 10);
    for (uint32_t size : {40U, 900U, 1010U, 1030U, 70000U, 600U, 12U}) {
        p = crt_realloc(p, size);
        ASSERT_NE(p, nullptr);
        EXPECT_TRUE(all_are(p, 10, 0x5A)) << size;
    }
    EXPECT_EQ(crt_realloc(p, 0), nullptr);
}

TEST_P(CrtOnHeap, RecallocClearsWhatIsNew) {
    void* p = crt_recalloc(nullptr, 4, 100);
    const uint32_t first = crt_size(p);
    std::memset(p, 0xFF, first);
    p = crt_recalloc(p, 4, 1000);
    EXPECT_TRUE(all_are(p, 400, 0xFF));
    EXPECT_TRUE(all_are(static_cast<std::uint8_t*>(p) + first, 4000 - first, 0));
    crt_free(p);
}

TEST_P(CrtOnHeap, RandomUseKeepsEveryBlocksContents) {
    std::mt19937 random(7);
    struct Live {
        std::uint8_t* p;
        uint32_t size;
        std::uint8_t mark;
    };
    std::vector<Live> live;
    for (unsigned step = 0; step < 20000; ++step) {
        if (live.size() < 600 || (random() & 1) != 0) {
            const uint32_t size = random() % 16 == 0 ? random() % 20000 : random() % 1100;
            live.push_back({static_cast<std::uint8_t*>(crt_malloc(size)), size, static_cast<std::uint8_t>(random())});
            std::memset(live.back().p, live.back().mark, size);
        } else {
            std::swap(live[random() % live.size()], live.back());
            ASSERT_TRUE(all_are(live.back().p, live.back().size, live.back().mark)) << step;
            crt_free(live.back().p);
            live.pop_back();
        }
    }
    for (const Live& l : live) {
        ASSERT_TRUE(all_are(l.p, l.size, l.mark));
        crt_free(l.p);
    }
}

TEST_P(CrtOnHeap, BlocksOfOneHeapAreFreedWhileTheOtherIsActive) {
    void* system = (*at<uint32_t>(game::data::kActiveHeap) = kSystemHeap, crt_malloc(64));
    *at<uint32_t>(game::data::kActiveHeap) = GetParam();
    EXPECT_GE(crt_size(system), 64U);
    system = crt_realloc(system, 128);
    crt_free(system);
}

INSTANTIATE_TEST_SUITE_P(SystemAndSmallBlocks, CrtOnHeap, testing::Values(kSystemHeap, kSmallBlocks));

// --- retries
// ----------------------------------------------------------------------------------------------------------

std::vector<uint32_t> waits;
void MP_STDCALL note_wait(uint32_t milliseconds) {
    waits.push_back(milliseconds);
}
void* MP_STDCALL no_memory(void*, uint32_t, uint32_t) {
    return nullptr;
}

TEST(CrtRetries, TheCrtVariantsWaitLongerAndLongerAndThenGiveUp) {
    const SlotReplacement sleep(import_slot_of("Sleep"), reinterpret_cast<const void*>(&note_wait));
    const SlotReplacement alloc(game::import_slot::kHeapAlloc, reinterpret_cast<const void*>(&no_memory));
    crt_longest_wait_ms() = 3000;
    const std::vector<uint32_t> expected{0, 1000, 2000, 3000};
    waits.clear();
    EXPECT_EQ(fn::kCrtMallocCrt(16U), nullptr);
    EXPECT_EQ(waits, expected);
    waits.clear();
    EXPECT_EQ(fn::kCrtCallocCrt(4U, 16U), nullptr);
    EXPECT_EQ(waits, expected);
    waits.clear();
    EXPECT_EQ(crt_malloc(16), nullptr);
    EXPECT_TRUE(waits.empty());
    crt_longest_wait_ms() = 0;
}

TEST(CrtRetries, GivingBackByReallocDoesNotRetry) {
    const SlotReplacement sleep(import_slot_of("Sleep"), reinterpret_cast<const void*>(&note_wait));
    waits.clear();
    EXPECT_EQ(fn::kCrtReallocCrt(crt_malloc(5), 0U), nullptr);
    EXPECT_TRUE(waits.empty());
}

// --- small blocks
// -----------------------------------------------------------------------------------------------------

uint32_t header_count() {
    return *at<uint32_t>(kSmallBlockHeaderCount);
}

TEST(SmallBlocks, RegionIsReservedAndGroupsAreCommittedOneByOne) {
    *at<uint32_t>(game::data::kActiveHeap) = kSmallBlocks;
    KernelProbe kernel;
    auto* header = fn::kNewSmallBlockRegion();
    ASSERT_NE(header, nullptr);
    ASSERT_EQ(kernel.allocs().size(), 1U);
    EXPECT_EQ(kernel.allocs()[0].bytes, small_blocks::kRegionBytes);
    EXPECT_EQ(kernel.allocs()[0].type, sys::kReserve);
    EXPECT_EQ(fn::kNewSmallBlockGroup(header), 0);
    EXPECT_EQ(fn::kNewSmallBlockGroup(header), 1);
    ASSERT_EQ(kernel.allocs().size(), 3U);
    EXPECT_EQ(kernel.allocs()[2].address, header->region_data + small_blocks::kGroupBytes);
    EXPECT_EQ(kernel.allocs()[2].type, sys::kCommit);
    EXPECT_EQ(header->uncommitted_groups, 0x3FFFFFFFU);
    *at<uint32_t>(game::data::kActiveHeap) = kSystemHeap;
}

TEST(SmallBlocks, ListOfRegionsGrowsBySixteen) {
    while (header_count() % 16 != 0) {
        ASSERT_NE(fn::kNewSmallBlockRegion(), nullptr);
    }
    const uint32_t capacity = *at<uint32_t>(kSmallBlockHeaderCapacity);
    ASSERT_NE(fn::kNewSmallBlockRegion(), nullptr);
    EXPECT_EQ(*at<uint32_t>(kSmallBlockHeaderCapacity), std::max(capacity, (header_count() + 15) & ~15U));
}

TEST(SmallBlocks, FailureToReserveGivesTheDescriptorBack) {
    KernelProbe kernel;
    kernel.fail_next(1);
    const uint32_t before = header_count();
    EXPECT_EQ(fn::kNewSmallBlockRegion(), nullptr);
    EXPECT_EQ(header_count(), before);
}

TEST(SmallBlocks, FailureToCommitIsMinusOne) {
    auto* header = fn::kNewSmallBlockRegion();
    KernelProbe kernel;
    kernel.fail_next(1);
    EXPECT_EQ(fn::kNewSmallBlockGroup(header), -1);
    EXPECT_EQ(header->uncommitted_groups, 0xFFFFFFFFU);
}

/// Frees every block of the small-block heap that a test made, and counts kernel calls meanwhile.
TEST(SmallBlocks, AnEmptyGroupWaitsForTheNextEmptyOneAndAnEmptyRegionGoes) {
    *at<uint32_t>(game::data::kActiveHeap) = kSmallBlocks;
    std::vector<void*> blocks;
    for (unsigned i = 0; i < 3 * 1024; ++i) {  // some 3 MB
        blocks.push_back(crt_malloc(1000));
    }
    const uint32_t regions = header_count();
    EXPECT_GE(regions, 3U);
    KernelProbe kernel;
    for (void* p : blocks) {
        crt_free(p);
    }
    *at<uint32_t>(game::data::kActiveHeap) = kSystemHeap;
    const auto of_type = [&](uint32_t type) {
        return std::count_if(kernel.frees().begin(), kernel.frees().end(),
                             [=](const auto& c) { return c.type == type; });
    };
    EXPECT_GT(of_type(sys::kDecommit), 60);  // 96 groups or so, the last of them deferred
    EXPECT_GT(of_type(sys::kRelease), 0);
    EXPECT_LT(header_count(), regions);
    for (const auto& call : kernel.frees()) {
        EXPECT_TRUE(call.succeeded);
        EXPECT_EQ(call.bytes, call.type == sys::kDecommit ? small_blocks::kGroupBytes : 0U);
    }
}

TEST(SmallBlocks, FreeingTwiceIsIgnored) {
    *at<uint32_t>(game::data::kActiveHeap) = kSmallBlocks;
    void* keep = crt_malloc(100);
    void* p = crt_malloc(100);
    crt_free(p);
    crt_free(p);
    void* a = crt_malloc(100);
    void* b = crt_malloc(100);
    EXPECT_NE(a, b);
    crt_free(a);
    crt_free(b);
    crt_free(keep);
    *at<uint32_t>(game::data::kActiveHeap) = kSystemHeap;
}

}  // namespace
}  // namespace mp::standin::test
