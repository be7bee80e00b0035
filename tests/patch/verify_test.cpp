#include "patch/verify.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "game/functions.h"
#include "synthetic_image.h"

namespace mp::patch::test {
namespace {

using game::Site;
using game::Statement;
using mp::test::SiteCodeOptions;

constexpr const Site& kPageDecommit = *game::fn::kDecommitPage.site;
constexpr const Site& kGrow = *game::fn::kGrowBuffer.site;
constexpr const Site& kMalloc = *game::fn::kCrtMalloc.site;
constexpr const Site& kReallyFree = *game::fn::kMediaReallyFree.site;
constexpr Addr kOutside = 0x12345678;

std::string line(const SiteReport& report) {
    std::array<char, 512> text{};
    const std::size_t length = describe(report, text.data(), text.size());
    return {text.data(), length};
}

/// The game with one function written anew.
SyntheticImage with(const Site& site, SiteCodeOptions options) {
    SyntheticImage image = SyntheticImage::of_game();
    options.free_area = SyntheticImage::kFreeArea;
    image.put(site, options);
    return image;
}

void expect_shows_first_bytes(const SiteReport& report, const Site& site, const SyntheticImage& image) {
    ASSERT_EQ(report.byte_count, site.prologue.size);
    EXPECT_EQ(report.expected, site.prologue.bytes);
    EXPECT_EQ(report.mask, site.prologue.mask);
    EXPECT_EQ(std::memcmp(report.observed.data(), image.at(site.va, site.prologue.size), site.prologue.size), 0);
}

TEST(VerifySites, EverySiteOfTheUnmodifiedGameIsProvenByItsBytes) {
    const SyntheticImage image = SyntheticImage::of_game();
    for (const Site& site : game::kSites) {
        const SiteReport report = check(site, image);
        EXPECT_EQ(report.finding, Finding::ok) << line(report);
        EXPECT_EQ(report.proof, Proof::bytes) << line(report);
        EXPECT_EQ(report.site, site.va);
        EXPECT_EQ(report.address, site.va);
        EXPECT_GE(report.displaced, game::kJumpSize);
        EXPECT_EQ(report.bytes_popped, site.bytes_popped < 0 ? 4 : site.bytes_popped) << site.name;
    }
}

TEST(VerifySites, EverySiteWithSomethingCertainIsProvenByItsStructureAlone) {
    const SyntheticImage image = SyntheticImage::of_game();
    for (const Site& site : game::kSites) {
        const SiteReport report = check(site, image, Accept::structure);
        const bool provable = game::has_certain_structure(site);
        EXPECT_EQ(report.finding, Finding::ok) << line(report);
        EXPECT_EQ(report.proof, provable ? Proof::structure : Proof::bytes) << line(report);
    }
}

TEST(VerifySites, WhereOnlyTheFirstBytesAreCertainTheyDecide) {
    const Site& getter = *game::fn::kThreadScrapHeap.site;
    ASSERT_FALSE(game::has_certain_structure(getter));
    const SiteReport report = check(getter, with(getter, {.other_first_bytes = true}));
    EXPECT_EQ(report.finding, Finding::not_proven);
    EXPECT_NE(line(report).find("nothing else about it is certain"), std::string::npos) << line(report);
}

TEST(VerifySites, OtherFirstBytesOfTheSameMeaningAreTakenByStructure) {
    for (const Site& site : game::kSites) {
        if (site.va == game::fn::kNewSmallBlockRegion.va || !game::has_certain_structure(site)) {
            continue;  // the first bytes of the one have no second form
        }
        const SyntheticImage image = with(site, {.other_first_bytes = true});
        const SiteReport report = check(site, image);
        EXPECT_EQ(report.finding, Finding::ok) << line(report);
        EXPECT_EQ(report.proof, Proof::structure) << site.name;
        expect_shows_first_bytes(report, site, image);
    }
}

TEST(VerifySites, WildcardsAcceptEveryByteThatIsCode) {
    const Site& site = *game::fn::kNewSmallBlockRegion.site;
    ASSERT_EQ(site.prologue.mask[1], 0);
    SyntheticImage image = SyntheticImage::of_game();
    for (unsigned value = 0; value < 256; ++value) {
        image[site.va + 1] = static_cast<std::uint8_t>(value);
        EXPECT_EQ(check(site, image).proof, Proof::bytes) << value;
    }
}

TEST(VerifySites, TheFirstBytesThatMayMoveAreWholeInstructions) {
    const SyntheticImage image = SyntheticImage::of_game();
    EXPECT_EQ(check(kGrow, image).displaced, 6);
    EXPECT_EQ(check(kPageDecommit, image).displaced, 7);
    EXPECT_EQ(check(*game::fn::kHeapAllocate.site, image).displaced, 9);
    EXPECT_EQ(check(*game::fn::kCrtFree.site, image).displaced, 7);
    EXPECT_EQ(check(kMalloc, image).displaced, 5);
}

// --- what is certain -------------------------------------------------------------------------------------------------

/// A statement that can be broken by itself, in a function whose bytes prove it and in one whose bytes do not.
class BrokenStatement : public ::testing::TestWithParam<bool> {
protected:
    static void expect_declined(const Site& site, int index, const SiteReport& report) {
        const Statement& statement = site.statements.list[static_cast<std::size_t>(index)];
        EXPECT_EQ(report.finding, Finding::statement_fails) << site.name << " " << index << ": " << line(report);
        EXPECT_EQ(report.proof, Proof::none);
        EXPECT_EQ(report.statement.at, statement.at);
        EXPECT_EQ(report.statement.to, statement.to);
    }
    static bool has_other_bytes(const Site& site) { return site.va != game::fn::kNewSmallBlockRegion.va; }
    template <typename Break>
    static void for_each_statement(bool other_bytes, Break make) {
        for (const Site& site : game::kSites) {
            for (int i = 0; i < site.statements.count; ++i) {
                const bool others = other_bytes && has_other_bytes(site);
                SiteCodeOptions options{.other_first_bytes = others};
                if (make(site, i, options)) {
                    expect_declined(site, i, check(site, with(site, options)));
                }
            }
        }
    }
};

TEST_P(BrokenStatement, DeclinesWhenItIsLeftOut) {
    for_each_statement(GetParam(), [](const Site& site, int index, SiteCodeOptions& options) {
        options.leave_out = index;
        return site.statements.list[static_cast<std::size_t>(index)].kind != Statement::Kind::in_slot;
    });
}

TEST_P(BrokenStatement, DeclinesWhenItReachesSomethingElseOfTheGame) {
    for_each_statement(GetParam(), [](const Site& site, int index, SiteCodeOptions& options) {
        const Statement& statement = site.statements.list[static_cast<std::size_t>(index)];
        options.redirect = index;
        options.redirect_to = statement.kind == Statement::Kind::calls_import ? 0x00FDF118 : game::code::kOperatorNew;
        return statement.kind != Statement::Kind::enters_start && statement.to != options.redirect_to;
    });
}

INSTANTIATE_TEST_SUITE_P(ByBytesAndByStructure, BrokenStatement, ::testing::Bool(),
                         [](const auto& param_info) { return param_info.param ? "BytesDiffer" : "BytesMatch"; });

TEST(VerifyStatements, ARedirectedCallOfAnotherModuleIsForeign) {
    const SyntheticImage image = with(kGrow, {.redirect = 1, .redirect_to = kOutside});
    const SiteReport report = check(kGrow, image);
    EXPECT_EQ(report.finding, Finding::foreign);
    EXPECT_EQ(report.address, 0x00AA5E78U);
    EXPECT_EQ(report.jump_target, kOutside);
    EXPECT_STREQ(report.owner.data(), "other.dll");
}

TEST(VerifyStatements, ASlotOfAnotherModuleIsNamedWithItsOwner) {
    const Site& reserve = *game::fn::kReserveBacking.site;
    SyntheticImage image = SyntheticImage::of_game();
    image.put_dword(0x010A292C, kOutside);
    const SiteReport report = check(reserve, image);
    EXPECT_EQ(report.finding, Finding::statement_fails);
    EXPECT_EQ(report.address, 0x010A292CU);
    EXPECT_STREQ(report.owner.data(), "other.dll");
    EXPECT_EQ(line(report),
              "0x00AA79A0 HeapBacking::Reserve: the vtable slot at 0x010A292C leads to 0x12345678 (other.dll)");
}

TEST(VerifyStatements, ACallThroughARegisterHoldsAsOneThroughTheSlotDoes) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put(0x00ECD238, "8B 3D A0 F1 FD 00 FF D7 90 90 90 90");  // MOV EDI,[HeapAlloc]; CALL EDI at 0x00ECD23E
    EXPECT_EQ(check(kMalloc, image).proof, Proof::bytes);
    image[0x00ECD23A] = 0xA4;  // HeapFree
    EXPECT_EQ(check(kMalloc, image).finding, Finding::statement_fails);
}

TEST(VerifyStatements, WhereTheWalkEndsEarlyTheInstructionItselfIsAsked) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put(kGrow.va + 16, "FF E0");  // a jump that cannot be followed, before every call
    EXPECT_EQ(check(kGrow, image).proof, Proof::bytes);
    image[0x00AA5E52 + 2] ^= 0x04;
    EXPECT_EQ(check(kGrow, image).finding, Finding::statement_fails);
}

// --- popped bytes ----------------------------------------------------------------------------------------------------

TEST(PoppedBytes, AReturnThatPopsOtherwiseIsDeclinedAlsoWhenTheBytesMatch) {
    for (const Site& site : game::kSites) {
        if (site.bytes_popped == 0) {
            continue;
        }
        const SyntheticImage image = with(site, {.popped = 20});
        const SiteReport report = check(site, image);
        EXPECT_EQ(report.finding, Finding::pops_differ) << line(report);
        EXPECT_EQ(report.popped_found, 20);
    }
}

TEST(PoppedBytes, OfFunctionsThatPopNothingOnlyTheStructureIsAsked) {
    const Site& site = *game::fn::kFreeAllBuffers.site;
    const SyntheticImage image = with(site, {.popped = 4});
    EXPECT_EQ(check(site, image).proof, Proof::bytes);
    EXPECT_EQ(check(site, image, Accept::structure).finding, Finding::pops_differ);
}

TEST(PoppedBytes, EveryReturnIsAsked) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put(kGrow.va + 16, "74 03 C2 08 00");  // JE over a return of its own
    const SiteReport report = check(kGrow, image);
    EXPECT_EQ(report.finding, Finding::pops_differ);
    EXPECT_EQ(report.address, kGrow.va + 18);
    EXPECT_EQ(report.popped_found, 8);
}

TEST(PoppedBytes, AReturnThatIsCertainMustStandAtItsPlace) {
    const Site& create = *game::fn::kReserveBacking.site;
    ASSERT_EQ(create.main_return.confidence, game::Confidence::certain);
    SyntheticImage image = SyntheticImage::of_game();
    image.put(create.main_return.va - 3, "C2 08 00");  // three bytes earlier
    const SiteReport report = check(create, image);
    EXPECT_EQ(report.finding, Finding::pops_differ);
    EXPECT_EQ(report.address, create.main_return.va);
}

TEST(PoppedBytes, AReturnThatIsLikelyMayStandElsewhere) {
    ASSERT_EQ(kGrow.main_return.confidence, game::Confidence::likely);
    SyntheticImage image = SyntheticImage::of_game();
    image.put(kGrow.main_return.va - 3, "C2 0C 00");
    EXPECT_EQ(check(kGrow, image).proof, Proof::bytes);
}

TEST(PoppedBytes, WhereTheWalkTellsFourAndEightAreBelieved) {
    for (const int count : {4, 8}) {
        const SiteReport report = check(kPageDecommit, with(kPageDecommit, {.popped = count}));
        EXPECT_EQ(report.finding, Finding::ok);
        EXPECT_EQ(report.bytes_popped, count);
    }
    for (const int count : {0, 3, 12, 16, 0x104}) {
        const SiteReport report = check(kPageDecommit, with(kPageDecommit, {.popped = count}));
        EXPECT_EQ(report.finding, Finding::pops_differ) << count;
    }
}

TEST(PoppedBytes, WhereTheWalkTellsTwoReturnsMustAgree) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put(0x00AA666B, "74 03 C2 04 00 C2 08 00");
    EXPECT_EQ(check(kPageDecommit, image).finding, Finding::pops_differ);
    image.put(0x00AA666B, "74 03 C2 08 00 C2 08 00");
    EXPECT_EQ(check(kPageDecommit, image).bytes_popped, 8);
}

TEST(PoppedBytes, TheCertainReturnOfAFunctionThatPopsNothingIsPartOfItsStructure) {
    const Site& purge = *game::fn::kPurgeEmptyPages.site;
    SyntheticImage image = SyntheticImage::of_game();
    image.put(purge.main_return.va - 3, "C3");
    EXPECT_EQ(check(purge, image).proof, Proof::bytes);
    EXPECT_EQ(check(purge, image, Accept::structure).finding, Finding::pops_differ);
}

TEST(PoppedBytes, WithoutAReturnNothingIsProven) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put(0x00AA666B, "EB FE");
    const SiteReport report = check(kPageDecommit, image);
    EXPECT_EQ(report.finding, Finding::pops_differ);
    EXPECT_EQ(report.popped_found, -1);
}

// --- somebody else's code --------------------------------------------------------------------------------------------

struct JumpForm {
    const char* name;
    void (*write)(SyntheticImage& image, Addr va, Addr target);
};

const JumpForm kJumpForms[] = {
    {"E9", [](SyntheticImage& image, Addr va, Addr target) { image.put_relative(va, 0xE9, target); }},
    {"E8", [](SyntheticImage& image, Addr va, Addr target) { image.put_relative(va, 0xE8, target); }},
    {"EB to E9 in front",
     [](SyntheticImage& image, Addr va, Addr target) {
         image.put(va, "EB F9");
         image.put_relative(va - 5, 0xE9, target);
     }},
    {"FF 25",
     [](SyntheticImage& image, Addr va, Addr target) {
         image.put(va, "FF 25 00 00 F0 00");
         image.put_dword(0x00F00000, target);
     }},
    {"68 C3",
     [](SyntheticImage& image, Addr va, Addr target) {
         image.put(va, "68 00 00 00 00 C3");
         image.put_dword(va + 1, target);
     }},
};

class ForeignJump : public ::testing::TestWithParam<JumpForm> {};

TEST_P(ForeignJump, AtTheStartIsNamedWithItsTargetAndOwner) {
    const SyntheticImage unmodified = SyntheticImage::of_game();
    for (const Site* site : {&kGrow, &kMalloc}) {
        SyntheticImage image = unmodified;
        GetParam().write(image, site->va, kOutside);
        const SiteReport report = check(*site, image);
        EXPECT_EQ(report.finding, Finding::foreign) << line(report);
        EXPECT_EQ(report.jump_target, kOutside);
        EXPECT_STREQ(report.owner.data(), "other.dll");
        expect_shows_first_bytes(report, *site, image);
    }
}

TEST_P(ForeignJump, BehindMovEdiEdiIsNamedToo) {
    if (std::string_view(GetParam().name).starts_with("EB")) {
        GTEST_SKIP() << "its long jump would stand where MOV EDI,EDI is";
    }
    SyntheticImage image = SyntheticImage::of_game();
    GetParam().write(image, kMalloc.va + 2, kOutside);
    const SiteReport report = check(kMalloc, image);
    EXPECT_EQ(report.finding, Finding::foreign) << line(report);
    EXPECT_EQ(report.address, kMalloc.va + 2);
    EXPECT_EQ(report.jump_target, kOutside);
    EXPECT_STREQ(report.owner.data(), "other.dll");
}

TEST_P(ForeignJump, DeepInsideAFunctionWhoseBytesMatchIsNamedToo) {
    if (std::string_view(GetParam().name).starts_with("EB")) {
        GTEST_SKIP() << "its long jump would be walked into first";
    }
    SyntheticImage image = SyntheticImage::of_game();
    GetParam().write(image, kGrow.va + 24, kOutside);
    const SiteReport report = check(kGrow, image);
    EXPECT_EQ(report.finding, Finding::foreign) << line(report);
    EXPECT_EQ(report.address, kGrow.va + 24);
    EXPECT_EQ(report.jump_target, kOutside);
    EXPECT_STREQ(report.owner.data(), "other.dll");
    EXPECT_FALSE(report.bytes_differ);
}

INSTANTIATE_TEST_SUITE_P(EveryForm, ForeignJump, ::testing::ValuesIn(kJumpForms), [](const auto& param_info) {
    std::string name;
    for (const char c : std::string_view(param_info.param.name)) {
        name += c == ' ' ? '_' : c;
    }
    return name;
});

TEST(ForeignCode, AJumpInsideTheModuleIsTheGamesOwn) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put_relative(kGrow.va, 0xE9, SyntheticImage::kFreeArea);
    image.put(SyntheticImage::kFreeArea, "55 8B EC 83 EC 0C");
    image.put_relative(SyntheticImage::kFreeArea + 6, 0xE9, kGrow.va + 6);
    const SiteReport report = check(kGrow, image);
    EXPECT_EQ(report.proof, Proof::structure) << line(report);
    EXPECT_EQ(report.displaced, 5);
}

// --- the bytes that a hook displaces ---------------------------------------------------------------------------------

TEST(DisplacedBytes, ABreakpointAmongThemDeclines) {
    for (const Addr offset : {0U, 1U, 3U}) {
        SyntheticImage image = SyntheticImage::of_game();
        image[kGrow.va + offset] = 0xCC;
        const SiteReport report = check(kGrow, image);
        EXPECT_EQ(report.finding, Finding::breakpoint) << line(report);
        EXPECT_EQ(report.address, kGrow.va + offset);
        EXPECT_EQ(report.proof, Proof::none);
    }
    SyntheticImage image = SyntheticImage::of_game();
    image.put_relative(kGrow.va, 0xE9, SyntheticImage::kFreeArea);
    image.put(kGrow.va, "8B 0D CC CC CC CC");  // CC that is an operand
    EXPECT_EQ(check(kGrow, image).proof, Proof::structure);
}

TEST(DisplacedBytes, ABreakpointOnAPathThatTheOthersGoRoundIsNamed) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put(kGrow.va, "74 01 CC 90 90 90");
    const SiteReport report = check(kGrow, image);
    EXPECT_EQ(report.finding, Finding::breakpoint) << line(report);
    EXPECT_EQ(report.address, kGrow.va + 2);
}

TEST(DisplacedBytes, AJumpIntoThemDeclinesUnlessTheTableSaysSo) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put(kGrow.va + 16, "75 EF");  // back to +1
    const SiteReport report = check(kGrow, image);
    EXPECT_EQ(report.finding, Finding::start_entered) << line(report);
    EXPECT_EQ(report.address, kGrow.va + 1);
    const SiteReport stated = check(kReallyFree, image);
    EXPECT_EQ(stated.finding, Finding::ok) << line(stated);
    EXPECT_TRUE(stated.start_is_entered);
}

TEST(DisplacedBytes, AFunctionThatIsTooShortOrCannotBeMovedDeclines) {
    constexpr Addr kHere = 0x00500000;
    SyntheticImage image;
    image.put(kHere, "33 C0 C3");
    EXPECT_EQ(check(made_up_site(kHere, "33 C0 C3"), image).finding, Finding::start_is_fixed);
    image.put(kHere, "90 E2 01 90 90 90 C3");
    EXPECT_EQ(check(made_up_site(kHere, "90 E2 01 90 90"), image).finding, Finding::start_is_fixed);
}

TEST(DisplacedBytes, ABranchAmongThemCanBeMoved) {
    constexpr Addr kHere = 0x00500000;
    SyntheticImage image;
    image.put(kHere, "85 C0 74 05 90 90 90 90 90 90 C3");
    const SiteReport report = check(made_up_site(kHere, "85 C0 74 05 90"), image);
    EXPECT_EQ(report.finding, Finding::ok) << line(report);
    EXPECT_EQ(report.displaced, 5);
}

// --- what cannot be told ---------------------------------------------------------------------------------------------

TEST(VerifySites, OtherBytesWhoseWalkIsNotCompleteAreNotProven) {
    SyntheticImage image = with(kGrow, {.other_first_bytes = true});
    image.put(kGrow.va + 18, "74 02 FF E0");
    const SiteReport report = check(kGrow, image);
    EXPECT_EQ(report.finding, Finding::not_proven) << line(report);
    EXPECT_EQ(report.walk_problem, WalkProblem::unknown_target);
    EXPECT_EQ(report.address, kGrow.va + 20);
}

TEST(VerifySites, NonsenseIsNeverAccepted) {
    for (const Site& site : game::kSites) {
        SyntheticImage image = SyntheticImage::of_game();
        for (std::size_t i = 0; i < site.prologue.size; ++i) {
            image[site.va + static_cast<Addr>(i)] = static_cast<std::uint8_t>(0x61 + 0x35 * i);
        }
        EXPECT_NE(check(site, image).proof, Proof::bytes) << site.name;
    }
}

TEST(VerifySites, AnUnreadableStartNamesTheFirstAddressThatIs) {
    SyntheticImage image = SyntheticImage::of_game();
    image.punch_hole(kGrow.va + 5, kGrow.va + 0x1000);
    const SiteReport report = check(kGrow, image);
    EXPECT_EQ(report.finding, Finding::unreadable);
    EXPECT_EQ(report.address, kGrow.va + 5);
}

TEST(VerifySites, UnreadableCodeBehindTheStartIsNotProven) {
    SyntheticImage image = SyntheticImage::of_game();
    image.punch_hole(kPageDecommit.va + 30, kPageDecommit.va + 0x1000);
    EXPECT_NE(check(kPageDecommit, image).finding, Finding::ok) << "no return can be seen";
}

TEST(VerifyPointers, TheUnmodifiedSlotsAreAccepted) {
    const SyntheticImage image = SyntheticImage::of_game();
    for (const game::PointerSite& site : game::kPointerSites) {
        const SiteReport report = verify(site, image);
        EXPECT_EQ(report.finding, Finding::ok) << line(report);
        EXPECT_EQ(report.proof, Proof::bytes);
        EXPECT_EQ(report.bytes_popped, site.bytes_popped);
    }
}

TEST(VerifyPointers, AnotherValueIsNamedWithItsOwner) {
    for (const game::PointerSite& site : game::kPointerSites) {
        SyntheticImage image = SyntheticImage::of_game();
        image.put_dword(site.va, kOutside);
        SiteReport report = verify(site, image);
        name_owner(report, image);
        EXPECT_EQ(report.finding, Finding::pointer_differs);
        EXPECT_EQ(report.jump_target, kOutside);
        EXPECT_STREQ(report.owner.data(), "other.dll");
        EXPECT_EQ(report.byte_count, 4);
    }
}

TEST(VerifyPointers, AnUnreadableSlotIsDeclined) {
    SyntheticImage image = SyntheticImage::of_game();
    const game::PointerSite& site = game::kPointerSites[0];
    image.punch_hole(site.va + 3, site.va + 4);
    const SiteReport report = verify(site, image);
    EXPECT_EQ(report.finding, Finding::unreadable);
    EXPECT_EQ(report.address, site.va + 3);
}

// --- text ------------------------------------------------------------------------------------------------------------

TEST(SiteReportText, SaysHowASiteWasProven) {
    EXPECT_EQ(line(check(kGrow, SyntheticImage::of_game())), "0x00AA5E30 ScrapBuffer::Grow: proven by bytes");
    const std::string by_structure = line(check(kGrow, with(kGrow, {.other_first_bytes = true})));
    EXPECT_TRUE(by_structure.starts_with("0x00AA5E30 ScrapBuffer::Grow: proven by structure; expected 55 8B EC"))
        << by_structure;
}

TEST(SiteReportText, SaysSiteTargetOwnerExpectedAndFound) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put_relative(kGrow.va, 0xE9, kOutside);
    EXPECT_EQ(line(check(kGrow, image)),
              "0x00AA5E30 ScrapBuffer::Grow: foreign jump at 0x00AA5E30 to 0x12345678 (other.dll); expected 55 8B EC "
              "83 EC 0C 89 4D F4 C7 45 FC 00 00 00 00, found E9 43 F8 89 11 0C 89 4D F4 C7 45 FC 00 00 00 00");
}

TEST(SiteReportText, SaysWhichCallIsMissing) {
    EXPECT_EQ(
        line(check(kGrow, with(kGrow, {.leave_out = 0}))),
        "0x00AA5E30 ScrapBuffer::Grow: expected a call at 0x00AA5E52 that reaches 0x00FDF114 (VirtualAlloc), found "
        "none");
    EXPECT_EQ(
        line(check(kGrow, with(kGrow, {.redirect = 0, .redirect_to = game::import_slot::kVirtualFree}))),
        "0x00AA5E30 ScrapBuffer::Grow: expected a call at 0x00AA5E52 that reaches 0x00FDF114 (VirtualAlloc), found "
        "one of 0x00FDF10C (VirtualFree)");
}

TEST(SiteReportText, SaysWhichReturnPopsOtherwise) {
    EXPECT_EQ(line(check(kGrow, with(kGrow, {.popped = 8}))),
              "0x00AA5E30 ScrapBuffer::Grow: the return at 0x00AA5E85 pops 8 bytes, expected to pop 12");
}

TEST(SiteReportText, ShowsWildcards) {
    const Site& site = *game::fn::kNewSmallBlockRegion.site;
    SyntheticImage image = SyntheticImage::of_game();
    image[site.va + 5] = 0x57;
    EXPECT_NE(line(check(site, image)).find("expected A1 ?? ?? ?? ?? 56"), std::string::npos);
}

TEST(SiteReportText, IsCutOffAndTerminatedInEveryBuffer) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put_relative(kGrow.va, 0xE9, kOutside);
    const SiteReport report = check(kGrow, image);
    const std::string whole = line(report);
    for (std::size_t capacity = 1; capacity < whole.size() + 2; ++capacity) {
        std::string buffer(capacity + 1, '#');
        const std::size_t length = describe(report, buffer.data(), capacity);
        ASSERT_EQ(length, std::min(capacity - 1, whole.size()));
        EXPECT_EQ(buffer.substr(0, length), whole.substr(0, length));
        EXPECT_EQ(buffer[length], '\0');
        EXPECT_EQ(buffer[capacity], '#');
    }
    EXPECT_EQ(describe(report, nullptr, 0), 0U);
}

// --- functions that are called ---------------------------------------------------------------------------------------

constexpr const game::Helper& kHelper = game::helper(game::fn::kIoReleaseSemaphore.va);
constexpr Addr kHelperReturn = kHelper.va + 0x1B;

SiteReport check_helper(const SyntheticImage& image) {
    static Walk walk;
    return verify(kHelper, image, walk);
}

TEST(VerifyHelpers, WhatIsCalledIsProvenByItsReturnsWhateverItsBytesAre) {
    SyntheticImage image = SyntheticImage::of_game();
    EXPECT_EQ(check_helper(image).proof, Proof::structure);
    image.put(kHelper.va, "53 5B");  // push ebx; pop ebx
    EXPECT_EQ(check_helper(image).proof, Proof::structure);
}

TEST(VerifyHelpers, AReturnThatPopsSomethingElseIsNoProof) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put(kHelperReturn, "C2 08 00");
    const SiteReport report = check_helper(image);
    EXPECT_EQ(report.finding, Finding::pops_differ) << line(report);
    EXPECT_EQ(report.address, kHelperReturn);
    EXPECT_EQ(report.popped_found, 8);
}

TEST(VerifyHelpers, AFunctionThatSomebodyElseHasHookedIsNotCalled) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put_relative(kHelper.va, 0xE9, kOutside);
    EXPECT_EQ(check_helper(image).finding, Finding::foreign);
}

TEST(VerifyHelpers, APathThatCannotBeWalkedIsNoProof) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put(kHelper.va + 0x18, "FF E0");  // jmp eax
    EXPECT_EQ(check_helper(image).finding, Finding::not_proven);
}

}  // namespace
}  // namespace mp::patch::test
