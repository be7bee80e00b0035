// What stands after start-up: pools, heaps, contexts, tables.
#include <gtest/gtest.h>

#include "memory_test_support.h"

namespace mp::standin::test {
namespace {

struct PoolFact {
    std::uint32_t block_size;
    std::uint32_t arena_mb;
};

/// Engine contract B.3.
constexpr PoolFact kPoolFacts[] = {{8, 6},   {12, 5},  {16, 4},  {20, 4},  {24, 8},  {28, 4},  {32, 8},  {36, 3},
                                   {40, 2},  {44, 4},  {48, 2},  {52, 3},  {56, 1},  {64, 2},  {72, 13}, {76, 1},
                                   {80, 3},  {92, 2},  {96, 15}, {100, 1}, {104, 4}, {120, 4}, {128, 1}, {160, 2},
                                   {192, 2}, {200, 3}, {208, 3}, {240, 3}, {256, 1}, {272, 2}, {288, 3}, {400, 1},
                                   {448, 1}, {480, 4}, {508, 4}, {576, 2}, {596, 1}};

TEST(EngineStart, Builds37PoolsWithTheirArenas) {
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i < game::kArenaSlots; ++i) {
        found += pool_by_size()[i] != 0 ? 1 : 0;
    }
    EXPECT_EQ(found, std::size(kPoolFacts));
    std::uint32_t pages = 0;
    for (const PoolFact& fact : kPoolFacts) {
        const auto* const pool = at<const game::MemoryPool>(pool_by_size()[fact.block_size / 4]);
        ASSERT_NE(pool, nullptr) << fact.block_size;
        EXPECT_EQ(pool->block_size, fact.block_size);
        EXPECT_EQ(pool->arena_bytes, fact.arena_mb << 20) << fact.block_size;
        pages += pool->page_count;
    }
    EXPECT_EQ(pages, 33'792U);
}

TEST(EngineStart, EveryArenaStartsAtAMultipleOf16MegabytesAndIsFoundByAddress) {
    for (const PoolFact& fact : kPoolFacts) {
        const auto* const pool = at<const game::MemoryPool>(pool_by_size()[fact.block_size / 4]);
        ASSERT_NE(pool, nullptr) << fact.block_size;
        EXPECT_EQ(pool->arena % game::kArenaAlignment, 0U);
        EXPECT_LT(pool->arena_bytes, game::kArenaAlignment);
        EXPECT_EQ(pool_by_address()[pool->arena >> 24], addr_of(pool));
    }
}

TEST(EngineStart, ReservesTheHeapsByTheOperandsInTheCode) {
    std::uint32_t default_reserve = 0;
    std::uint32_t file_reserve = 0;
    std::memcpy(&default_reserve, at<const void>(game::data::kDefaultHeapReserve), 4);
    std::memcpy(&file_reserve, at<const void>(game::data::kFileHeapReserve), 4);
    const auto* const heaps = at<const game::Ptr32>(manager().heaps);
    const auto* const default_heap = at<const game::MemoryHeap>(heaps[0]);
    const auto* const file_heap = at<const game::MemoryHeap>(heaps[2]);
    EXPECT_EQ(default_heap->reserve, default_reserve);
    EXPECT_EQ(default_heap->initial_commit, 0x05500000U);
    EXPECT_GE(default_heap->committed, 0x05500000U);
    EXPECT_EQ(file_heap->reserve, file_reserve);
    EXPECT_EQ(file_heap->initial_commit, 0x00200000U);
    EXPECT_EQ(page_state(default_heap->base), DWORD{MEM_COMMIT});
}

TEST(EngineStart, GivesThreeHeapsAndTheirContexts) {
    const game::MemoryManager& memory = manager();
    const auto* const heaps = at<const game::Ptr32>(memory.heaps);
    EXPECT_EQ(memory.initialised, 1);
    EXPECT_EQ(memory.heap_count, 3);
    EXPECT_EQ(memory.physical_heap_count, 0);
    EXPECT_EQ(memory.pools_allowed, 1);
    for (std::uint32_t i = 0; i < game::kContextCount; ++i) {
        game::Ptr32 expected = 0;
        if (i == context::kNone || i == context::kPools || i == context::kSettings) {
            expected = heaps[1];
        } else if (i == context::kFileBuffers) {
            expected = heaps[2];
        } else if (i == context::kDefault) {
            expected = heaps[0];
        }
        EXPECT_EQ(memory.heap_by_context[i], expected) << i;
    }
}

TEST(EngineStart, BuildsTheThreadMapWith37Buckets) {
    const auto* const map = at<const ThreadHeapMap>(addr_of(manager().thread_heap_map));
    EXPECT_EQ(map->vtable, game::data::kThreadHeapMapVtable);
    EXPECT_EQ(map->bucket_count, 0x25U);
    EXPECT_NE(map->buckets, 0U);
}

TEST(EngineStart, VtablesHoldTheDocumentedFunctions) {
#define MP_SLOT(table, offset, function) EXPECT_EQ(*at<const game::Addr>(0x##table + 0x##offset), 0x##function##U);
#include "map/vtables.inc"
}

}  // namespace
}  // namespace mp::standin::test
