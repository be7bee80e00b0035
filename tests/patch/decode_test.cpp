#include "patch/decode.h"

#include <gtest/gtest.h>

#include "patch/plan.h"
#include "synthetic_image.h"

namespace mp::patch::test {
namespace {

constexpr Addr kHere = 0x00500000;

Instruction decoded(std::string_view code) {
    SyntheticImage image;
    image.put(kHere, code);
    const std::optional<Instruction> instruction = decode(image, kHere);
    EXPECT_TRUE(instruction) << code;
    return instruction.value_or(Instruction{});
}

std::optional<Transfer> transfer(std::string_view code) {
    SyntheticImage image;
    image.put(kHere, code);
    return transfer_at(image, kHere);
}

TEST(Decode, LengthsAreThoseOfTheInstructions) {
    EXPECT_EQ(decoded("55").size, 1);
    EXPECT_EQ(decoded("8B EC").size, 2);
    EXPECT_EQ(decoded("83 EC 0C").size, 3);
    EXPECT_EQ(decoded("81 EC 74 03 00 00").size, 6);
    EXPECT_EQ(decoded("C7 45 FC 00 00 00 00").size, 7);
    EXPECT_EQ(decoded("64 A1 00 00 00 00").size, 6);
    EXPECT_EQ(decoded("64 89 25 00 00 00 00").size, 7);
}

TEST(Decode, FlowIsToldApart) {
    EXPECT_EQ(decoded("90").flow, Flow::next);
    EXPECT_EQ(decoded("74 05").flow, Flow::branch);
    EXPECT_EQ(decoded("0F 87 A1 00 00 00").flow, Flow::branch);
    EXPECT_EQ(decoded("E2 05").flow, Flow::branch);
    EXPECT_EQ(decoded("EB 05").flow, Flow::jump);
    EXPECT_EQ(decoded("FF E0").flow, Flow::jump);
    EXPECT_EQ(decoded("FF D6").flow, Flow::call);
    EXPECT_EQ(decoded("C3").flow, Flow::ret);
    EXPECT_EQ(decoded("CC").flow, Flow::breakpoint);
    EXPECT_EQ(decoded("0F 0B").flow, Flow::stop);
}

TEST(Decode, AReturnTellsWhatItPops) {
    EXPECT_EQ(decoded("C3").popped, 0);
    EXPECT_EQ(decoded("C2 0C 00").popped, 12);
    EXPECT_EQ(decoded("C2 04 01").popped, 0x104);
}

TEST(Decode, TargetsOfJumpsAreTold) {
    EXPECT_EQ(decoded("EB 7F").target, kHere + 2 + 0x7F);
    EXPECT_EQ(decoded("EB 80").target, kHere + 2 - 0x80);
    EXPECT_EQ(decoded("0F 85 10 00 00 00").target, kHere + 6 + 0x10);
    EXPECT_EQ(decoded("FF D7").target_register, 7);
    const Instruction through_memory = decoded("FF 15 14 F1 FD 00");
    EXPECT_TRUE(through_memory.has_pointer);
    EXPECT_EQ(through_memory.pointer, game::import_slot::kVirtualAlloc);
    const Instruction table = decoded("FF 24 85 00 00 50 00");
    EXPECT_FALSE(table.has_pointer);
    EXPECT_TRUE(table.has_table);
    EXPECT_EQ(table.pointer, 0x00500000U);
}

TEST(Decode, LoadsAndCopiesOfRegistersAreTold) {
    const Instruction load = decoded("8B 35 0C F1 FD 00");
    EXPECT_TRUE(load.has_pointer);
    EXPECT_EQ(load.loaded, 6);
    EXPECT_EQ(load.pointer, game::import_slot::kVirtualFree);
    EXPECT_EQ(decoded("A1 0C F1 FD 00").loaded, 0);
    const Instruction copy = decoded("8B FE");
    EXPECT_EQ(copy.loaded, 7);
    EXPECT_EQ(copy.copied, 6);
    const Instruction through = decoded("8B 1A");
    EXPECT_EQ(through.loaded, 3);
    EXPECT_EQ(through.loaded_through, 2);
    EXPECT_EQ(decoded("8B 5A 04").loaded_through, kNoRegister) << "beside where the register points";
    EXPECT_EQ(decoded("8B 45 08").loaded, kNoRegister) << "from the frame: not a fixed address";
    EXPECT_EQ(decoded("64 A1 00 00 00 00").loaded, kNoRegister) << "of the thread, not of the program";
    EXPECT_EQ(decoded("66 8B 35 0C F1 FD 00").loaded, kNoRegister) << "half a register";
}

TEST(Decode, EveryRegisterThatGetsAnotherValueIsTold) {
    EXPECT_EQ(decoded("5E").written, 1U << 6 | 1U << 4) << "POP ESI";
    EXPECT_EQ(decoded("B0 07").written, 1U << 0) << "a part counts";
    EXPECT_EQ(decoded("F7 F1").written, 1U << 0 | 1U << 2) << "DIV ECX";
    EXPECT_EQ(decoded("91").written, 1U << 0 | 1U << 1) << "XCHG EAX,ECX";
    EXPECT_EQ(decoded("3B F0").written, 0U);
}

TEST(Decode, InstructionsWithoutALongFormAreToldApart) {
    EXPECT_TRUE(decoded("E2 05").fixed);
    EXPECT_TRUE(decoded("E3 05").fixed);
    EXPECT_FALSE(decoded("74 05").fixed);
}

TEST(Decode, TheLastInstructionBeforeUnreadableMemoryIsSeen) {
    SyntheticImage image;
    image.put(kHere, "55 8B EC");
    image.punch_hole(kHere + 3, kHere + 0x1000);
    EXPECT_TRUE(decode(image, kHere + 1));
    image.punch_hole(kHere + 2, kHere + 0x1000);
    EXPECT_FALSE(decode(image, kHere + 1)) << "cut off";
    image.punch_hole(kHere, kHere + 0x1000);
    EXPECT_FALSE(decode(image, kHere));
}

TEST(TransferAt, WhatIsEncodedIsRecognised) {
    for (const Addr target : {0x00000001U, kHere, kHere + 5, 0x00FFFFFFU, 0x7FFFFFFFU, 0x80500000U, 0xFFFFFFFFU}) {
        SyntheticImage image;
        encode_jump(kHere, target, &image[kHere]);
        const std::optional<Transfer> jump = transfer_at(image, kHere);
        ASSERT_TRUE(jump);
        EXPECT_EQ(jump->size, game::kJumpSize);
        EXPECT_EQ(jump->target, target);
    }
}

TEST(TransferAt, PushAndReturnIsAJump) {
    const std::optional<Transfer> jump = transfer("68 78 56 34 12 C3");
    ASSERT_TRUE(jump);
    EXPECT_EQ(jump->target, 0x12345678U);
    EXPECT_EQ(jump->size, 6);
}

TEST(TransferAt, OtherInstructionsAreNone) {
    for (const char* code :
         {"55 8B EC 83 EC 08", "68 01 02 03 04 50", "FF E0", "C3 C3 C3 C3 C3 C3", "68 01 02 03 04 C2 04 00"}) {
        EXPECT_FALSE(transfer(code)) << code;
    }
}

TEST(TransferAt, AJumpThroughMemoryLeadsWhereTheDwordSays) {
    SyntheticImage image;
    image.put(kHere, "FF 25 00 00 F0 00");
    image.put_dword(0x00F00000, 0x12345678);
    const std::optional<Transfer> jump = transfer_at(image, kHere);
    ASSERT_TRUE(jump);
    EXPECT_EQ(jump->target, 0x12345678U);
    EXPECT_EQ(jump->pointer, 0x00F00000U);
    image.punch_hole(0x00F00002, 0x00F00003);
    EXPECT_EQ(transfer_at(image, kHere).value().target, 0U) << "a dword that cannot be read";
}

TEST(TransferAt, OneThatReachesIntoUnreadableMemoryIsNone) {
    SyntheticImage image;
    image.put_relative(kHere, 0xE9, 0x12345678);
    image.punch_hole(kHere + 4, kHere + 5);
    EXPECT_FALSE(transfer_at(image, kHere));
}

}  // namespace
}  // namespace mp::patch::test
