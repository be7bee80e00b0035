// Mutants of a variant, so that no function's first bytes prove it: in each, one thing that is certain about one
// function does not hold. It declines that function's group and nothing else.
#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "game/functions.h"
#include "mpnvse/check.h"
#include "mpnvse/files.h"
#include "mutants.h"
#include "support/program_file.h"

namespace mp::test {
namespace {

using game::Group;
using game::Site;
using patch::Finding;
using Findings = std::vector<Finding>;
using MakeMutants = Mutants (*)(const Site&, const ProgramFile&);

const ProgramFile& base() {
    constexpr std::uint32_t kSeed = 525;
    static const ProgramFile program = program_without_known_bytes(tools::read_file(MP_STANDIN_FILE).value(), kSeed);
    return program;
}

std::string described(const patch::SiteReport& report) {
    std::array<char, 512> text{};
    patch::describe(report, text.data(), text.size());
    return text.data();
}

void apply(const Mutant& mutant, ProgramFile& program) {
    for (const Change& change : mutant.changes) {
        std::ranges::copy(change.bytes, program.edit(change.va, change.bytes.size()).begin());
    }
}

void take_back(const Mutant& mutant, ProgramFile& program) {
    for (const Change& change : mutant.changes) {
        std::ranges::copy(std::span(base().at(change.va, change.bytes.size()), change.bytes.size()),
                          program.edit(change.va, change.bytes.size()).begin());
    }
}

/// What is found of the mutant's function, and that nothing is found of any other one.
void expect_only_this_row_fails(const Mutant& mutant, ProgramFile& program, const Findings& findings) {
    static patch::Walk walk;
    apply(mutant, program);
    for (const Site& site : game::kSites) {
        const patch::SiteReport report = patch::verify(site, program, walk);
        EXPECT_EQ(report.bytes_differ, game::has_certain_structure(site)) << described(report);
        if (&site == mutant.site) {
            EXPECT_THAT(findings, testing::Contains(report.finding)) << described(report);
            EXPECT_TRUE(report.finding != Finding::statement_fails || mutant.statement.at == 0 ||
                        report.statement.to == mutant.statement.to)
                << described(report);
        } else {
            EXPECT_EQ(report.finding, Finding::ok) << described(report);
        }
    }
    take_back(mutant, program);
}

/// `mpnvse check` on a program with these mutants, at most one a group: each declines its group by its own row.
void expect_only_these_groups_declined(const std::map<Group, const Mutant*>& mutants, ProgramFile& program) {
    for (const auto& [group, mutant] : mutants) {
        apply(*mutant, program);
    }
    const tools::CheckResult result = tools::check(program.bytes(), {.hash = false});
    for (const tools::GroupCheck& group : result.groups) {
        const auto found = mutants.find(group.group);
        EXPECT_EQ(group.fits(), found == mutants.end()) << game::group_name(group.group) << ": " << group.problem;
        EXPECT_EQ(group.mismatches, found != mutants.end() ? 1U : 0U) << group.problem;
        for (const tools::SiteCheck& site : group.sites) {
            const bool mutated = found != mutants.end() && site.report.site == found->second->site->va;
            EXPECT_EQ(site.report.finding != Finding::ok, mutated) << described(site.report);
        }
    }
    for (const auto& [group, mutant] : mutants) {
        take_back(*mutant, program);
    }
}

/// Groups of which the check says something: not those whose functions are never replaced.
bool is_checked(Group group) {
    static const std::vector<Group> checked = [] {
        std::vector<Group> groups;
        for (const tools::GroupCheck& each : tools::check(base().bytes(), {.hash = false}).groups) {
            groups.push_back(each.group);
        }
        return groups;
    }();
    return std::ranges::find(checked, group) != checked.end();
}

/// Makes the mutants of every row and looks at them. Each mutant of a row that is replaced is in one check. Returns how
/// many there were.
std::size_t expect_declined(MakeMutants make, const Findings& findings) {
    ProgramFile program = base();
    std::map<Group, Mutants> waiting;
    std::size_t count = 0;
    for (const Site& site : game::kSites) {
        if (!game::has_certain_structure(site)) {
            continue;
        }
        for (Mutant& mutant : make(site, base())) {
            EXPECT_FALSE(mutant.changes.empty()) << site.name;
            expect_only_this_row_fails(mutant, program, findings);
            ++count;
            if (is_checked(site.group)) {
                waiting[site.group].push_back(std::move(mutant));
            }
        }
    }
    for (std::size_t round = 0;; ++round) {
        std::map<Group, const Mutant*> batch;
        for (const auto& [group, mutants] : waiting) {
            if (round < mutants.size()) {
                batch[group] = &mutants[round];
            }
        }
        if (batch.empty()) {
            return count;
        }
        expect_only_these_groups_declined(batch, program);
    }
}

/// Statements of the table that `wanted` asks for.
std::size_t statements(std::initializer_list<game::Statement::Kind> wanted) {
    std::size_t count = 0;
    for (const Site& site : game::kSites) {
        count += static_cast<std::size_t>(std::ranges::count_if(site.statements, [&](const game::Statement& statement) {
            return std::ranges::find(wanted, statement.kind) != wanted.end();
        }));
    }
    return count;
}

using Kind = game::Statement::Kind;

/// Rows that their structure can prove.
std::size_t rows() {
    return static_cast<std::size_t>(std::ranges::count_if(game::kSites, &game::has_certain_structure));
}

TEST(Mutants, TheProgramThatTheyAreMadeFromIsProvenWholeByStructureAlone) {
    static patch::Walk walk;
    const tools::CheckResult result = tools::check(base().bytes(), {.hash = false});
    EXPECT_EQ(result.would_be_replaced(), game::kMissionCount) << result.reason;
    EXPECT_EQ(result.front_doors(), game::kFrontDoorCount);
    for (const Site& site : game::kSites) {
        const patch::SiteReport report = patch::verify(site, base(), walk);
        EXPECT_EQ(report.proof, game::has_certain_structure(site) ? patch::Proof::structure : patch::Proof::bytes)
            << described(report);
    }
}

TEST(Mutants, AStatementThatHoldsForSomethingElseDeclinesItsGroupOnly) {
    EXPECT_EQ(expect_declined(&with_statements_redirected, {Finding::statement_fails}),
              statements({Kind::calls, Kind::calls_import, Kind::in_slot, Kind::enters_start}));
}

TEST(Mutants, AMissingCallDeclinesItsGroupOnly) {
    EXPECT_EQ(expect_declined(&with_calls_missing, {Finding::statement_fails}),
              statements({Kind::calls, Kind::calls_import}));
}

TEST(Mutants, ARegisterThatOnePathDoesNotLoadDeclinesItsGroupOnly) {
    // malloc calls HeapAlloc by EDI, __sbh_free_block calls VirtualFree twice by ESI.
    EXPECT_EQ(expect_declined(&with_register_not_loaded, {Finding::statement_fails}), 2 * 3U);
}

TEST(Mutants, AJumpIntoTheDisplacedBytesDeclinesItsGroupOnly) {
    EXPECT_EQ(expect_declined(
                  [](const Site& site, const ProgramFile& program) {
                      // One function is entered in the game, too: see its statement.
                      return site.va == game::fn::kMediaReallyFree.va ? Mutants{} : with_start_entered(site, program);
                  },
                  {Finding::start_entered}),
              rows() - 1);
}

TEST(Mutants, AReturnThatPopsAnotherNumberDeclinesItsGroupOnly) {
    EXPECT_EQ(expect_declined(&with_another_return, {Finding::pops_differ}), rows());
}

TEST(Mutants, ABreakpointInTheDisplacedBytesDeclinesItsGroupOnly) {
    EXPECT_EQ(expect_declined(&with_breakpoint, {Finding::breakpoint}), rows());
}

TEST(Mutants, AForeignJumpOrCallAtTheStartDeclinesItsGroupOnly) {
    EXPECT_EQ(expect_declined(&with_foreign_start, {Finding::foreign}), 2 * rows());
}

TEST(Mutants, AForeignJumpOrCallDeepInsideDeclinesItsGroupOnly) {
    EXPECT_EQ(expect_declined(&with_foreign_code_deep_inside, {Finding::foreign}), 2 * rows());
}

TEST(Mutants, AVtableSlotThatLeadsElsewhereDeclinesItsGroupOnly) {
    for (const game::PointerSite& slot : game::kPointerSites) {
        ProgramFile program = base();
        program.edit(slot.va, 1)[0] ^= 0x10U;
        for (const tools::GroupCheck& group : tools::check(program.bytes(), {.hash = false}).groups) {
            EXPECT_EQ(group.fits(), group.group != slot.group) << group.problem;
        }
    }
}

}  // namespace
}  // namespace mp::test
