#include "patch/jump.h"

#include <gtest/gtest.h>

#include "patch/plan.h"
#include "synthetic_image.h"

namespace mp::patch::test {
namespace {

constexpr Addr kHere = 0x00500000;

TEST(Jump, WhatIsEncodedIsRecognised) {
    for (const Addr target : {0x00000001U, kHere, kHere + 5, 0x00FFFFFFU, 0x7FFFFFFFU, 0x80500000U, 0xFFFFFFFFU}) {
        SyntheticImage image;
        encode_jump(kHere, target, &image[kHere]);
        const std::optional<Jump> jump = jump_at(image, kHere);
        ASSERT_TRUE(jump);
        EXPECT_EQ(jump->size, game::kJumpSize);
        EXPECT_EQ(jump->target, target);
    }
}

TEST(Jump, AShortOneLeadsForwardsAndBackwards) {
    SyntheticImage image;
    image.put(kHere, "EB 7F");
    EXPECT_EQ(jump_at(image, kHere)->target, kHere + 2 + 0x7F);
    image.put(kHere, "EB 80");
    EXPECT_EQ(jump_at(image, kHere)->target, kHere + 2 - 0x80);
    EXPECT_EQ(jump_at(image, kHere)->size, 2U);
}

TEST(Jump, AShortJumpToItselfEnds) {
    SyntheticImage image;
    image.put(kHere, "EB FE");
    EXPECT_EQ(jump_at(image, kHere)->target, kHere);
}

TEST(Jump, OtherInstructionsAreNone) {
    SyntheticImage image;
    for (const char* code :
         {"55 8B EC 83 EC 08", "68 01 02 03 04 50", "FF 15 00 00 50 00", "0F 84 00 00 00 00", "C3 C3 C3 C3 C3 C3"}) {
        image.put(kHere, code);
        EXPECT_FALSE(jump_at(image, kHere)) << code;
    }
}

TEST(Jump, OneThatReachesIntoUnreadableMemoryIsNone) {
    SyntheticImage image;
    image.put_relative(kHere, 0xE9, 0x12345678);
    image.punch_hole(kHere + 4, kHere + 5);
    EXPECT_FALSE(jump_at(image, kHere));
}

TEST(Jump, OneAtTheVeryEndOfReadableMemoryIsSeen) {
    SyntheticImage image;
    image.put_relative(kHere, 0xE9, 0x12345678);
    image.punch_hole(kHere + 5, kHere + 0x1000);
    ASSERT_TRUE(jump_at(image, kHere));
    EXPECT_EQ(jump_at(image, kHere)->target, 0x12345678U);
}

}  // namespace
}  // namespace mp::patch::test
