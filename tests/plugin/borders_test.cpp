// Borders behind ordinary blocks, through every door.
#include "replace/borders.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "alloc/mp_alloc.h"
#include "front_doors.h"
#include "os/os.h"
#include "replace/diagnosis.h"
#include "replace/quarantine.h"

namespace mp::test {
namespace {

using replace::borders::Damage;

std::vector<Damage> g_told;

class Borders : public FullMode {
protected:
    void SetUp() override {
        FullMode::SetUp();
        replace::set_borders(true);
        replace::borders::set_listener(
            [](const Damage& damage, const char* /*deed*/, const guard::Moment& now) noexcept {
                EXPECT_GT(now.stack.count, 0U);
                g_told.push_back(damage);
            });
        activate();
    }

    static std::size_t look(std::array<Damage, 16>& found) {
        std::uint32_t looked_at = 0;
        const std::size_t count = replace::borders::look(found, looked_at);
        EXPECT_GE(looked_at, count);
        return count;
    }
};

constexpr std::uint32_t kSizes[] = {1,   4,   8,    20,   24,   40,   100,   112,   128,    200,
                                    500, 512, 1000, 1024, 1112, 5000, 15000, 20000, 100000, 3000000};

/// Writes behind a block of ours, as far as it is nobody else's.
void write_behind(void* block, std::uint32_t size, std::uint32_t bytes) {
    const auto usable = static_cast<std::uint32_t>(mp_usable_size(block));
    std::memset(static_cast<std::uint8_t*>(block) + size, 0x41, std::min(bytes, usable - size));
}

TEST_F(Borders, WhatIsWrittenBehindABlockIsToldAtItsFreeWhateverItsSize) {
    for (const std::uint32_t size : kSizes) {
        for (const std::uint32_t bytes : {1U, 4U, 8U, 9U, 12U, 16U, 32U}) {
            for (const bool by_runtime : {false, true}) {
                g_told.clear();
                void* const block = by_runtime ? crt_malloc(size) : allocate(size);
                write_behind(block, size, bytes);
                by_runtime ? crt_free(block) : release(block);
                ASSERT_EQ(g_told.size(), 1U) << bytes << " bytes behind " << size;
                const Damage& damage = g_told.front();
                EXPECT_EQ(damage.block.address, reinterpret_cast<std::uintptr_t>(block));
                if (bytes <= 12) {  // else both notes of the size may be gone
                    EXPECT_EQ(damage.block.size, size);
                    EXPECT_EQ(damage.first, 0U);
                    EXPECT_GE(damage.count, std::min(bytes, 8U));
                    EXPECT_EQ(damage.written[0], 0x41);
                }
            }
        }
    }
}

TEST_F(Borders, WhatIsWrittenWithinABlockIsNotTold) {
    g_told.clear();
    std::array<Damage, 16> found;
    for (const std::uint32_t size : kSizes) {
        void* const blocks[] = {allocate(size),           operator_new(size),  crt_malloc(size),
                                crt_calloc(1, size),      crt_calloc(size, 1), crt_realloc(nullptr, size),
                                reallocate(nullptr, size)};
        for (void* const block : blocks) {
            EXPECT_EQ(crt_msize(block), size) << "no more may be written than was asked for";
            EXPECT_EQ(size_of(block), size);
            std::memset(block, 0xEE, size);
        }
        EXPECT_EQ(look(found), 0U);
        for (void* block : blocks) {
            block = reallocate(block, 2 * size);
            std::memset(block, 0xEE, 2 * size);
            block = crt_realloc(block, size / 2 + 1);
            block = crt_recalloc(block, 3, size);
            std::memset(block, 0xEE, 3 * size);
            block = reallocate2(block, size);
            EXPECT_EQ(crt_msize(block), size);
            release(block);
        }
    }
    EXPECT_TRUE(g_told.empty());
}

TEST_F(Borders, WhatIsWrittenBehindABlockIsToldAtItsResize) {
    for (const std::uint32_t size : kSizes) {
        g_told.clear();
        void* const block = crt_malloc(size);
        write_behind(block, size, 1);
        void* const resized = crt_realloc(block, 2 * size);
        ASSERT_EQ(g_told.size(), 1U) << size;
        crt_free(resized);
        EXPECT_EQ(g_told.size(), 1U) << "the new place is whole";
    }
}

TEST_F(Borders, WhereTheyWereIsClearedWhenABlockGrowsCleared) {
    for (const std::uint32_t size : kSizes) {
        auto* block = static_cast<std::uint8_t*>(crt_calloc(1, size));
        block = static_cast<std::uint8_t*>(crt_recalloc(block, 1, size + 20));
        EXPECT_TRUE(std::all_of(block, block + size + 20, [](std::uint8_t byte) { return byte == 0; })) << size;
        crt_free(block);
    }
}

TEST_F(Borders, ALookFindsTheBlocksThatWereWrittenBehindAndThoseBesideThem) {
    g_told.clear();
    std::vector<std::uint8_t*> blocks;
    for (int i = 0; i < 300; ++i) {
        blocks.push_back(static_cast<std::uint8_t*>(allocate(40)));
        std::memset(blocks.back(), 0x22, 40);
    }
    std::ranges::sort(blocks);
    std::uint8_t* const middle = blocks[150];
    middle[40] = 0x41;
    middle[41] = 0x42;
    std::array<Damage, 16> found;
    ASSERT_EQ(look(found), 1U);
    EXPECT_EQ(found[0].block.address, reinterpret_cast<std::uintptr_t>(middle));
    EXPECT_EQ(found[0].block.size, 40U);
    EXPECT_EQ(found[0].first, 0U);
    EXPECT_EQ(found[0].count, 2U);
    EXPECT_EQ(found[0].block.first_word, 0x22222222U);
    EXPECT_EQ(found[0].before.address, reinterpret_cast<std::uintptr_t>(blocks[149]));
    EXPECT_EQ(found[0].behind.address, reinterpret_cast<std::uintptr_t>(blocks[151]));
    EXPECT_EQ(found[0].behind.size, 40U);
    EXPECT_TRUE(g_told.empty()) << "who looks is told by the answer";
    release(middle);
    EXPECT_EQ(look(found), 0U);
}

TEST_F(Borders, MemoryThatIsHandedOutAgainWithoutOneDoesNotSeemToHaveOne) {
    std::array<Damage, 16> found;
    std::vector<void*> blocks;
    for (int i = 0; i < 400; ++i) {
        blocks.push_back(allocate(1000));
    }
    std::ranges::for_each(blocks, release);
    replace::flush_quarantine();
    for (void*& block : blocks) {  // as the scrap heaps' own
        block = mp_malloc(1016);
        std::memset(block, 0x77, 1008);
    }
    EXPECT_EQ(look(found), 0U);
    for (void* const block : blocks) {
        mp_free(block);
    }
}

TEST_F(Borders, StayWhenAResizeIsRefused) {
    g_told.clear();
    void* const block = crt_malloc(100);
    EXPECT_EQ(crt_realloc(block, 0xF0000000), nullptr);
    EXPECT_EQ(crt_recalloc(block, 0xF0000000, 1), nullptr);
    EXPECT_EQ(crt_msize(block), 100U);
    crt_free(block);
    EXPECT_TRUE(g_told.empty());
}

}  // namespace
}  // namespace mp::test
