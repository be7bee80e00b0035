// Installing and restoring boundary mode in the running stand-in.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "engine_access.h"
#include "game/functions.h"
#include "installed.h"
#include "os/os.h"
#include "patch/image.h"
#include "replace/hook.h"

namespace mp::test {
namespace {

using patch::GroupOutcome;

// A replacement of another type than the function's is no hook.
template <typename Function, typename Replacement>
concept CanReplace = requires(patch::Hooks& hooks, const Function& function, Replacement replacement) {
    replace::hook(hooks, function, replacement);
};
static_assert(CanReplace<decltype(game::fn::kFree), decltype(game::fn::kFree)::Replacement>);
static_assert(!CanReplace<decltype(game::fn::kFree), decltype(game::fn::kAllocate)::Replacement>);
static_assert(!CanReplace<decltype(game::fn::kFree), decltype(game::fn::kCrtFree)::Replacement>);

const GroupOutcome& outcome_of(const replace::InstallReport& report, game::Group group) {
    for (std::size_t i = 0; i < report.group_count; ++i) {
        if (report.groups[i].group == group) {
            return report.groups[i];
        }
    }
    ADD_FAILURE() << "no outcome for the group " << game::group_name(group);
    return report.groups[0];
}

/// Installs, expects that exactly `declined` was left out, and restores.
void expect_only_declined(game::Group declined, Addr differing_site) {
    const replace::InstallReport report = replace::install(replace::Extent::boundary);
    for (std::size_t i = 0; i < report.group_count; ++i) {
        const GroupOutcome& outcome = report.groups[i];
        if (outcome.group == declined) {
            EXPECT_EQ(outcome.state, GroupOutcome::State::declined);
            EXPECT_EQ(outcome.mismatches, 1);
            EXPECT_EQ(outcome.report.site, differing_site);
        } else {
            EXPECT_EQ(outcome.state, GroupOutcome::State::installed) << game::group_name(outcome.group);
        }
    }
    EXPECT_TRUE(restore());
}

/// All functions that boundary mode replaces.
std::vector<const game::Site*> replaced_sites() {
    std::vector<const game::Site*> sites;
    replace::install(replace::Extent::boundary);
    for (const patch::Hook& hook : replace::hooks().all()) {
        if (hook.site != nullptr) {
            sites.push_back(hook.site);
        }
    }
    EXPECT_TRUE(restore());
    return sites;
}

TEST(Install, ReplacesAllSeventeenFunctionsAndTheHeapsCompanions) {
    const std::vector<const game::Site*> sites = replaced_sites();
    const replace::InstallReport report = replace::install(replace::Extent::boundary);
    EXPECT_FALSE(report.has_error());
    EXPECT_EQ(replace::patch_count(), 17U);
    EXPECT_EQ(replace::installed_sites(), 17U + 2 + 3 + 2);  // and 2 of pattern 10, 3 heap functions, 2 slots
    for (const game::Site* site : sites) {
        EXPECT_EQ(*game::at<std::uint8_t>(site->va), 0xE9) << site->name;
    }
    EXPECT_TRUE(restore());
    EXPECT_EQ(replace::patch_count(), 0U);
}

TEST(Install, IsIdempotent) {
    ASSERT_EQ(replace::install(replace::Extent::boundary).has_error(), false);
    const auto first = snapshot_of_sites();
    const replace::InstallReport again = replace::install(replace::Extent::boundary);
    EXPECT_FALSE(again.has_error());
    EXPECT_EQ(snapshot_of_sites(), first);
    EXPECT_EQ(replace::patch_count(), 17U);
    EXPECT_TRUE(restore());
}

/// How a site that is replaced now was proven; none when its group was declined.
patch::Proof proof_of(Addr site) {
    const patch::Hook* hook = replace::hooks().find(site);
    return hook->stands ? hook->proof : patch::Proof::none;
}

TEST(Install, TheUnmodifiedImageIsProvenByItsBytes) {
    const std::vector<const game::Site*> sites = replaced_sites();
    replace::install(replace::Extent::boundary);
    for (const game::Site* site : sites) {
        EXPECT_EQ(proof_of(site->va), patch::Proof::bytes) << site->name;
    }
    EXPECT_TRUE(restore());
}

/// A move between registers among the first bytes, in its other form: the same function in other bytes.
std::optional<std::pair<Addr, std::vector<std::uint8_t>>> other_form(const game::Site& site) {
    for (std::size_t i = 0; i + 1 < site.prologue.size; ++i) {
        const std::uint8_t operands = site.prologue.bytes[i + 1];
        const std::uint8_t opcode = site.prologue.bytes[i];
        if ((opcode == 0x8B || opcode == 0x33) && operands >= 0xC0) {
            const unsigned swapped = 0xC0U | (operands & 7U) << 3U | (operands >> 3U & 7U);
            return std::pair{site.va + static_cast<Addr>(i),
                             std::vector{static_cast<std::uint8_t>(opcode ^ 2U), static_cast<std::uint8_t>(swapped)}};
        }
    }
    return std::nullopt;
}

TEST(Install, OtherBytesThatBreakNothingCertainAreTakenByStructure) {
    std::size_t altered_sites = 0;
    for (const game::Site* site : replaced_sites()) {
        const auto other = other_form(*site);
        if (!other) {
            continue;
        }
        ++altered_sites;
        const Altered altered(other->first, other->second);
        replace::install(replace::Extent::boundary);
        EXPECT_EQ(replace::patch_count(), 17U) << site->name;
        EXPECT_EQ(proof_of(site->va), patch::Proof::structure) << site->name;
        EXPECT_TRUE(restore());
    }
    EXPECT_GE(altered_sites, 20U);
}

TEST(Install, AnyOtherFirstByteIsTakenByStructureOrDeclinesExactlyItsGroup) {
    std::size_t taken = 0;
    std::size_t declined = 0;
    for (const game::Site* site : replaced_sites()) {
        for (std::size_t i = 0; i < site->prologue.size; ++i) {
            if (site->prologue.mask[i] == 0) {
                continue;
            }
            SCOPED_TRACE(testing::Message() << site->name << " byte " << i);
            const std::uint8_t other = static_cast<std::uint8_t>(site->prologue.bytes[i] ^ 0x01);
            const Altered altered(site->va + static_cast<Addr>(i), {other});
            replace::install(replace::Extent::boundary);
            const bool by_structure = proof_of(site->va) == patch::Proof::structure;
            EXPECT_NE(proof_of(site->va), patch::Proof::bytes);
            EXPECT_TRUE(restore());
            if (!by_structure) {
                expect_only_declined(site->group, site->va);
            }
            ++(by_structure ? taken : declined);
        }
    }
    EXPECT_GT(taken, 0U);
    EXPECT_GT(declined, 0U);
}

/// Bytes that break one statement and nothing else.
std::pair<Addr, std::vector<std::uint8_t>> broken(const game::Statement& statement) {
    const auto* code = game::at<const std::uint8_t>(statement.at);
    switch (statement.kind) {
    case game::Statement::Kind::calls_import:
        if (code[1] == 0x15) {
            return {statement.at + 2, {static_cast<std::uint8_t>(code[2] ^ 0x04)}};  // the neighbouring slot
        }
        return {statement.at + 1, {0xD0}};  // CALL EAX
    case game::Statement::Kind::calls:
        return {statement.at + 1, {static_cast<std::uint8_t>(code[1] ^ 0x10)}};
    case game::Statement::Kind::in_slot:
        return {statement.at, {static_cast<std::uint8_t>(code[0] ^ 0x10)}};
    case game::Statement::Kind::enters_start:
        break;
    }
    return {};
}

TEST(Install, EachBrokenStatementDeclinesExactlyItsGroup) {
    std::size_t statements = 0;
    for (const game::Site* site : replaced_sites()) {
        for (const game::Statement& statement : site->statements) {
            const auto [va, bytes] = broken(statement);
            if (bytes.empty()) {
                continue;
            }
            SCOPED_TRACE(testing::Message() << site->name << std::hex << " at " << statement.at);
            const Altered altered(va, bytes);
            expect_only_declined(site->group, site->va);
            ++statements;
        }
    }
    EXPECT_GE(statements, 40U);
}

TEST(Install, EachReturnThatPopsOtherwiseDeclinesExactlyItsGroup) {
    for (const game::Site* site : replaced_sites()) {
        if (site->main_return.va == 0 || site->bytes_popped == 0) {
            continue;
        }
        SCOPED_TRACE(site->name);
        const Altered altered(site->main_return.va + 1, {static_cast<std::uint8_t>(site->bytes_popped + 16)});
        expect_only_declined(site->group, site->va);
    }
}

TEST(Install, AForeignJumpIsNamedAndLeftAlone) {
    const Addr site = game::fn::kCommitTail.va;
    const Addr target = game::addr_of(reinterpret_cast<const void*>(&VirtualAlloc));
    const Addr displacement = target - (site + 5);
    std::vector<std::uint8_t> jump{0xE9, 0, 0, 0, 0};
    std::memcpy(&jump[1], &displacement, sizeof displacement);
    const Altered altered(site, jump);
    const replace::InstallReport report = replace::install(replace::Extent::boundary);
    const GroupOutcome& outcome = outcome_of(report, game::Group::heap_tail);
    EXPECT_EQ(outcome.state, GroupOutcome::State::declined);
    EXPECT_EQ(outcome.report.finding, patch::Finding::foreign);
    EXPECT_EQ(outcome.report.jump_target, target);
    EXPECT_STRNE(outcome.report.owner.data(), "");
    EXPECT_EQ(std::memcmp(game::at<void>(site), jump.data(), jump.size()), 0);
    EXPECT_EQ(replace::patch_count(), 15U);
    EXPECT_TRUE(restore());
    EXPECT_EQ(std::memcmp(game::at<void>(site), jump.data(), jump.size()), 0);
}

TEST(Install, AForeignVtableSlotDeclinesTheHeapBlocks) {
    const Addr slot = game::kPointerSites[1].va;
    const Altered altered(slot, {0x10, 0x20, 0x30, 0x40});
    const replace::InstallReport report = replace::install(replace::Extent::boundary);
    EXPECT_EQ(outcome_of(report, game::Group::heap_blocks).report.finding, patch::Finding::pointer_differs);
    EXPECT_EQ(replace::patch_count(), 16U);
    EXPECT_TRUE(restore());
}

TEST(Install, OnlySitesWhoseBytesAreOursAreCountedAfterALook) {
    constexpr Addr kMedia = game::fn::kMediaReallyFree.va;
    const std::vector<std::uint8_t> original = bytes_at(kMedia, 16);
    ASSERT_FALSE(replace::install(replace::Extent::boundary).has_error());
    {
        const Altered overwritten(game::fn::kDecommitInterior.va, {0xCC});
        const Altered slot(game::kPointerSites[1].va, {0x10, 0x20, 0x30, 0x40});
        const Altered original_again(kMedia, original);
        EXPECT_EQ(replace::patch_count(), 17U) << "nobody has looked";
        replace::look_for_changes();
        EXPECT_EQ(replace::patch_count(), 15U);
        EXPECT_EQ(replace::changed_sites().size(), 3U);
        EXPECT_EQ(replace::group_asked(kMedia), game::Group::media_samples);
    }
    replace::look_for_changes();
    EXPECT_EQ(replace::patch_count(), 17U) << "they stand again";
    EXPECT_TRUE(replace::changed_sites().empty());
    EXPECT_TRUE(restore());
    EXPECT_EQ(replace::patch_count(), 0U);
}

TEST(Install, RestoreLeavesTheImageByteIdenticalAHundredTimes) {
    const auto before = snapshot_of_sites();
    for (int round = 0; round < 100; ++round) {
        ASSERT_FALSE(replace::install(replace::Extent::boundary).has_error());
        ASSERT_TRUE(restore());
        ASSERT_EQ(snapshot_of_sites(), before);
    }
}

/// Calls into the replaced functions through the game's entries: heap blocks, and a scrap heap that doubles and halves.
void call_in_until(const std::atomic<bool>& stop, std::atomic<std::uint64_t>& rounds, std::atomic<bool>& damaged) {
    set_memory_context(game::kDefaultContext);
    game::ScrapHeap scrap{};
    game::fn::kScrapInit(&scrap);
    for (std::uint32_t seed = 1; !stop.load(); ++seed) {
        void* block = allocate(700 + seed % 5000);
        fill(block, 700, seed);
        void* stacked = game::fn::kScrapAllocate(&scrap, std::uint32_t{300000}, std::uint32_t{4});
        if (stacked == nullptr || !intact(block, 700, seed)) {
            damaged = true;
        }
        game::fn::kScrapFree(&scrap, stacked);
        release(block);
        rounds.fetch_add(1);
        if (seed % 8 == 0) {
            Sleep(1);
        }
    }
    game::fn::kScrapPurge(&scrap);
}

TEST(Install, InstallsAndRestoresAHundredTimesWhileEightThreadsCallIn) {
    const auto before = snapshot_of_sites();
    std::atomic<bool> stop{false};
    std::atomic<bool> damaged{false};
    std::atomic<std::uint64_t> rounds{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] { call_in_until(stop, rounds, damaged); });
    }
    // With more threads than processors one may stand in the way for long, or keep its block: that is said, and
    // harmless.
    for (int restored = 0; restored < 100;) {
        const patch::Failure failure = replace::install(replace::Extent::boundary).error.failure;
        ASSERT_TRUE(failure == patch::Failure::none || failure == patch::Failure::thread_in_the_way);
        restored += failure == patch::Failure::none && restore() ? 1 : 0;
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    if (replace::installed_sites() != 0) {
        EXPECT_TRUE(restore());
    }
    EXPECT_EQ(snapshot_of_sites(), before);
    EXPECT_FALSE(damaged);
    EXPECT_GT(rounds.load(), 100U);
}

/// Fails the k-th call of some kinds.
struct FaultPlan {
    int countdown = 0;
    bool fired = false;
};

bool fail_kth(os::Call call, void* context) {
    auto* plan = static_cast<FaultPlan*>(context);
    if (call != os::Call::protect && call != os::Call::reserve && call != os::Call::commit) {
        return false;
    }
    if (--plan->countdown != 0) {
        return false;
    }
    plan->fired = true;
    return true;
}

TEST(Install, FailureOfTheKthSystemCallRollsEverythingBack) {
    const auto before = snapshot_of_sites();
    bool went_through = false;
    for (int k = 1; k < 500 && !went_through; ++k) {
        FaultPlan plan{.countdown = k};
        os::set_fault_hook(&fail_kth, &plan);
        const replace::InstallReport report = replace::install(replace::Extent::boundary);
        os::set_fault_hook(nullptr, nullptr);
        if (report.has_error()) {
            EXPECT_EQ(replace::installed_sites(), 0U) << "k = " << k;
            ASSERT_EQ(snapshot_of_sites(), before) << "k = " << k;
        } else {
            went_through = !plan.fired;
            ASSERT_TRUE(restore());
        }
    }
    EXPECT_TRUE(went_through);
    EXPECT_EQ(snapshot_of_sites(), before);
}

TEST(Install, NoCodePageIsEverWritableAndExecutable) {
    ASSERT_FALSE(replace::install(replace::Extent::boundary).has_error());
    MEMORY_BASIC_INFORMATION region{};
    for (std::uintptr_t at = 0; VirtualQuery(reinterpret_cast<void*>(at), &region, sizeof region) != 0;) {
        if (region.State == MEM_COMMIT) {
            EXPECT_NE(region.Protect & 0xFF, static_cast<DWORD>(PAGE_EXECUTE_READWRITE)) << std::hex << at;
        }
        const std::uintptr_t next = reinterpret_cast<std::uintptr_t>(region.BaseAddress) + region.RegionSize;
        if (next <= at) {
            break;
        }
        at = next;
    }
    EXPECT_TRUE(restore());
}

TEST(Install, AtTheProcessesEndWhatFreesLiveBlocksStays) {
    ASSERT_FALSE(replace::install(replace::Extent::boundary).has_error());
    void* block = heap_allocate(100);
    EXPECT_EQ(replace::restore_at_process_end().live_blocks, 1U);
    EXPECT_TRUE(replace::hooks().stands(game::Group::heap_blocks));
    EXPECT_TRUE(replace::hooks().stands(game::Group::media_samples));
    EXPECT_FALSE(replace::hooks().stands(game::Group::scrap_buffers));
    EXPECT_FALSE(replace::hooks().stands(game::Group::pool_memory));
    heap_free(block);
    EXPECT_TRUE(replace::restore_at_process_end().complete());
    EXPECT_EQ(replace::installed_sites(), 0U);
}

}  // namespace
}  // namespace mp::test
