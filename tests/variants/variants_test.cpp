// Two hundred variants of the stand-in's executable: each differs where first bytes are only likely, and each is proven
// whole.
#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "game/functions.h"
#include "mpnvse/check.h"
#include "mpnvse/files.h"
#include "support/program_file.h"
#include "support/variants.h"

namespace mp::test {
namespace {

using patch::Accept;
using patch::Proof;

const tools::Bytes& built_file() {
    static const tools::Bytes file = tools::read_file(MP_STANDIN_FILE).value();
    return file;
}

bool is_varied(game::Addr va) {
    return std::ranges::find(varied_functions(), va) != varied_functions().end();
}

/// The same checks on every row, also on those that are never replaced.
patch::SiteReport verified(const game::Site& site, const patch::Image& image, Accept accept) {
    static patch::Walk walk;
    return patch::verify(site, image, walk, accept);
}

std::string described(const patch::SiteReport& report) {
    std::array<char, 512> text{};
    patch::describe(report, text.data(), text.size());
    return text.data();
}

TEST(Variants, TheBuiltFileIsProvenWholeByBytesAndByStructure) {
    for (const Accept accept : {Accept::bytes_or_structure, Accept::structure}) {
        const tools::CheckResult result = tools::check(built_file(), {.accept = accept, .hash = false});
        EXPECT_EQ(result.would_be_replaced(), game::kMissionCount) << result.reason;
        EXPECT_EQ(result.front_doors(), game::kFrontDoorCount);
        for (const tools::GroupCheck& group : result.groups) {
            EXPECT_TRUE(group.fits()) << group.problem;
        }
        const ProgramFile program(built_file());
        for (const game::Site& site : game::kSites) {
            const patch::SiteReport report = verified(site, program, accept);
            const bool structure = accept == Accept::structure && game::has_certain_structure(site);
            EXPECT_EQ(report.proof, structure ? Proof::structure : Proof::bytes) << described(report);
        }
    }
}

TEST(Variants, EveryFunctionWhoseFirstBytesAreOnlyLikelyIsRewrittenAndNoOther) {
    std::vector<game::Addr> likely;
    for (const game::Site& site : game::kSites) {
        if (site.prologue_confidence == game::Confidence::likely) {
            likely.push_back(site.va);
        }
    }
    EXPECT_THAT(varied_functions(), testing::ElementsAreArray(likely));
}

TEST(Variants, TheSameSeedGivesTheSameVariantAndAnotherFileIsRefused) {
    const tools::Bytes variant = variant_of(built_file(), 1);
    EXPECT_EQ(variant, variant_of(built_file(), 1));
    EXPECT_NE(variant, variant_of(built_file(), 2));
    EXPECT_THROW(static_cast<void>(variant_of(variant, 1)), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(variant_of({}, 1)), std::invalid_argument);
}

/// Every row of a variant, whether it is ever replaced or not.
void expect_rows_proven(const ProgramFile& program) {
    for (const game::Site& site : game::kSites) {
        const patch::SiteReport report = verified(site, program, Accept::bytes_or_structure);
        EXPECT_EQ(report.finding, patch::Finding::ok) << described(report);
        EXPECT_EQ(report.bytes_differ, is_varied(site.va)) << described(report);
        EXPECT_EQ(report.proof, is_varied(site.va) ? Proof::structure : Proof::bytes) << described(report);
    }
}

void expect_all_replaced(const tools::CheckResult& result) {
    EXPECT_EQ(result.would_be_replaced(), game::kMissionCount) << result.reason;
    EXPECT_EQ(result.front_doors(), game::kFrontDoorCount);
    for (const tools::GroupCheck& group : result.groups) {
        EXPECT_TRUE(group.fits()) << group.problem;
        const auto varied = std::ranges::count_if(
            group.sites, [](const tools::SiteCheck& site) { return is_varied(site.report.site); });
        EXPECT_EQ(group.by_structure, static_cast<std::size_t>(varied)) << game::group_name(group.group);
    }
}

TEST(Variants, TwoHundredVariantsAreProvenWholeAndTheirLikelyRowsByStructure) {
    constexpr std::uint32_t kVariants = 200;
    // Different first bytes of a row among the 200: from 159 (ScrapHeapManager::RequestBuffer) to all 200.
    constexpr std::size_t kLeastBeginnings = 159;
    std::vector<std::set<std::string>> beginnings(varied_functions().size());
    for (std::uint32_t seed = 1; seed <= kVariants && !HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const ProgramFile program(variant_of(built_file(), seed));
        expect_all_replaced(tools::check(program.bytes(), {.hash = false}));
        expect_rows_proven(program);
        for (std::size_t i = 0; i < beginnings.size(); ++i) {
            const game::Site& site = *game::find_site(varied_functions()[i]);
            const auto* first = program.at(site.va, site.prologue.size);
            beginnings[i].emplace(first, first + site.prologue.size);
        }
    }
    for (std::size_t i = 0; i < beginnings.size(); ++i) {
        const game::Site& site = *game::find_site(varied_functions()[i]);
        EXPECT_GE(beginnings[i].size(), kLeastBeginnings) << site.name;
    }
}

TEST(Variants, AVariantWhoseDecommitPopsEightBytesIsProvenWithEight) {
    const game::Site& site = *game::fn::kDecommitPage.site;
    static patch::Walk walk;
    ProgramFile program(variant_of(built_file(), 1));
    walk.run(program, site.va);
    const auto ret = std::ranges::find(walk.steps(), patch::Flow::ret, &patch::Step::flow);
    ASSERT_NE(ret, walk.steps().end());
    EXPECT_EQ(verified(site, program, Accept::structure).bytes_popped, 4);
    program.edit(ret->va + 1, 1)[0] = 8;
    const patch::SiteReport report = verified(site, program, Accept::structure);
    EXPECT_EQ(report.proof, Proof::structure) << described(report);
    EXPECT_EQ(report.bytes_popped, 8);
    EXPECT_EQ(tools::check(program.bytes(), {.hash = false}).would_be_replaced(), game::kMissionCount);
}

}  // namespace
}  // namespace mp::test
