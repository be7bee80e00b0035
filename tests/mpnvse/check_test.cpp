// What `mpnvse check` says of the game's program and of everything that is not quite it.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "executable_builder.h"
#include "mpnvse/check.h"
#include "mpnvse/check_output.h"
#include "mpnvse/files.h"
#include "mpnvse/sha256.h"

namespace mp::tools::test {
namespace {

using game::kMissionCount;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const GroupCheck& group_of(const CheckResult& result, game::Group group) {
    return *std::ranges::find(result.groups, group, &GroupCheck::group);
}

void put_jump(ExecutableBuilder& program, game::Addr from, game::Addr to) {
    program[from] = 0xE9;
    program.put_dword(from + 1, to - from - 5);
}

TEST(Sha256, IsTheOneOfTheStandard) {
    const std::string text = "abc";
    const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
    EXPECT_EQ(sha256({data, text.size()}), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256(Bytes(3'000'000, 'a')), "2a152c894398719c0570f83fac34ac03a0f6e8e474b995c2403aa5434f7b9dd4");
}

TEST(Check, TheGameAsTheTableKnowsItWouldBeReplacedWhole) {
    const CheckResult result = check(ExecutableBuilder().build());
    EXPECT_EQ(result.verdict, Verdict::all_replaced) << result.reason;
    EXPECT_EQ(result.would_be_replaced(), kMissionCount);
    EXPECT_EQ(version_text(result.file_version), "1.4.0.525");
    for (const GroupCheck& group : result.groups) {
        EXPECT_TRUE(group.fits()) << game::group_name(group.group);
    }
}

TEST(Check, EverySiteOfAReplacedGroupIsListedOnce) {
    const CheckResult result = check(ExecutableBuilder().build());
    std::size_t listed = 0;
    for (const GroupCheck& group : result.groups) {
        listed += group.sites.size();
    }
    const auto never = std::ranges::count_if(game::kSites, [](const game::Site& site) {
        return site.group == game::Group::none || site.group == game::Group::locks ||
               site.group == game::Group::scrap_heaps_optional;
    });
    EXPECT_EQ(listed, game::kSiteCount - static_cast<std::size_t>(never) + std::size(game::kPointerSites));
}

TEST(Check, AForeignJumpDeclinesItsGroupAndSaysWhereItLeads) {
    ExecutableBuilder program;
    put_jump(program, game::site(0x00AA5E30).va, 0x01401010);
    program.add_section(".other");
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::some_replaced);
    EXPECT_EQ(result.would_be_replaced(), kMissionCount - 4);
    const GroupCheck& group = group_of(result, game::Group::scrap_buffers);
    EXPECT_EQ(group.mismatches, 1U);
    EXPECT_THAT(group.problem, HasSubstr("foreign jump to 0x01401010 (section .other)"));
}

TEST(Check, AChangedVtableSlotDeclinesTheHeapBlocks) {
    ExecutableBuilder program;
    program.put_dword(game::kPointerSites[0].va, 0x00401000);
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::some_replaced);
    EXPECT_FALSE(group_of(result, game::Group::heap_blocks).fits());
    EXPECT_EQ(result.would_be_replaced(), kMissionCount - 1);
}

TEST(Check, AnotherReturnInstructionDeclinesItsGroup) {
    ExecutableBuilder program;
    const game::Site& site = game::site(0x00AA8F50);
    program[site.returns.from + 1] = 8;
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::some_replaced);
    EXPECT_THAT(group_of(result, site.group).problem, HasSubstr("return instruction differs"));
}

TEST(Check, AChangedFrontDoorConcernsFullModeOnly) {
    ExecutableBuilder program;
    put_jump(program, game::site(0x00AA3E40).va, 0x01400010);
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::all_replaced);
    EXPECT_FALSE(group_of(result, game::Group::game_heap).fits());
}

TEST(Check, CodeWithoutOneKnownByteLeavesNothingToReplace) {
    ExecutableBuilder program;
    program.scramble_code();
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::none_replaced);
    EXPECT_EQ(result.would_be_replaced(), 0U);
}

TEST(Check, SteamsProtectionMeansThatOnlyTheRunningGameTells) {
    ExecutableBuilder program;
    program.add_section(".bind");
    program.scramble_code();
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::encrypted);
    EXPECT_THAT(result.reason, HasSubstr("when the game runs"));
}

TEST(Check, ADecryptedProgramThatKeptSteamsSectionIsJudgedByItsBytes) {
    ExecutableBuilder program;
    program.add_section(".bind");
    EXPECT_EQ(check(program.build()).verdict, Verdict::all_replaced);
}

TEST(Check, APackedProgramIsRefused) {
    ExecutableBuilder program;
    program.code_section = "UPX0";
    EXPECT_EQ(check(program.build()).verdict, Verdict::packed);
}

TEST(Check, AnotherVersionIsRefusedByItsNumber) {
    ExecutableBuilder program;
    program.version = 0x000100040000053A;
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::wrong_version);
    EXPECT_THAT(result.reason, HasSubstr("version 1.4.0.1338, expected 1.4.0.525"));
    EXPECT_THAT(result.groups, IsEmpty());
}

TEST(Check, AProgramWithoutAVersionIsRefused) {
    ExecutableBuilder program;
    program.with_version = false;
    EXPECT_EQ(check(program.build()).verdict, Verdict::no_version);
}

TEST(Check, AnotherBaseOrAMovableProgramIsRefused) {
    ExecutableBuilder elsewhere;
    elsewhere.image_base = 0x01000000;
    EXPECT_EQ(check(elsewhere.build()).verdict, Verdict::wrong_base);
    ExecutableBuilder movable;
    movable.dll_flags = 0x0040;
    EXPECT_EQ(check(movable.build()).verdict, Verdict::wrong_base);
}

TEST(Check, TheEditionWithoutGoreIsRefused) {
    ExecutableBuilder program;
    program.symbol_file = "c:\\build\\FalloutNVng.pdb";
    EXPECT_EQ(check(program.build()).verdict, Verdict::other_edition);
}

TEST(Check, CodeThatCannotRunIsNoCode) {
    ExecutableBuilder program;
    program.code_flags = 0x40000040;
    EXPECT_EQ(check(program.build()).verdict, Verdict::site_outside);
}

TEST(Check, ProgramsForOtherProcessorsAndDllsAreRefused) {
    ExecutableBuilder other;
    other.machine = 0x8664;
    EXPECT_EQ(check(other.build()).verdict, Verdict::other_processor);
    ExecutableBuilder dll;
    dll.flags |= 0x2000;
    EXPECT_EQ(check(dll.build()).verdict, Verdict::other_processor);
}

TEST(Check, FilesThatAreNoProgramsAreRefused) {
    const std::string text = "Fallout: New Vegas";
    EXPECT_EQ(check(Bytes(text.begin(), text.end())).verdict, Verdict::not_a_program);
    EXPECT_EQ(check({}).verdict, Verdict::not_a_program);
    Bytes dos(4096, 0);
    dos[0] = 'M';
    dos[1] = 'Z';
    EXPECT_EQ(check(dos).verdict, Verdict::not_a_program);
}

TEST(Check, ASenselessImageSizeIsDamage) {
    Bytes file = ExecutableBuilder().build();
    file[ExecutableBuilder::kPeHeader + 24 + 56 + 3] = 0xFF;
    EXPECT_EQ(check(file).verdict, Verdict::damaged);
}

TEST(Check, AFileCutAnywhereIsCalledTruncated) {
    const Bytes whole = ExecutableBuilder().build();
    for (const std::size_t size :
         std::vector<std::size_t>{2, 63, 130, 300, 1024, 1025, whole.size() / 2, whole.size() - 1}) {
        const CheckResult result = check(std::span(whole).first(size));
        EXPECT_EQ(result.verdict, Verdict::truncated) << size << ": " << result.reason;
    }
}

TEST(Check, WithoutLargeAddressesThereIsAWarningOnly) {
    ExecutableBuilder program;
    program.flags = 0x0102;
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::all_replaced);
    EXPECT_THAT(result.warnings, Contains(HasSubstr("4GB Patcher")));
}

TEST(Check, LegitimateChangesByOthersAreNamedAndHarmless) {
    ExecutableBuilder program;
    program.put_dword(game::data::kDefaultHeapReserve, 500U << 20);
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::all_replaced);
    EXPECT_THAT(check_text(result, "FalloutNV.exe", false), HasSubstr("changed by xNVSE"));
}

TEST(Check, DamagedHeadersNeverCrashTheCheck) {
    const Bytes whole = ExecutableBuilder().build();
    // A short copy keeps the check quick; sections then reach beyond the end unless the damage makes them small.
    const Bytes part(whole.begin(), whole.begin() + 8192);
    std::mt19937 random(525);  // NOLINT(bugprone-random-generator-seed): repeatable on purpose
    for (int round = 0; round < 20'000; ++round) {
        Bytes file = part;
        for (int change = 0; change < 4; ++change) {
            file[random() % ExecutableBuilder::kHeaders] = static_cast<std::uint8_t>(random());
        }
        // Small sections, so that some files get past the headers.
        for (std::size_t section = 0; section < 3; ++section) {
            file[ExecutableBuilder::kPeHeader + 24 + 224 + 40 * section + 18] = 0;
        }
        static_cast<void>(check(file));
    }
}

TEST(Check, DamagedResourcesNeverCrashTheCheck) {
    Bytes whole = ExecutableBuilder().build();
    const std::size_t resources = whole.size() - 4096;
    std::mt19937 random(17);  // NOLINT(bugprone-random-generator-seed): repeatable on purpose
    for (int round = 0; round < 12; ++round) {
        for (int change = 0; change < 6; ++change) {
            whole[resources + random() % 140] = static_cast<std::uint8_t>(random());
        }
        static_cast<void>(check(whole));
    }
}

TEST(Check, FoldersAndMissingFilesAreNotReadable) {
    EXPECT_FALSE(read_file("no such file.exe"));
    EXPECT_FALSE(read_file(std::filesystem::temp_directory_path()));
}

TEST(CheckOutput, TheJsonDocumentSaysTheSameAsTheText) {
    ExecutableBuilder program;
    put_jump(program, game::site(0x00AA6610).va, 0x01400010);
    const CheckResult result = check(program.build());
    const nlohmann::ordered_json json = check_json(result, "FalloutNV.exe");
    EXPECT_EQ(json["exit_code"], 1);
    EXPECT_EQ(json["would_be_replaced"], kMissionCount - 4);
    EXPECT_EQ(json["sha256"], result.sha256);
    const std::string text = check_text(result, "FalloutNV.exe", false);
    EXPECT_THAT(text, HasSubstr("13 of 17 functions"));
    bool found = false;
    for (const auto& group : json["groups"]) {
        if (group["name"] == "pool memory") {
            found = true;
            EXPECT_EQ(group["would_be_replaced"], false);
            EXPECT_THAT(text, HasSubstr(group["reason"].get<std::string>()));
        }
    }
    EXPECT_TRUE(found);
}

TEST(CheckOutput, EveryVerdictHasItsOwnName) {
    std::vector<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(Verdict::none_replaced); ++i) {
        const std::string_view name = verdict_name(static_cast<Verdict>(i));
        EXPECT_THAT(names, Not(Contains(name)));
        names.push_back(name);
    }
}

}  // namespace
}  // namespace mp::tools::test
