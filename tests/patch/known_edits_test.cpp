#include "patch/known_edits.h"

#include <gtest/gtest.h>

#include <string>

#include "patch/verify.h"
#include "synthetic_image.h"

namespace mp::patch::test {
namespace {

TEST(KnownEdits, NoneIsPresentInTheUnmodifiedGame) {
    const SyntheticImage image = SyntheticImage::of_game();
    for (const EditReport& report : known_edits(image)) {
        EXPECT_TRUE(report.readable);
        EXPECT_FALSE(report.present) << report.edit->what;
    }
}

TEST(KnownEdits, EachIsFoundWithItsBytesAndNoOther) {
    for (std::size_t i = 0; i < kKnownEditCount; ++i) {
        SyntheticImage image = SyntheticImage::of_game();
        const game::KnownEdit& edit = game::kKnownEdits[i];
        const Addr last = edit.va + edit.size - 1U;
        image[last] = 0xEB;
        const auto reports = known_edits(image);
        for (std::size_t j = 0; j < kKnownEditCount; ++j) {
            EXPECT_EQ(reports[j].present, i == j);
        }
        EXPECT_EQ(reports[i].observed[edit.size - 1U], 0xEB);
    }
}

TEST(KnownEdits, AnUnreadableOneIsNotPresent) {
    SyntheticImage image = SyntheticImage::of_game();
    image.punch_hole(game::data::kDefaultHeapReserve, 0x00866EA4);
    const EditReport report = known_edits(image)[0];
    EXPECT_FALSE(report.readable);
    EXPECT_FALSE(report.present);
}

TEST(KnownEdits, AllOfThemTogetherDisturbNoSite) {
    SyntheticImage image = SyntheticImage::of_game();
    for (const game::KnownEdit& edit : game::kKnownEdits) {
        for (Addr i = 0; i < edit.size; ++i) {
            image[edit.va + i] ^= 0xFF;
        }
    }
    for (const game::Site& site : game::kSites) {
        EXPECT_EQ(check(site, image).finding, Finding::ok) << site.name;
    }
}

TEST(KnownEdits, NoSitesJumpTouchesOne) {
    const SyntheticImage image = SyntheticImage::of_game();
    for (const game::Site& site : game::kSites) {
        EXPECT_FALSE(overlaps_known_edit(site.va, check(site, image).displaced)) << site.name;
    }
    EXPECT_TRUE(overlaps_known_edit(0x00866E9F, 2));
    EXPECT_TRUE(overlaps_known_edit(0x00866EA3, 1));
    EXPECT_FALSE(overlaps_known_edit(0x00866E9F, 1));
    EXPECT_FALSE(overlaps_known_edit(0x00866EA4, 100));
}

TEST(KnownEdits, TheTextSaysWhoAndWhat) {
    SyntheticImage image = SyntheticImage::of_game();
    image.put_dword(game::data::kDefaultHeapReserve, 500U << 20);
    std::array<char, 256> text{};
    describe(known_edits(image)[0], text.data(), text.size());
    EXPECT_STREQ(text.data(),
                 "0x00866EA0 changed by xNVSE (reserve of the Default heap, setting DefaultHeapInitialAllocMB): "
                 "00 00 40 1F");
}

}  // namespace
}  // namespace mp::patch::test
