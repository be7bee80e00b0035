#include "patch/verify.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "synthetic_image.h"

namespace mp::patch::test {
namespace {

using game::ReturnCheck;
using game::Site;

constexpr const Site& kPageDecommit = game::site(0x00AA6650);
constexpr const Site& kGrow = game::site(0x00AA5E30);
constexpr const Site& kMalloc = game::site(0x00ECD1C7);

std::string line(const SiteReport& report) {
    std::array<char, 512> text{};
    const std::size_t length = describe(report, text.data(), text.size());
    return {text.data(), length};
}

/// Compares what a report shows with the pattern and the image.
void expect_shows(const SiteReport& report, const game::BytePattern& pattern, const SyntheticImage& image, Addr from) {
    ASSERT_EQ(report.byte_count, pattern.size);
    EXPECT_EQ(report.expected, pattern.bytes);
    EXPECT_EQ(report.mask, pattern.mask);
    EXPECT_EQ(std::memcmp(report.observed.data(), image.at(from, pattern.size), pattern.size), 0);
}

TEST(VerifySites, EverySiteOfTheUnmodifiedGameIsAccepted) {
    const SyntheticImage image = SyntheticImage::of_game();
    for (const Site& site : game::kSites) {
        const SiteReport report = verify(site, image);
        EXPECT_EQ(report.finding, Finding::ok) << line(report);
        EXPECT_EQ(report.site, site.va);
        EXPECT_EQ(report.address, site.va);
    }
}

TEST(VerifySites, PoppedBytesAreTheTablesUnlessTheEpilogueTells) {
    const SyntheticImage image = SyntheticImage::of_game();
    for (const Site& site : game::kSites) {
        const bool told = site.returns.kind == ReturnCheck::Kind::within && site.bytes_popped < 0;
        EXPECT_EQ(verify(site, image).bytes_popped, told ? 4 : site.bytes_popped) << site.name;
    }
}

TEST(VerifySites, EveryChangedByteOfAPrologueIsNamed) {
    SyntheticImage image = SyntheticImage::of_game();
    for (const Site& site : game::kSites) {
        for (std::size_t i = 0; i < site.prologue.size; ++i) {
            if (site.prologue.mask[i] == 0) {
                continue;
            }
            const Addr va = site.va + static_cast<Addr>(i);
            image[va] ^= 0x01;
            const SiteReport report = verify(site, image);
            EXPECT_EQ(report.finding, Finding::prologue_differs) << line(report);
            EXPECT_EQ(report.address, va);
            expect_shows(report, site.prologue, image, site.va);
            image[va] ^= 0x01;
        }
    }
}

TEST(VerifySites, WildcardsAcceptEveryByte) {
    SyntheticImage image = SyntheticImage::of_game();
    std::size_t wildcards = 0;
    for (const Site& site : game::kSites) {
        for (std::size_t i = 0; i < site.prologue.size; ++i) {
            if (site.prologue.mask[i] != 0) {
                continue;
            }
            ++wildcards;
            for (unsigned value = 0; value < 256; ++value) {
                image[site.va + static_cast<Addr>(i)] = static_cast<std::uint8_t>(value);
                EXPECT_EQ(verify(site, image).finding, Finding::ok) << site.name << " " << i << " " << value;
            }
        }
    }
    EXPECT_GT(wildcards, 0U);
}

TEST(VerifySites, EveryChangedByteOfAReturnInstructionIsNamed) {
    SyntheticImage image = SyntheticImage::of_game();
    for (const Site& site : game::kSites) {
        if (site.returns.kind != ReturnCheck::Kind::at) {
            continue;
        }
        for (std::size_t i = 0; i < site.returns.pattern.size; ++i) {
            const Addr va = site.returns.from + static_cast<Addr>(i);
            image[va] ^= 0x04;
            const SiteReport report = verify(site, image);
            EXPECT_EQ(report.finding, Finding::return_differs) << line(report);
            EXPECT_EQ(report.address, va);
            expect_shows(report, site.returns.pattern, image, site.returns.from);
            image[va] ^= 0x04;
        }
    }
}

TEST(VerifySites, TheTablesReturnInstructionsPopWhatTheTableSays) {
    for (const Site& site : game::kSites) {
        if (site.returns.kind != ReturnCheck::Kind::at) {
            continue;
        }
        const game::BytePattern& code = site.returns.pattern;
        if (code.size == 1) {
            EXPECT_EQ(code.bytes[0], 0xC3) << site.name;
            EXPECT_EQ(site.bytes_popped, 0) << site.name;
        } else {
            EXPECT_EQ(code.size, 3) << site.name;
            EXPECT_EQ(code.bytes[0], 0xC2) << site.name;
            EXPECT_EQ(code.bytes[1] + code.bytes[2] * 256, site.bytes_popped) << site.name;
        }
    }
}

TEST(VerifySites, NoDisplacedInstructionHasARelativeOperand) {
    for (const Site& site : game::kSites) {
        const std::size_t stolen = site.instruction_starts.at_least(game::kJumpSize);
        for (std::size_t i = 0; site.instruction_starts.offset[i] < stolen; ++i) {
            const std::size_t at = site.instruction_starts.offset[i];
            const unsigned opcode = site.prologue.bytes[at];
            const bool branch = opcode == 0xE8 || opcode == 0xE9 || opcode == 0xEB ||
                                (opcode >= 0x70 && opcode <= 0x7F) || (opcode >= 0xE0 && opcode <= 0xE3) ||
                                (opcode == 0x0F && (site.prologue.bytes[at + 1] & 0xF0) == 0x80);
            EXPECT_FALSE(branch) << site.name << " +" << at;
            EXPECT_NE(site.prologue.mask[at], 0) << site.name << " +" << at << ": an opcode is a wildcard";
        }
    }
}

TEST(EpilogueThatTells, FourAndEightAreBelieved) {
    for (const int count : {4, 8}) {
        const SyntheticImage image = SyntheticImage::of_game(static_cast<std::uint8_t>(count));
        const SiteReport report = verify(kPageDecommit, image);
        EXPECT_EQ(report.finding, Finding::ok);
        EXPECT_EQ(report.bytes_popped, count);
    }
}

TEST(EpilogueThatTells, EveryOtherCountIsDeclined) {
    SyntheticImage image = SyntheticImage::of_game();
    for (unsigned count = 0; count < 256; ++count) {
        if (count == 4 || count == 8) {
            continue;
        }
        image[kPageDecommit.returns.from + 4] = static_cast<std::uint8_t>(count);
        const SiteReport report = verify(kPageDecommit, image);
        EXPECT_EQ(report.finding, Finding::return_differs) << count;
        EXPECT_EQ(report.address, kPageDecommit.returns.from + 4);
        expect_shows(report, kPageDecommit.returns.pattern, image, kPageDecommit.returns.from);
    }
}

TEST(EpilogueThatTells, ItIsFoundAnywhereInItsRangeAndNowhereElse) {
    constexpr Addr kLength = 6;
    const Addr begin = kPageDecommit.returns.from;
    const Addr end = kPageDecommit.returns.to;
    SyntheticImage image;  // nothing but this one function: its neighbours stand too close
    image.put(kPageDecommit.va, kPageDecommit.prologue);
    for (Addr va = begin - kLength; va < end + kLength; ++va) {
        image.put(va, "8B E5 5D C2 08 00");
        const bool inside = va >= begin && va + kLength <= end;
        EXPECT_EQ(verify(kPageDecommit, image).finding, inside ? Finding::ok : Finding::return_differs)
            << std::hex << va;
        image.put(va, "CC CC CC CC CC CC");
    }
}

TEST(EpilogueThatTells, TwoOfThemProveNothing) {
    SyntheticImage image = SyntheticImage::of_game();
    const Addr second = kPageDecommit.returns.from + 8;
    image.put(second, "8B E5 5D C2 04 00");
    const SiteReport report = verify(kPageDecommit, image);
    EXPECT_EQ(report.finding, Finding::return_differs);
    EXPECT_EQ(report.address, second);
}

TEST(EpilogueThatTells, EachOfItsFixedBytesMatters) {
    for (const Addr i : {0U, 1U, 2U, 3U, 5U}) {
        SyntheticImage image = SyntheticImage::of_game();
        image[kPageDecommit.returns.from + i] ^= 0x01;
        const SiteReport report = verify(kPageDecommit, image);
        EXPECT_EQ(report.finding, Finding::return_differs) << i;
        EXPECT_EQ(report.address, kPageDecommit.returns.from);
    }
}

TEST(EpilogueThatTells, AFixedCountMustBeTheTables) {
    Site site = kPageDecommit;
    site.bytes_popped = 12;
    EXPECT_EQ(verify(site, SyntheticImage::of_game(12)).finding, Finding::ok);
    EXPECT_EQ(verify(site, SyntheticImage::of_game(4)).finding, Finding::return_differs);
}

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

TEST(ForeignJump, EachFormIsNamedWithItsTargetAndOwner) {
    constexpr Addr kTarget = 0x12345678;
    const SyntheticImage unmodified = SyntheticImage::of_game();
    for (const JumpForm& form : kJumpForms) {
        for (const Site* site : {&kGrow, &kMalloc}) {
            SyntheticImage image = unmodified;
            form.write(image, site->va, kTarget);
            const SiteReport report = verify(*site, image);
            EXPECT_EQ(report.finding, Finding::foreign) << form.name << ": " << line(report);
            EXPECT_EQ(report.address, site->va);
            EXPECT_EQ(report.jump_target, kTarget) << form.name;
            EXPECT_STREQ(report.owner.data(), "other.dll");
            expect_shows(report, site->prologue, image, site->va);
        }
    }
}

TEST(ForeignJump, BehindMovEdiEdiItIsNamedToo) {
    constexpr Addr kTarget = 0x12345678;
    for (const JumpForm& form : kJumpForms) {
        if (std::string_view(form.name).starts_with("EB")) {
            continue;  // its long jump would stand where MOV EDI,EDI is
        }
        SyntheticImage image = SyntheticImage::of_game();
        form.write(image, kMalloc.va + 2, kTarget);
        const SiteReport report = verify(kMalloc, image);
        EXPECT_EQ(report.finding, Finding::foreign) << form.name << ": " << line(report);
        EXPECT_EQ(report.address, kMalloc.va + 2);
        EXPECT_EQ(report.jump_target, kTarget) << form.name;
        EXPECT_STREQ(report.owner.data(), "other.dll");
    }
}

TEST(ForeignJump, DeeperInsideItIsUnknownBytes) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put_relative(kGrow.va + 6, 0xE9, 0x12345678);
    const SiteReport report = verify(kGrow, image);
    EXPECT_EQ(report.finding, Finding::prologue_differs);
    EXPECT_EQ(report.address, kGrow.va + 6);
    EXPECT_EQ(report.jump_target, 0U);
}

TEST(ForeignJump, AFunctionsOwnFirstCallIsNone) {
    constexpr Addr kHere = 0x00500000;
    Site site{};
    site.va = kHere;
    site.prologue = pattern("E8 00 00 00 00 58 83 C0 10 C3");
    SyntheticImage image;
    image.put(site);
    image[kHere + 8] = 0x11;
    EXPECT_EQ(verify(site, image).finding, Finding::prologue_differs);
    image.put_relative(kHere, 0xE8, 0x12345678);
    EXPECT_EQ(verify(site, image).finding, Finding::foreign);
}

TEST(ForeignJump, AnIndirectOneThroughUnreadableMemoryHasNoTarget) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put(kGrow.va, "FF 25 00 00 00 70");
    const SiteReport report = verify(kGrow, image);
    EXPECT_EQ(report.finding, Finding::foreign);
    EXPECT_EQ(report.jump_target, 0U);
}

TEST(VerifySites, AnUnreadablePrologueNamesTheFirstAddressThatIs) {
    SyntheticImage image = SyntheticImage::of_game();
    image.punch_hole(kGrow.va + 5, kGrow.va + 0x1000);
    const SiteReport report = verify(kGrow, image);
    EXPECT_EQ(report.finding, Finding::unreadable);
    EXPECT_EQ(report.address, kGrow.va + 5);
}

TEST(VerifySites, AnUnreadableReturnNamesItsAddress) {
    SyntheticImage image = SyntheticImage::of_game();
    image.punch_hole(kGrow.returns.from + 1, kGrow.returns.from + 2);
    const SiteReport report = verify(kGrow, image);
    EXPECT_EQ(report.finding, Finding::unreadable);
    EXPECT_EQ(report.address, kGrow.returns.from + 1);
}

TEST(VerifyPointers, TheUnmodifiedSlotsAreAccepted) {
    const SyntheticImage image = SyntheticImage::of_game();
    for (const game::PointerSite& site : game::kPointerSites) {
        const SiteReport report = verify(site, image);
        EXPECT_EQ(report.finding, Finding::ok) << line(report);
        EXPECT_EQ(report.bytes_popped, site.bytes_popped);
    }
}

TEST(VerifyPointers, AnotherValueIsNamedWithItsOwner) {
    for (const game::PointerSite& site : game::kPointerSites) {
        SyntheticImage image = SyntheticImage::of_game();
        image.put_dword(site.va, 0x12345678);
        const SiteReport report = verify(site, image);
        EXPECT_EQ(report.finding, Finding::pointer_differs);
        EXPECT_EQ(report.jump_target, 0x12345678U);
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

TEST(SiteReportText, SaysSiteTargetOwnerExpectedAndFound) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put_relative(kGrow.va, 0xE9, 0x12345678);
    EXPECT_EQ(
        line(verify(kGrow, image)),
        "0x00AA5E30 ScrapBuffer::Grow: foreign jump to 0x12345678 (other.dll); expected 55 8B EC 83 EC 0C 89 4D F4 C7 "
        "45 FC 00 00 00 00, found E9 43 F8 89 11 0C 89 4D F4 C7 45 FC 00 00 00 00");
}

TEST(SiteReportText, SaysWhereAReturnInstructionDiffers) {
    SyntheticImage image = SyntheticImage::of_game();
    image[0x00AA5E86] = 0x08;
    EXPECT_EQ(
        line(verify(kGrow, image)),
        "0x00AA5E30 ScrapBuffer::Grow: return instruction differs at 0x00AA5E86; expected C2 0C 00, found C2 08 00");
}

TEST(SiteReportText, ShowsWildcards) {
    SyntheticImage image = SyntheticImage::of_game();
    image[0x009FB170] = 0x90;
    EXPECT_NE(line(verify(game::site(0x009FB170), image)).find("41 1C 83 ?? 2C, found 90 8B"), std::string::npos);
}

TEST(SiteReportText, IsCutOffAndTerminatedInEveryBuffer) {
    SyntheticImage image = SyntheticImage::of_game();
    image[kGrow.va] = 0x90;
    const SiteReport report = verify(kGrow, image);
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

}  // namespace
}  // namespace mp::patch::test
