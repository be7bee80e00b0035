// The front doors: routing by size, context and owner; reallocate and size.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "game/functions.h"
#include "memory_test_support.h"

namespace mp::standin::test {
namespace {

constexpr std::uint32_t kHeap = 0;  ///< in the table below: no pool

struct Route {
    std::uint32_t first;
    std::uint32_t last;
    std::uint32_t pool;
};

/// Engine contract B.2, "effective routing".
constexpr Route kRoutes[] = {
    {0, 8, 8},       {9, 12, 12},       {13, 16, 16},        {17, 20, 20},       {21, 24, 24},      {25, 28, 28},
    {29, 32, 32},    {33, 36, 36},      {37, 40, 40},        {41, 44, 44},       {45, 48, 48},      {49, 52, 52},
    {53, 56, 56},    {57, 64, 64},      {65, 68, 80},        {69, 72, 72},       {73, 76, 76},      {77, 80, 80},
    {81, 88, 96},    {89, 92, 92},      {93, 96, 96},        {97, 100, 100},     {101, 104, 104},   {105, 112, kHeap},
    {113, 116, 128}, {117, 120, 120},   {121, 128, 128},     {129, 144, kHeap},  {145, 160, 160},   {161, 176, kHeap},
    {177, 192, 192}, {193, 196, 208},   {197, 200, 200},     {201, 208, 208},    {209, 224, kHeap}, {225, 240, 240},
    {241, 256, 256}, {257, 272, 272},   {273, 288, 288},     {289, 384, kHeap},  {385, 400, 400},   {401, 416, kHeap},
    {417, 448, 448}, {449, 480, 480},   {481, 504, kHeap},   {505, 508, 508},    {509, 576, 576},   {577, 592, kHeap},
    {593, 596, 596}, {597, 700, kHeap}, {1016, 1040, kHeap}, {4000, 4010, kHeap}};

/// Block size of the pool that holds the block, kHeap when there is none.
std::uint32_t pool_holding(const void* block) {
    const auto* const pool = at<const game::MemoryPool>(pool_by_address()[addr_of(block) >> 24]);
    const bool inside = pool != nullptr && addr_of(block) - pool->arena < pool->arena_bytes;
    return inside ? pool->block_size : kHeap;
}

void* heap_of(void* block) {
    return fn::kHeapOf(&manager(), block);
}
void* heap_number(std::uint32_t index) {
    return at<void>(at<const game::Ptr32>(manager().heaps)[index]);
}

TEST(EngineRouting, EverySizeGoesWhereTheTableSays) {
    const InContext in_default(context::kDefault);
    for (const Route& route : kRoutes) {
        for (std::uint32_t size = route.first; size <= route.last; ++size) {
            void* const block = allocate(size);
            ASSERT_EQ(pool_holding(block), route.pool) << size;
            ASSERT_EQ(heap_of(block), route.pool == kHeap ? heap_number(0) : nullptr) << size;
            deallocate(block);
        }
    }
}

TEST(EngineRouting, TheTableLeavesNoSizeUpTo700Out) {
    std::uint32_t next = 0;
    for (const Route& route : kRoutes) {
        if (route.first <= 700) {
            EXPECT_EQ(route.first, next);
            next = route.last + 1;
        }
    }
    EXPECT_EQ(next, 701U);
}

TEST(EngineRouting, WithoutPoolsEverySizeGoesToTheHeap) {
    const InContext in_default(context::kDefault);
    manager().pools_allowed = 0;
    void* const block = allocate(16);
    manager().pools_allowed = 1;
    EXPECT_EQ(heap_of(block), heap_number(0));
    deallocate(block);
}

TEST(EngineRouting, ContextsChooseTheHeap) {
    const std::array<std::pair<std::uint32_t, std::uint32_t>, 4> cases{
        {{context::kFileBuffers, 2}, {context::kDefault, 0}, {1, 0}, {64, 0}}};
    for (const auto& [memory_context, heap] : cases) {
        const InContext in(memory_context);
        void* const block = allocate(5000);
        EXPECT_EQ(heap_of(block), heap_number(heap)) << memory_context;
        deallocate(block);
    }
}

TEST(EngineRouting, AContextWithoutRoomFallsBackToTheDefaultHeap) {
    const InContext in_file(context::kFileBuffers);
    const auto* const file_heap = static_cast<const game::MemoryHeap*>(heap_number(2));
    void* const block = allocate(file_heap->reserve);  // never fits: the header comes on top
    EXPECT_EQ(heap_of(block), heap_number(0));
    deallocate(block);
}

TEST(EngineRouting, ANewThreadStartsInContextZero) {
    std::uint32_t seen = 99;
    on_other_thread([&] { seen = thread_context(); });
    EXPECT_EQ(seen, context::kNone);
}

TEST(EngineRouting, AFullPoolFallsBackToTheHeap) {
    const InContext in_default(context::kDefault);
    const auto* const pool = at<const game::MemoryPool>(pool_by_size()[400 / 4]);
    const std::uint32_t most = pool->page_count * (game::kPoolPageSize / 400);
    std::vector<void*> blocks;
    do {
        blocks.push_back(allocate(400));
    } while (pool_holding(blocks.back()) != kHeap && blocks.size() <= most + 1);
    EXPECT_LE(blocks.size(), most + 1);
    EXPECT_EQ(heap_of(blocks.back()), heap_number(0));
    std::ranges::for_each(blocks, deallocate);
}

TEST(EngineRouting, SizeZeroIsABlockOfItsOwnWithEightBytes) {
    std::set<void*> blocks;
    for (int i = 0; i < 100; ++i) {
        void* const block = allocate(0);
        ASSERT_NE(block, nullptr);
        EXPECT_TRUE(blocks.insert(block).second);
        EXPECT_EQ(size_of(block), 8U);
    }
    std::ranges::for_each(blocks, deallocate);
}

TEST(EngineRouting, SizeIsNeverLessThanRequested) {
    const InContext in_default(context::kDefault);
    for (std::uint32_t size = 0; size <= 6000; ++size) {
        void* const block = allocate(size);
        ASSERT_GE(size_of(block), size);
        ASSERT_EQ(addr_of(block) % 4, 0U);
        deallocate(block);
    }
}

TEST(EngineRouting, BlocksOfTheCRuntimeAreFreedAndMeasuredThere) {
    void* const block = fn::kDefaultAllocate(&manager(), 777, 0);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(heap_of(block), nullptr);
    EXPECT_EQ(size_of(block), fn::kCrtMsize(block));
    deallocate(block);
    void* const other = fn::kDefaultAllocate(&manager(), 777, 0);
    fn::kDefaultFree(&manager(), other, 0);
}

TEST(EngineRouting, FreeAcceptsNull) {
    deallocate(nullptr);
}

class EngineReallocate : public testing::TestWithParam<int> {
protected:
    void* reallocate(void* block, std::uint32_t size) {
        return (GetParam() == 1 ? fn::kReallocate1 : fn::kReallocate2)(&manager(), block, size);
    }
    InContext in_default_{context::kDefault};
};

TEST_P(EngineReallocate, AlwaysMovesAndKeepsTheContents) {
    constexpr std::uint32_t kSizes[] = {1, 8, 60, 61, 112, 113, 596, 597, 4096, 70'000};
    for (const std::uint32_t from : kSizes) {
        for (const std::uint32_t to : kSizes) {
            const PatternBlock old{static_cast<std::uint8_t*>(allocate(from)), from, 17};
            old.fill();
            const PatternBlock moved{static_cast<std::uint8_t*>(reallocate(old.data, to)), to, 17};
            ASSERT_NE(moved.data, old.data) << from << " to " << to;
            ASSERT_TRUE(moved.holds(std::min(from, to))) << from << " to " << to;
            deallocate(moved.data);
        }
    }
}

TEST_P(EngineReallocate, ToSizeZeroGivesAValidBlock) {
    void* const block = reallocate(allocate(100), 0);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(size_of(block), 8U);
    deallocate(block);
}

INSTANTIATE_TEST_SUITE_P(BothEntries, EngineReallocate, testing::Values(1, 2));

TEST(EngineRouting, OperatorNewAndDeleteUseTheSameDoors) {
    const InContext in_default(context::kDefault);
    void* const block = fn::kOperatorNew(40);
    EXPECT_EQ(pool_holding(block), 40U);
    fn::kOperatorDelete(block);
    EXPECT_EQ(allocate(40), block);
    deallocate(block);
}

}  // namespace
}  // namespace mp::standin::test
