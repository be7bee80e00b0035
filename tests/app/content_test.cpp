#include "app/content.h"

#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace mp::app;

constexpr std::uint32_t kSeed = 0x12345678;

TEST(Content, AnyChangedByteShows) {
    for (const std::uint32_t size : {0U, 1U, 3U, 4U, 7U, 64U, 5000U}) {
        std::vector<std::uint8_t> block(size + 1, 0xAA);
        fill_content(block.data(), size, kSeed);
        EXPECT_EQ(block[size], 0xAA) << "wrote past " << size;
        EXPECT_TRUE(has_content(block.data(), size, kSeed));
        for (std::uint32_t i = 0; i < size; ++i) {
            block[i] ^= 1;
            EXPECT_FALSE(has_content(block.data(), size, kSeed)) << "byte " << i << " of " << size;
            block[i] ^= 1;
        }
    }
}

TEST(Content, AnotherSeedOrAShiftShows) {
    std::vector<std::uint8_t> block(256);
    fill_content(block.data(), 256, kSeed);
    EXPECT_FALSE(has_content(block.data(), 256, kSeed + 1));
    EXPECT_FALSE(has_content(block.data() + 4, 252, kSeed));
}

TEST(Content, APrefixOfAFilledBlockHasItsContent) {
    std::vector<std::uint8_t> block(100);
    fill_content(block.data(), 100, kSeed);
    for (std::uint32_t size = 0; size <= 100; ++size) {
        EXPECT_TRUE(has_content(block.data(), size, kSeed)) << size;
    }
}

TEST(Touch, EveryTouchedByteIsCheckedAndNoneLiesOutside) {
    for (const std::uint32_t size : {0U, 1U, 4U, 5U, 4096U, 4097U, 4098U, 12288U, 12289U}) {
        std::vector<std::uint8_t> block(size + 1, 0);
        touch(block.data(), size, kSeed);
        EXPECT_EQ(block[size], 0) << "wrote past " << size;
        EXPECT_TRUE(is_touched(block.data(), size, kSeed)) << size;
        const std::vector<std::uint8_t> written = block;
        for (std::uint32_t i = 0; i < size; ++i) {
            if (written[i] != 0) {
                block[i] = 0;
                EXPECT_FALSE(is_touched(block.data(), size, kSeed)) << "byte " << i << " of " << size;
                block[i] = written[i];
            }
        }
        EXPECT_TRUE(is_zero_but_touched(block.data(), size, kSeed)) << size;
    }
}

TEST(Touch, AStrayByteInAClearedBlockShows) {
    std::vector<std::uint8_t> block(9000, 0);
    touch(block.data(), 9000, kSeed);
    block[6000] = 1;
    EXPECT_FALSE(is_zero_but_touched(block.data(), 9000, kSeed));
}

TEST(Touch, OnlyTheGrownPartIsWritten) {
    std::vector<std::uint8_t> block(10000, 0);
    fill_content(block.data(), 5000, kSeed);
    touch(block.data(), 10000, kSeed, 5000);
    EXPECT_TRUE(has_content(block.data(), 5000, kSeed));
    EXPECT_NE(block[8192], 0);
    EXPECT_NE(block[9999], 0);
}

}  // namespace
