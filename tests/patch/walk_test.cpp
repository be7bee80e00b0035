#include "patch/walk.h"

#include <gtest/gtest.h>

#include <memory>

#include "synthetic_image.h"

namespace mp::patch::test {
namespace {

constexpr Addr kStart = 0x00500000;
constexpr Addr kSlot = game::import_slot::kVirtualAlloc;

class Walking : public ::testing::Test {
protected:
    /// Walks `code` at kStart.
    const Walk& run(std::string_view code, const WalkLimits& limits = {}) {
        image.put(kStart, code);
        walk->run(image, kStart, limits);
        return *walk;
    }
    [[nodiscard]] bool came_to(Addr offset) const { return walk->step_at(kStart + offset) != nullptr; }
    [[nodiscard]] const Step& at(Addr offset) const {
        static const Step none{};
        const Step* step = walk->step_at(kStart + offset);
        EXPECT_NE(step, nullptr) << offset;
        return step != nullptr ? *step : none;
    }

    SyntheticImage image;
    std::unique_ptr<Walk> walk = std::make_unique<Walk>();
};

TEST_F(Walking, EveryPathIsWalkedOnceAndNothingElse) {
    // 0 TEST EAX,EAX; 2 JE 7; 4 INC EAX; 5 JMP 8; 7 RET; 8 DEC EAX; 9 JNE 4; 11 RET 8; 14 CC
    run("85 C0 74 03 40 EB 01 C3 48 75 F9 C2 08 00");
    EXPECT_TRUE(walk->complete());
    EXPECT_EQ(walk->steps().size(), 8U);
    EXPECT_FALSE(came_to(14));
    EXPECT_EQ(at(7).popped, 0);
    EXPECT_EQ(at(11).popped, 8);
}

TEST_F(Walking, CallsAreNotFollowedAndSayWhatTheyReach) {
    image.put_relative(kStart, 0xE8, game::code::kOperatorNew);
    image.put(kStart + 5, "FF 15 14 F1 FD 00 FF D0 C3");
    walk->run(image, kStart);
    EXPECT_TRUE(walk->complete());
    EXPECT_EQ(at(0).reach, Reach::direct);
    EXPECT_EQ(at(0).target, game::code::kOperatorNew);
    EXPECT_EQ(at(5).reach, Reach::pointer);
    EXPECT_EQ(at(5).target, kSlot);
    EXPECT_EQ(at(11).reach, Reach::unknown);
    EXPECT_EQ(walk->step_at(game::code::kOperatorNew), nullptr);
}

TEST_F(Walking, ARegisterThatWasLoadedOnEveryPathTellsTheSlot) {
    // TEST EAX,EAX; JE +8; MOV ESI,[slot]; JMP +6; MOV ESI,[slot]; PUSH EAX; CALL ESI; MOV EDI,ESI; CALL EDI; RET
    run("85 C0 74 08 8B 35 14 F1 FD 00 EB 06 8B 35 14 F1 FD 00 50 FF D6 8B FE FF D7 C3");
    EXPECT_EQ(at(19).reach, Reach::pointer);
    EXPECT_EQ(at(19).target, kSlot);
    EXPECT_EQ(at(23).target, kSlot) << "a copy, and ESI outlives a call";
}

TEST_F(Walking, ARegisterThatOnePathLoadsOtherwiseTellsNothing) {
    for (const char* other : {"0C F1 FD 00", "10 F1 FD 00"}) {
        SCOPED_TRACE(other);
        run("85 C0 74 08 8B 35 14 F1 FD 00 EB 06 8B 35 " + std::string(other) + " 50 FF D6 C3");
        EXPECT_EQ(at(19).reach, Reach::unknown);
    }
    run("8B 35 14 F1 FD 00 85 C0 74 01 5E FF D6 C3");  // one path pops another value into ESI
    EXPECT_EQ(at(11).reach, Reach::unknown);
    run("85 C0 74 06 8B 35 14 F1 FD 00 FF D6 C3");  // one path loads nothing
    EXPECT_EQ(at(10).reach, Reach::unknown);
}

TEST_F(Walking, ALoopThatChangesTheRegisterIsSeen) {
    // MOV ESI,[slot]; again: CALL ESI; MOV ESI,[other]; TEST EAX,EAX; JNE again; RET
    run("8B 35 14 F1 FD 00 FF D6 8B 35 0C F1 FD 00 85 C0 75 F4 C3");
    EXPECT_EQ(at(6).reach, Reach::unknown);
}

TEST_F(Walking, ACallLosesTheRegistersThatTheCalleeMayChange) {
    run("A1 14 F1 FD 00 FF D3 FF D0 C3");
    EXPECT_EQ(at(7).reach, Reach::unknown) << "EAX";
    run("8B 1D 14 F1 FD 00 FF D0 FF D3 C3");
    EXPECT_EQ(at(8).target, kSlot) << "EBX";
}

TEST_F(Walking, ABlockOfTheFunctionThatIsCalledIsWalkedAndItsReturnIsNotTheFunctions) {
    // 0 CALL 9; 5 NOP; 6 RET 4; 9 CALL [slot]; 15 RET
    image.put_relative(kStart, 0xE8, kStart + 9);
    image.put(kStart + 5, "90 C2 04 00 FF 15 14 F1 FD 00 C3");
    walk->run(image, kStart, {.end = kStart + 16});
    EXPECT_EQ(at(9).target, kSlot);
    EXPECT_TRUE(at(15).local);
    EXPECT_FALSE(at(6).local);
    walk->run(image, kStart);
    EXPECT_FALSE(came_to(9)) << "without a known end it is another function";
}

TEST_F(Walking, ABlockOfTheFunctionMayChangeEveryRegister) {
    // 0 MOV ESI,[slot]; 6 CALL 14; 11 CALL ESI; 13 RET; 14 POP ESI; 15 RET
    image.put(kStart, "8B 35 14 F1 FD 00");
    image.put_relative(kStart + 6, 0xE8, kStart + 14);
    image.put(kStart + 11, "FF D6 C3 5E C3");
    walk->run(image, kStart, {.end = kStart + 16});
    EXPECT_EQ(at(11).reach, Reach::unknown);
    image.put_relative(kStart + 6, 0xE8, game::code::kOperatorNew);
    walk->run(image, kStart, {.end = kStart + 16});
    EXPECT_EQ(at(11).target, kSlot) << "another function keeps ESI";
}

TEST_F(Walking, CodeThatIsReachedBothWaysIsTheFunctionsOwn) {
    // 0 TEST EAX,EAX; 2 JE 9; 4 CALL 9; 9 RET: the block is also the function's end
    image.put(kStart, "85 C0 74 05");
    image.put_relative(kStart + 4, 0xE8, kStart + 10);
    image.put(kStart + 9, "90 C3");
    walk->run(image, kStart, {.end = kStart + 11});
    EXPECT_FALSE(at(10).local);
}

TEST_F(Walking, JumpsAreFollowedAnywhereInTheModule) {
    image.put_relative(kStart, 0xE9, 0x00900000);
    image.put(0x00900000, "C2 0C 00");
    walk->run(image, kStart);
    EXPECT_TRUE(walk->complete());
    EXPECT_EQ(walk->step_at(0x00900000)->popped, 12);
    EXPECT_EQ(walk->foreign_step(), nullptr);
}

TEST_F(Walking, WhatLeavesTheModuleIsForeign) {
    constexpr Addr kOutside = 0x12345678;
    const auto foreign_at = [&](Addr offset) {
        walk->run(image, kStart);
        const Step* step = walk->foreign_step();
        return step != nullptr && step->va == kStart + offset;
    };
    image.put_relative(kStart, 0xE9, kOutside);
    EXPECT_TRUE(foreign_at(0));
    image.put(kStart, "90 90 90");
    image.put_relative(kStart + 3, 0xE8, kOutside);
    image.put(kStart + 8, "C3");
    EXPECT_TRUE(foreign_at(3)) << "a call, too";
    image.put(kStart, "75 03 90 90 C3 68 78 56 34 12 C3");
    EXPECT_TRUE(foreign_at(5)) << "push and return";
    image.put(kStart, "FF 25 00 00 F0 00");
    image.put_dword(0x00F00000, 0x00900000);
    image.put(0x00900000, "C3");
    EXPECT_FALSE(foreign_at(0)) << "through a dword that leads back inside";
    EXPECT_TRUE(walk->complete());
    image.put(kStart, "0F 84 00 00 00 7F C3");
    EXPECT_TRUE(foreign_at(0)) << "a branch, too";
}

TEST_F(Walking, AJumpThroughADwordOfSomebodyElseIsForeign) {
    image.put(kStart, "FF 25 00 00 00 20");
    walk->run(image, kStart);
    EXPECT_FALSE(walk->complete()) << "a dword that cannot be read";
}

TEST_F(Walking, ASwitchIsFollowedToAllItsCases) {
    // 0 CMP EAX,2; 3 JA 12; 5 JMP [EAX*4+table]; 12 RET 4; 15 RET 4; 18 RET 4; 21 RET 4
    image.put(kStart, "83 F8 02 77 07 FF 24 85 00 00 F0 00 C2 04 00 C2 04 00 C2 04 00 C2 04 00");
    for (Addr i = 0; i < 3; ++i) {
        image.put_dword(0x00F00000 + 4 * i, kStart + 15 + 3 * i);
    }
    walk->run(image, kStart);
    EXPECT_TRUE(walk->complete());
    for (const Addr offset : {12U, 15U, 18U, 21U}) {
        EXPECT_TRUE(came_to(offset)) << offset;
    }
    image.put(kStart, "8B 04 85 00 00 F0 00 FF E0");  // without a bound nothing is known
    walk->run(image, kStart);
    EXPECT_EQ(walk->problem(), WalkProblem::unknown_target);
}

TEST_F(Walking, ASwitchWhoseEntryIsAddressedInStepsIsFollowed) {
    // 0 CMP [EBP+8],1; 4 JA 18; 6 MOV EAX,[EBP+8]; 9 SHL EAX,2; 12 ADD EAX,table; 17 what is told; 24 RET 4
    const auto reach_of = [&](const char* load_and_transfer) -> const Step& {
        image.put(kStart, "83 7D 08 01 77 12 8B 45 08 C1 E0 02 05 00 00 F0 00 90 90 90 90 90 90 90 C2 04 00");
        image.put(kStart + 17, load_and_transfer);
        image.put_dword(0x00F00000, kStart + 30);
        image.put_dword(0x00F00004, kStart + 31);
        image.put(kStart + 30, "90 C3");
        walk->run(image, kStart);
        return at(19);
    };
    reach_of("8B 00 FF E0");  // MOV EAX,[EAX]; JMP EAX
    EXPECT_TRUE(walk->complete());
    EXPECT_TRUE(came_to(30) && came_to(31));
    EXPECT_EQ(reach_of("8B 00 FF D0 C3").reach, Reach::unknown) << "a call through the table";
    EXPECT_EQ(reach_of("8B C8 FF D0 C3").reach, Reach::unknown) << "a call of the address itself";
    reach_of("8B C8 FF E0");  // MOV ECX,EAX; JMP EAX
    EXPECT_EQ(walk->problem(), WalkProblem::unknown_target) << "a jump to the address itself";
}

TEST_F(Walking, WhatCannotBeFollowedIsSaid) {
    run("FF E0");
    EXPECT_EQ(walk->problem(), WalkProblem::unknown_target);
    EXPECT_EQ(walk->problem_address(), kStart);
    run("90 FF FF FF FF FF");
    EXPECT_FALSE(walk->complete());
    image.punch_hole(kStart + 1, kStart + 0x100);
    run("90 90");
    EXPECT_EQ(walk->problem(), WalkProblem::unreadable);
    EXPECT_EQ(walk->problem_address(), kStart + 1);
}

TEST_F(Walking, APathThatRunsPastTheEndIsSaidUnlessACallEndsIt) {
    run("90 90 90 C3", {.end = kStart + 2});
    EXPECT_EQ(walk->problem(), WalkProblem::runs_past_end);
    image.put_relative(kStart, 0xE8, game::code::kOperatorNew);
    image.put(kStart + 5, "C2 04 00");
    walk->run(image, kStart, {.end = kStart + 5});
    EXPECT_TRUE(walk->complete());
    EXPECT_FALSE(came_to(5));
}

TEST_F(Walking, ACallThatNeverReturnsEndsItsPath) {
    image.put_relative(kStart, 0xE8, game::code::kOperatorNew);
    image.put(kStart + 5, "C2 04 00");
    walk->run(image, kStart,
              {.never_returns = [](Addr function) noexcept { return function == game::code::kOperatorNew; }});
    EXPECT_TRUE(walk->complete());
    EXPECT_FALSE(came_to(5));
}

TEST_F(Walking, MoreInstructionsThanThereIsRoomForAreSaid) {
    for (Addr i = 0; i <= Walk::kMaxSteps; ++i) {
        image.put(kStart + i, "90");
    }
    walk->run(image, kStart);
    EXPECT_EQ(walk->problem(), WalkProblem::too_long);
    EXPECT_EQ(walk->steps().size(), Walk::kMaxSteps);
}

TEST_F(Walking, ANewWalkForgetsTheFormerOne) {
    run("FF E0");
    run("C2 04 00");
    EXPECT_TRUE(walk->complete());
    EXPECT_EQ(walk->steps().size(), 1U);
}

TEST_F(Walking, WholeInstructionsCoverAJump) {
    run("55 8B EC 51 89 4D FC C3");
    EXPECT_EQ(walk->whole_instructions(5), 7U);
    run("33 C0 C3");
    EXPECT_EQ(walk->whole_instructions(5), 0U) << "it ends before";
    run("33 C0 C2 04 00 CC");
    EXPECT_EQ(walk->whole_instructions(5), 5U);
}

TEST_F(Walking, JumpsIntoTheStartAreSeenWhereverTheyComeFrom) {
    run("56 8B F1 8B 4E 28 85 C9 75 F9 C3");  // JNE back to +3
    EXPECT_EQ(walk->entered_start(6), kStart + 3);
    EXPECT_EQ(walk->entered_start(3), 0U);
    run("90 90 90 90 90 90 75 FE C3");  // a loop behind it
    EXPECT_EQ(walk->entered_start(5), 0U);
}

}  // namespace
}  // namespace mp::patch::test
