#include "alloc/mp_alloc.h"

#include <gtest/gtest.h>

#include <cstring>

TEST(Blocks, SizeZeroGivesUniqueBlocks) {
    void* const a = mp_malloc(0);
    void* const b = mp_malloc(0);
    ASSERT_NE(a, nullptr);
    ASSERT_NE(b, nullptr);
    EXPECT_NE(a, b);
    EXPECT_EQ(mp_free(a), 1);
    EXPECT_EQ(mp_free(b), 1);
}

TEST(Blocks, EverySizeIsUsableToTheLastByte) {
    for (std::size_t size = 1; size < 300000; size += 1 + size / 7) {
        auto* const block = static_cast<unsigned char*>(mp_malloc(size));
        ASSERT_NE(block, nullptr);
        ASSERT_GE(mp_usable_size(block), size);
        std::memset(block, 0xA5, mp_usable_size(block));
        ASSERT_EQ(mp_free(block), 1);
    }
}
