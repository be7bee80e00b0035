// What `mpnvse check` says of the game's program and of everything that is not quite it.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "executable_builder.h"
#include "game/functions.h"
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

/// An address that belongs to no section of the program.
constexpr game::Addr kOtherModule = 0x12345678;

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
    put_jump(program, game::fn::kGrowBuffer.va, kOtherModule);
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::some_replaced);
    EXPECT_EQ(result.would_be_replaced(), kMissionCount - 4);
    const GroupCheck& group = group_of(result, game::Group::scrap_buffers);
    EXPECT_EQ(group.mismatches, 1U);
    EXPECT_THAT(group.problem, HasSubstr("foreign jump at 0x00AA5E30 to 0x12345678"));
}

TEST(Check, AForeignJumpDeepInAFunctionWhoseFirstBytesMatchIsFoundToo) {
    ExecutableBuilder program;
    put_jump(program, 0x00AA5E60, kOtherModule);
    const CheckResult result = check(program.build());
    const GroupCheck& group = group_of(result, game::Group::scrap_buffers);
    EXPECT_THAT(group.problem, HasSubstr("foreign jump at 0x00AA5E60 to 0x12345678"));
    EXPECT_FALSE(group.sites[0].report.bytes_differ);
}

TEST(Check, OtherFirstBytesAreAcceptedWhenTheStructureHolds) {
    ExecutableBuilder program;
    for (const game::Site& site : game::kSites) {
        program.put(site, {.other_first_bytes = game::has_certain_structure(site)});
    }
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::all_replaced) << result.reason;
    EXPECT_EQ(result.front_doors(), game::kFrontDoorCount);
    const std::string text = check_text(result, "FalloutNV.exe", true);
    for (const GroupCheck& group : result.groups) {
        for (const SiteCheck& site : group.sites) {
            const game::Site* function = game::find_site(site.report.site);
            const bool structure = function != nullptr && game::has_certain_structure(*function);
            EXPECT_EQ(site.report.proof, structure ? patch::Proof::structure : patch::Proof::bytes) << site.name;
            EXPECT_THAT(text, HasSubstr(fmt::format("0x{:08X} {}: proven by {}", site.report.site, site.name,
                                                    structure ? "structure" : "bytes")));
        }
    }
}

/// What the text has to say of a statement that does not hold.
std::vector<std::string> words_of(const game::Statement& statement, bool redirected) {
    using Kind = game::Statement::Kind;
    switch (statement.kind) {
    case Kind::calls_import:
    case Kind::calls:
        return {fmt::format("expected a call at 0x{:08X} that reaches 0x{:08X}", statement.at, statement.to),
                redirected ? "found one of 0x01401010 (section .other)" : "found none"};
    case Kind::in_slot:
        return {fmt::format("the vtable slot at 0x{:08X} leads to ", statement.at),
                redirected ? "0x01401010 (section .other)" : "0x00000000"};
    case Kind::enters_start:
        return {fmt::format("no jump leads to 0x{:08X}", statement.to)};
    }
    return {};
}

/// A program in which statement `index` of every function that has so many does not hold.
Bytes without_statement(std::size_t index, bool redirected) {
    ExecutableBuilder program;
    program.add_section(".other");
    for (const game::Site& site : game::kSites) {
        if (index >= site.statements.count) {
            continue;
        }
        const game::Statement& statement = site.statements.list[index];
        const bool enters = statement.kind == game::Statement::Kind::enters_start;
        if (statement.kind == game::Statement::Kind::in_slot) {
            program.put_dword(statement.at, 0);
        }
        const int number = static_cast<int>(index);
        program.put(site, {.other_first_bytes = true,
                           .leave_out = redirected ? -1 : number,
                           .redirect = redirected ? number : -1,
                           .redirect_to = enters ? site.va + 4 : 0x01401010});
    }
    return program.build();
}

void expect_named(const SiteCheck& site, const game::Statement& statement, bool redirected) {
    std::array<char, 512> buffer{};
    patch::describe(site.report, buffer.data(), buffer.size());
    const std::string text = buffer.data();
    EXPECT_THAT(text, HasSubstr(fmt::format("0x{:08X} {}: ", site.report.site, site.name)));
    EXPECT_THAT(text, HasSubstr("; expected "));
    for (const std::string& words : words_of(statement, redirected)) {
        EXPECT_THAT(text, HasSubstr(words));
    }
}

TEST(Check, EveryStatementThatDoesNotHoldDeclinesItsGroupAndIsNamed) {
    for (std::size_t index = 0; index < game::Statements::kCapacity; ++index) {
        for (const bool redirected : {false, true}) {
            const CheckResult result = check(without_statement(index, redirected));
            for (const GroupCheck& group : result.groups) {
                std::size_t broken = 0;
                for (const SiteCheck& site : group.sites) {
                    const game::Site* row = game::find_site(site.report.site);
                    if (row != nullptr && index < row->statements.count) {
                        ++broken;
                        EXPECT_EQ(site.report.finding, patch::Finding::statement_fails) << site.name << " " << index;
                        expect_named(site, row->statements.list[index], redirected);
                    }
                }
                EXPECT_EQ(group.mismatches, broken) << game::group_name(group.group);
                EXPECT_EQ(group.fits(), broken == 0) << game::group_name(group.group);
            }
        }
    }
}

TEST(Check, SectionsAreLaidOutAsTheLoaderDoesWhateverTheirHeadersLeaveOut) {
    constexpr std::size_t kFirstHeader = ExecutableBuilder::kPeHeader + 24 + 224;
    constexpr std::size_t kSizeInMemory = kFirstHeader + 8;
    constexpr std::size_t kPlaceInFile = kFirstHeader + 20;
    const Bytes file = ExecutableBuilder().build();
    Bytes without_size = file;
    std::fill_n(without_size.begin() + kSizeInMemory, 4, std::uint8_t{0});
    Bytes beyond_the_unit = file;
    beyond_the_unit[kPlaceInFile] += 0x20;
    for (const Bytes& altered : {without_size, beyond_the_unit}) {
        ASSERT_NE(altered, file);
        EXPECT_EQ(check(altered).verdict, check(file).verdict);
    }
}

TEST(Check, StructureAloneProvesEveryFunctionOfWhichMoreThanTheFirstBytesIsCertain) {
    const CheckResult result = check(ExecutableBuilder().build(), {.accept = patch::Accept::structure});
    EXPECT_EQ(result.verdict, Verdict::all_replaced) << result.reason;
    for (const GroupCheck& group : result.groups) {
        const auto slots = std::ranges::count(game::kPointerSites, group.group, &game::PointerSite::group);
        const auto others = std::ranges::count_if(game::kSites, [&group](const game::Site& site) {
            return site.group == group.group && !game::has_certain_structure(site);
        });
        EXPECT_EQ(group.by_bytes, static_cast<std::size_t>(slots + others)) << "a slot has no structure";
        EXPECT_EQ(group.by_structure, group.sites.size() - group.by_bytes);
    }
}

TEST(Check, BytesAloneDoNotProveWhenStructureIsAskedFor) {
    ExecutableBuilder program;
    const game::Site& site = *game::fn::kGrowBuffer.site;
    program.put(site.main_return.va - 3, game::bytes("FF E0 90"));  // JMP EAX: not every path can be walked
    const Bytes file = program.build();
    const CheckResult either = check(file);
    EXPECT_TRUE(group_of(either, site.group).fits()) << group_of(either, site.group).problem;
    const CheckResult structure = check(file, {.accept = patch::Accept::structure});
    EXPECT_FALSE(group_of(structure, site.group).fits());
    EXPECT_THAT(group_of(structure, site.group).problem, HasSubstr("a jump that cannot be followed at 0x00AA5E82"));
}

TEST(Check, AStartThatNoTrampolineCanHoldDeclinesItsGroup) {
    constexpr game::Addr kBlockSize = game::fn::kHeapBlockSize.va;
    for (const game::BytePattern& start : {game::bytes("2E 75 0D 90 90"),     // JNE with a prefix
                                           game::bytes("E2 0E 90 90 90")}) {  // LOOP
        ExecutableBuilder program;
        program.put(kBlockSize, start);
        const GroupCheck group = group_of(check(program.build()), game::Group::heap_blocks);
        EXPECT_THAT(group.problem, HasSubstr("its first instructions cannot be moved, see 0x00AA7BE0"));
    }
}

TEST(Check, AChangedVtableSlotDeclinesTheHeapBlocks) {
    ExecutableBuilder program;
    program.put_dword(game::kPointerSites[0].va, game::code::kOperatorNew);
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::some_replaced);
    EXPECT_FALSE(group_of(result, game::Group::heap_blocks).fits());
    EXPECT_EQ(result.would_be_replaced(), kMissionCount - 1);
}

TEST(Check, AnotherReturnInstructionDeclinesItsGroup) {
    ExecutableBuilder program;
    const game::Site& site = *game::fn::kHeapAllocate.site;
    program.put(site, {.popped = 8});
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::some_replaced);
    EXPECT_THAT(group_of(result, site.group).problem,
                HasSubstr("the return at 0x00AA9756 pops 8 bytes, expected to pop 4"));
}

TEST(Check, AChangedFrontDoorConcernsFullModeOnly) {
    ExecutableBuilder program;
    put_jump(program, game::fn::kAllocate.va, kOtherModule);
    const CheckResult result = check(program.build());
    EXPECT_EQ(result.verdict, Verdict::all_replaced);
    EXPECT_FALSE(group_of(result, game::Group::game_heap).fits());
    EXPECT_EQ(result.front_doors(), game::kFrontDoorCount - 4);
    EXPECT_THAT(check_text(result, "FalloutNV.exe", false), HasSubstr("17 of 21 front doors would be replaced"));
}

TEST(Check, ScrapModeIsShownAsItsThreeGroups) {
    ExecutableBuilder program;
    put_jump(program, game::fn::kScrapAllocate.va, kOtherModule);
    const CheckResult result = check(program.build());
    EXPECT_THAT(check_text(result, "FalloutNV.exe", false),
                HasSubstr("Scrap mode: of these only\n  [yes] scrap buffers\n  [NO ] scrap heaps\n"
                          "  [yes] thread scrap heap\n"));
    std::vector<std::string> names;
    const nlohmann::ordered_json json = check_json(result, "FalloutNV.exe");
    for (const auto& group : json["groups"]) {
        if (group["in_scrap_mode"]) {
            names.push_back(group["name"]);
        }
    }
    EXPECT_THAT(names, testing::ElementsAre("scrap buffers", "scrap heaps", "thread scrap heap"));
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
    put_jump(program, game::fn::kCommitPage.va, kOtherModule);
    program.put(*game::fn::kDecommitPage.site, {.other_first_bytes = true});
    const CheckResult result = check(program.build());
    const nlohmann::ordered_json json = check_json(result, "FalloutNV.exe");
    EXPECT_EQ(json["exit_code"], 1);
    EXPECT_EQ(json["would_be_replaced"], kMissionCount - 4);
    EXPECT_EQ(json["front_doors_replaced"], game::kFrontDoorCount);
    EXPECT_EQ(json["front_doors"], game::kFrontDoorCount);
    EXPECT_EQ(json["sha256"], result.sha256);
    const std::string text = check_text(result, "FalloutNV.exe", false);
    EXPECT_THAT(text, HasSubstr("13 of 17 functions"));
    bool found = false;
    for (const auto& group : json["groups"]) {
        if (group["name"] == "pool memory") {
            found = true;
            EXPECT_EQ(group["would_be_replaced"], false);
            EXPECT_THAT(text, HasSubstr(group["reason"].get<std::string>()));
            EXPECT_EQ(group["by_bytes"], 2);
            EXPECT_EQ(group["by_structure"], 1);
            EXPECT_THAT(text, HasSubstr("3 of 4 sites proven (2 by bytes, 1 by structure)"));
            for (const auto& site : group["sites"]) {
                const bool foreign = site["address"] == "0x00AA6610";
                EXPECT_EQ(site["finding"], foreign ? "foreign jump" : "ok");
                EXPECT_EQ(site["proof"].is_null(), foreign);
                EXPECT_EQ(site.contains("found"), foreign || site["proof"] == "structure");
            }
        }
    }
    EXPECT_TRUE(found);
}

TEST(CheckOutput, EveryVerdictHasItsOwnName) {
    std::vector<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(Verdict::no_facts); ++i) {
        const std::string_view name = verdict_name(static_cast<Verdict>(i));
        EXPECT_THAT(names, Not(Contains(name)));
        names.push_back(name);
    }
}

/// The part of a facts text that is about one row.
std::string facts_of(const std::string& facts, std::string_view title) {
    const std::size_t begin = facts.find("\n" + std::string(title) + "\n");
    return begin == std::string::npos ? "" : facts.substr(begin + 1, facts.find("\n\n", begin) - begin);
}

std::string facts_text(ExecutableBuilder& program) {
    return check(program.build(), {.facts = true}).facts;
}

TEST(Facts, SayOfEveryRowWhatTheFileHas) {
    ExecutableBuilder program;
    const Bytes file = program.build();
    const CheckResult result = check(file, {.facts = true});
    EXPECT_TRUE(result.facts.starts_with("MemoryPoolNVSE facts 1\nprogram 1.4.0.525\nsha256 " + sha256(file) + "\n"));
    EXPECT_EQ(facts_of(result.facts, "function 0x00AA5E30 ScrapBuffer::Grow"),
              "function 0x00AA5E30 ScrapBuffer::Grow\n"
              "  bytes 55 8B EC 83 EC 0C 89 4D F4 C7 45 FC 00 00 00 00 90 90 90 90 90 90 90 90\n"
              "  size 88\n"
              "  call 0x00AA5E52 pointer 0x00FDF114 VirtualAlloc\n"
              "  call 0x00AA5E78 function 0x00866A90 MemoryManager::HandleOutOfMemory\n"
              "  return 0x00AA5E85 pops 12\n"
              "  walk complete\n"
              "  table agrees by bytes\n");
    for (const game::Site& site : game::kSites) {
        const std::string facts = facts_of(result.facts, fmt::format("function 0x{:08X} {}", site.va, site.name));
        EXPECT_THAT(facts, HasSubstr("  table agrees by bytes\n"));
        EXPECT_THAT(facts, HasSubstr("  walk complete\n"));
        if (site.main_return.va != 0) {  // the last instruction that the builder writes
            const game::Addr end = site.main_return.va + (site.bytes_popped != 0 ? 3 : 1);
            EXPECT_THAT(facts, HasSubstr(fmt::format("  size {}\n", end - site.va)));
        }
    }
    for (const game::PointerSite& site : game::kPointerSites) {
        EXPECT_EQ(facts_of(result.facts, fmt::format("slot 0x{:08X} {}", site.va, site.name)),
                  fmt::format("slot 0x{:08X} {}\n  slot 0x{:08X} holds 0x{:08X}\n  table agrees by bytes\n", site.va,
                              site.name, site.va, site.expected));
    }
}

TEST(Facts, SayVtableSlotsAndJumpsIntoTheStart) {
    ExecutableBuilder program;
    const std::string facts = facts_text(program);
    EXPECT_THAT(facts_of(facts, "function 0x009FB170 MediaAllocator::ReallyFree"), HasSubstr("  enters 0x009FB173\n"));
    EXPECT_THAT(facts_of(facts, "function 0x009FCC60 MediaAllocator::Alloc"),
                HasSubstr("  slot 0x01093D3C holds 0x009FCC60 MediaAllocator::Alloc\n"));
}

TEST(Facts, SayWhatTheTableDisagreesWithAndWhereAForeignJumpLeads) {
    ExecutableBuilder program;
    put_jump(program, game::fn::kGrowBuffer.va, kOtherModule);
    program.put(*game::fn::kCommitPage.site, {.popped = 4});
    const std::string facts = facts_text(program);
    const std::string hooked = facts_of(facts, "function 0x00AA5E30 ScrapBuffer::Grow");
    EXPECT_THAT(hooked, HasSubstr("  leaves 0x00AA5E30 function 0x12345678\n"));
    EXPECT_THAT(hooked, HasSubstr("  table disagrees: 0x00AA5E30 ScrapBuffer::Grow: foreign jump"));
    const std::string popped = facts_of(facts, "function 0x00AA6610 PoolPage::Commit");
    EXPECT_THAT(popped, HasSubstr("  return 0x00AA6649 pops 4\n"));
    EXPECT_THAT(popped, HasSubstr("the return at 0x00AA6649 pops 4 bytes, expected to pop 8"));
}

TEST(Facts, AFunctionThatIsLongerThanTheTableSaysIsSaidToBe) {
    ExecutableBuilder program;
    const game::Site& site = *game::fn::kHeapBlockSize.site;
    program.put(site.va + site.size - 3, game::bytes("90 90 90"));  // its return, and then more code
    program.put(site.va + site.size, game::bytes("C2 08 00"));
    EXPECT_THAT(facts_of(facts_text(program), "function 0x00AA7BE0 MemoryHeap::BlockSize"),
                HasSubstr("  walk incomplete: code that runs past the function's end at 0x00AA7BF7\n"));
}

TEST(Facts, ThereAreNoneOfAFileThatIsEncryptedOrRefused) {
    ExecutableBuilder encrypted;
    encrypted.add_section(".bind");
    encrypted.scramble_code();
    EXPECT_THAT(facts_text(encrypted), IsEmpty());
    ExecutableBuilder other;
    other.version = 0x000100040000053A;
    EXPECT_THAT(facts_text(other), IsEmpty());
    ExecutableBuilder not_asked;
    EXPECT_THAT(check(not_asked.build()).facts, IsEmpty());
}

}  // namespace
}  // namespace mp::tools::test
