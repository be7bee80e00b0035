#include "patch/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "game/functions.h"
#include "patch/decode.h"
#include "synthetic_image.h"

namespace mp::patch::test {
namespace {

using game::Site;

const void* fake(std::uintptr_t address) {
    return reinterpret_cast<const void*>(address);
}

class Planning : public ::testing::Test {
protected:
    Hook& ask(const Site& site, std::uintptr_t replacement, void** original = nullptr) {
        return list.add({.site = &site, .replacement = fake(replacement), .original = original});
    }
    Hook& ask(const game::PointerSite& place, std::uintptr_t replacement, void** original = nullptr) {
        return list.add({.slot = &place, .replacement = fake(replacement), .original = original});
    }
    Failure plan() {
        report = {};
        report.error = plan_install(list, image, *walk, report);
        return report.error.failure;
    }
    /// The plan for a list of one hook; nullptr when it is not planned.
    const Hook* plan_alone(const Site& site, std::uintptr_t replacement, void** original = nullptr) {
        list.clear();
        ask(site, replacement, original);
        const bool planned = plan() == Failure::none && list.all()[0].planned;
        return planned ? &list.all()[0] : nullptr;
    }
    const GroupOutcome& outcome(game::Group group) const {
        return *std::ranges::find(report.groups, group, &GroupOutcome::group);
    }

    /// Carries the plan out in the image, as a transaction would.
    void carry_out() {
        for (Hook& hook : list.all()) {
            if (hook.planned) {
                std::memcpy(&image[hook.va()], hook.written.data(), hook.size);
                hook.stands = true;
            }
        }
    }

    SyntheticImage image = SyntheticImage::of_game();
    std::unique_ptr<Walk> walk = std::make_unique<Walk>();
    Hooks list;
    InstallReport report;
    const Site& grow = *game::fn::kGrowBuffer.site;
    const Site& create = *game::fn::kCreateBuffer.site;
    const Site& heap_allocate = *game::fn::kHeapAllocate.site;
    const game::PointerSite& slot = game::kPointerSites[0];
};

TEST_F(Planning, AJumpCoversWholeInstructionsAndLeadsToTheReplacement) {
    for (const Site& site : game::kSites) {
        if (game::needs_front_doors(site.group)) {
            continue;
        }
        const Hook* hook = plan_alone(site, 0x10012340);
        ASSERT_NE(hook, nullptr) << site.name;
        EXPECT_EQ(hook->size, check(site, image).displaced);
        EXPECT_EQ(std::memcmp(hook->former.data(), image.at(site.va, hook->size), hook->size), 0);
        SyntheticImage patched = image;
        std::memcpy(&patched[site.va], hook->written.data(), hook->size);
        EXPECT_EQ(transfer_at(patched, site.va).value().target, 0x10012340U);
        for (std::size_t i = game::kJumpSize; i < hook->size; ++i) {
            EXPECT_EQ(hook->written[i], 0x90) << site.name;
        }
    }
}

TEST_F(Planning, SlotsAndConsumersComeBeforeProducers) {
    const Site& shrink = *game::fn::kShrinkBuffer.site;
    ask(create, 0x10001000);
    ask(shrink, 0x10002000);
    ask(heap_allocate, 0x10003000);
    ask(slot, 0x10004000);
    std::vector<Addr> order;
    for (const Hook& hook : list.all()) {
        order.push_back(hook.va());
    }
    EXPECT_EQ(order, (std::vector<Addr>{slot.va, shrink.va, create.va, heap_allocate.va}));
}

TEST_F(Planning, ASlotReceivesTheReplacementsAddress) {
    void* original = nullptr;
    ask(slot, 0x10004000, &original);
    ASSERT_EQ(plan(), Failure::none);
    const Hook& hook = list.all()[0];
    EXPECT_TRUE(hook.planned);
    EXPECT_EQ(hook.size, 4);
    Addr value = 0;
    std::memcpy(&value, hook.written.data(), 4);
    EXPECT_EQ(value, 0x10004000U);
    EXPECT_EQ(hook.original_value, fake(slot.expected));
    EXPECT_EQ(original, nullptr) << "a plan writes nothing";
}

TEST_F(Planning, OneSiteThatDiffersDeclinesItsGroupWithItsReport) {
    image[create.va + 0x17] = 0x90;
    ask(grow, 0x10001000);
    ask(create, 0x10002000);
    ask(heap_allocate, 0x10003000);
    ASSERT_EQ(plan(), Failure::none);
    ASSERT_EQ(report.group_count, 2U);
    const GroupOutcome& declined = outcome(game::Group::scrap_buffers);
    EXPECT_EQ(declined.state, GroupOutcome::State::declined);
    EXPECT_EQ(declined.sites, 2);
    EXPECT_EQ(declined.mismatches, 1);
    EXPECT_EQ(declined.report.address, create.va + 0x17);
    EXPECT_EQ(declined.report.site, create.va);
    EXPECT_EQ(declined.report.finding, Finding::statement_fails);
    EXPECT_EQ(outcome(game::Group::heap_blocks).state, GroupOutcome::State::installed);
    for (const Hook& hook : list.all()) {
        EXPECT_EQ(hook.planned, hook.group() == game::Group::heap_blocks);
    }
}

TEST_F(Planning, ASlotThatDiffersDeclinesItsGroup) {
    image.put_dword(slot.va, 0x12345678);
    ask(slot, 0x10004000);
    ASSERT_EQ(plan(), Failure::none);
    EXPECT_FALSE(list.all()[0].planned);
    EXPECT_EQ(outcome(slot.group).report.finding, Finding::pointer_differs);
}

TEST_F(Planning, BuildersGoOnlyWithTheDoorsOfAllThreeHeaps) {
    using enum game::Group;
    const Site& builder = *game::fn::kCreatePools.site;
    const auto ask_for_doors = [&] {
        list.clear();
        ask(builder, 0x10001000);
        for (const Site& site : game::kSites) {
            if (site.group == game_heap || site.group == crt_heap || site.group == scrap_heaps) {
                ask(site, 0x10002000);
            }
        }
    };
    ask_for_doors();
    ASSERT_EQ(plan(), Failure::none);
    EXPECT_EQ(outcome(providers).state, GroupOutcome::State::installed);
    for (const Site* door : {game::fn::kFree.site, game::fn::kCrtFree.site, game::fn::kScrapFree.site}) {
        image[door->va] = 0xCC;
        ask_for_doors();
        ASSERT_EQ(plan(), Failure::none);
        EXPECT_EQ(outcome(providers).state, GroupOutcome::State::not_needed) << door->name;
        EXPECT_FALSE(list.find(builder.va)->planned);
        image.put(*door);
    }
    EXPECT_EQ(plan_alone(builder, 0x10001000), nullptr) << "doors that nobody asked for";
}

TEST_F(Planning, ASiteWhosePoppedBytesNothingProvesIsRefused) {
    const Site& decommit = *game::fn::kDecommitPage.site;
    image.put(decommit.va + 0x1B, "EB FE");
    EXPECT_EQ(plan_alone(decommit, 0x10001000), nullptr);
    EXPECT_EQ(outcome(decommit.group).report.finding, Finding::pops_differ);
}

TEST_F(Planning, TheReplacementThatPopsWhatTheFunctionPopsIsTaken) {
    const Site& decommit = *game::fn::kDecommitPage.site;
    const auto target = [&] {
        list.clear();
        ask(decommit, 0x10001000).replacement_pops_8 = fake(0x10002000);
        EXPECT_EQ(plan(), Failure::none);
        SyntheticImage patched = image;
        std::memcpy(&patched[decommit.va], list.all()[0].written.data(), list.all()[0].size);
        return transfer_at(patched, decommit.va).value().target;
    };
    EXPECT_EQ(target(), 0x10001000U);
    const SiteReport found = check(decommit, image);
    ASSERT_EQ(found.bytes_popped, 4);
    Addr epilogue = decommit.va;
    while (std::memcmp(image.at(epilogue, 3), "\xC2\x04\x00", 3) != 0) {
        ++epilogue;
    }
    image[epilogue + 1] = 8;
    EXPECT_EQ(target(), 0x10002000U);
}

TEST_F(Planning, AFunctionThatJumpsIntoItsStartIsReplacedButNeverCalled) {
    const Site& really_free = *game::fn::kMediaReallyFree.site;
    void* original = nullptr;
    EXPECT_EQ(plan_alone(really_free, 0x10001000, &original), nullptr);
    const Hook* hook = plan_alone(really_free, 0x10001000);
    ASSERT_NE(hook, nullptr);
    EXPECT_EQ(hook->guarded, really_free.size) << "no thread may stand anywhere in it";
    hook = plan_alone(grow, 0x10001000, &original);
    ASSERT_NE(hook, nullptr);
    EXPECT_EQ(hook->guarded, hook->size);
}

TEST_F(Planning, ASiteThatIsProvenByStructureIsPlannedWithItsOwnInstructions) {
    // PUSH EBP; MOV EBP,ESP in its other form; PUSH EAX; PUSH EAX; MOV [EBP-8],ECX: seven bytes have to move
    image.put(grow.va, "55 89 E5 50 50 89 4D F8");
    image.put(grow.va + 8, "90 90 90 90 90 90 90 90");
    const Hook* hook = plan_alone(grow, 0x10001000);
    ASSERT_NE(hook, nullptr);
    EXPECT_EQ(hook->size, 5);
    EXPECT_EQ(hook->proof, Proof::structure);
    image.put(grow.va, "55 89 E5 81 EC 0C 00 00 00");
    hook = plan_alone(grow, 0x10001000);
    ASSERT_NE(hook, nullptr);
    EXPECT_EQ(hook->size, 9);
    EXPECT_EQ(std::memcmp(hook->former.data(), image.at(grow.va, 9), 9), 0);
}

TEST_F(Planning, NonsenseIsRefused) {
    list.add({.replacement = fake(0x10001000)});
    EXPECT_EQ(plan(), Failure::bad_request) << "no place";
    for (const Hook& nothing : {Hook{.site = &grow}, Hook{.slot = &slot}}) {
        list.clear();
        list.add(nothing);
        EXPECT_EQ(plan(), Failure::bad_request) << "no replacement";
        EXPECT_EQ(report.error.address, nothing.va());
    }
}

TEST_F(Planning, ASiteGivenTwiceIsRefused) {
    ask(grow, 0x10001000);
    ask(grow, 0x10001000);
    EXPECT_EQ(plan(), Failure::bad_request);
}

TEST_F(Planning, OverlappingSitesAreRefusedAndNeighboursAreNot) {
    constexpr Addr kFree = SyntheticImage::kFreeArea + 0x1000;
    image.put(kFree, "90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90");
    const Site first = made_up_site(kFree, "90 90 90 90 90");
    Site second = first;
    for (const Addr distance : {1U, 4U, 5U}) {
        second.va = first.va + distance;
        for (const bool reversed : {false, true}) {
            list.clear();
            ask(reversed ? second : first, 0x10001000);
            ask(reversed ? first : second, 0x10002000);
            EXPECT_EQ(plan(), distance == 5 ? Failure::none : Failure::bad_request) << distance;
        }
    }
}

TEST_F(Planning, ASiteThatOverlapsAnInstalledOneIsRefused) {
    constexpr Addr kFree = SyntheticImage::kFreeArea + 0x1000;
    image.put(kFree, "90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90");
    const Site first = made_up_site(kFree, "90 90 90 90 90");
    ASSERT_NE(plan_alone(first, 0x90909090), nullptr);
    carry_out();
    Site second = first;  // the installed jump's last byte reads as the expected NOP: only the record tells
    second.va = first.va + 4;
    image[second.va] = 0x90;
    list.all()[0].written[4] = 0x90;
    ask(second, 0x10002000);
    EXPECT_EQ(plan(), Failure::bad_request);
}

TEST_F(Planning, AHookThatStandsIsKept) {
    ASSERT_NE(plan_alone(grow, 0x10001000), nullptr);
    const auto former = list.all()[0].former;
    carry_out();
    ASSERT_EQ(plan(), Failure::none);
    EXPECT_FALSE(list.all()[0].planned);
    EXPECT_EQ(list.all()[0].former, former) << "the game's bytes";
    EXPECT_EQ(outcome(grow.group).state, GroupOutcome::State::installed);
}

TEST_F(Planning, OurJumpWithoutARecordIsAForeignOne) {
    ASSERT_NE(plan_alone(grow, 0x10001000), nullptr);
    carry_out();
    EXPECT_EQ(plan_alone(grow, 0x10001000), nullptr);
    EXPECT_EQ(outcome(grow.group).report.finding, Finding::foreign);
}

TEST_F(Planning, AHookThatSomebodyTookOutIsPlannedAgain) {
    ASSERT_NE(plan_alone(grow, 0x10001000), nullptr);
    carry_out();
    image.put(grow);
    ASSERT_EQ(plan(), Failure::none);
    EXPECT_TRUE(list.all()[0].planned);
}

TEST_F(Planning, AsManyAsFitAreTakenAndOneMoreIsRefused) {
    std::deque<Site> sites;
    for (std::size_t i = 0; i <= kMaxHooks; ++i) {
        const auto va = static_cast<Addr>(SyntheticImage::kFreeArea + 0x1000 + i * 16);
        ask(sites.emplace_back(made_up_site(va, "90 90 90 90 90")), 0x10001000);
        image.put(va, "90 90 90 90 90 C3");
        if (i + 1 == kMaxHooks) {
            EXPECT_EQ(plan(), Failure::none);
        }
    }
    EXPECT_EQ(plan(), Failure::bad_request);
}

class PlanningRestore : public Planning {
protected:
    void SetUp() override {
        ask(create, 0x10001000);
        ask(grow, 0x10002000);
        ask(slot, 0x10004000);
        ASSERT_EQ(plan(), Failure::none);
        carry_out();
    }
    std::size_t plan_it() { return plan_restore(list, nullptr, image, left_alone); }
    [[nodiscard]] std::size_t planned() const {
        return static_cast<std::size_t>(std::ranges::count_if(list.all(), &Hook::planned));
    }

    std::array<Error, 4> left_alone{};
};

TEST_F(PlanningRestore, WhatStandsIsPlannedAndOnlyWhatIsWanted) {
    EXPECT_EQ(plan_it(), 0U);
    EXPECT_EQ(planned(), 3U);
    EXPECT_EQ(
        plan_restore(list, [](const Hook& hook) noexcept { return hook.slot != nullptr; }, image, left_alone), 0U);
    EXPECT_EQ(planned(), 1U);
    EXPECT_TRUE(list.find(slot.va)->planned);
}

TEST_F(PlanningRestore, ALaterJumpOfSomebodyElseIsReportedAndLeftOut) {
    image.put_relative(grow.va, 0xE9, 0x12345678);
    EXPECT_EQ(plan_it(), 1U);
    EXPECT_EQ(planned(), 2U);
    EXPECT_EQ(left_alone[0].failure, Failure::foreign_change);
    EXPECT_EQ(left_alone[0].address, grow.va);
    EXPECT_EQ(left_alone[0].report.finding, Finding::foreign);
    EXPECT_EQ(left_alone[0].report.jump_target, 0x12345678U);
}

TEST_F(PlanningRestore, OneByteOfTheFillerCountsAsAChange) {
    image[create.va + 5] ^= 0x01;
    EXPECT_EQ(plan_it(), 1U);
    EXPECT_EQ(left_alone[0].address, create.va);
    image[create.va] = 0x90;
    EXPECT_EQ(plan_it(), 1U);
    EXPECT_EQ(left_alone[0].report.finding, Finding::changed);
}

TEST_F(PlanningRestore, ASlotThatSomebodyTookOverIsReported) {
    image.put_dword(slot.va, 0x12345678);
    EXPECT_EQ(plan_it(), 1U);
    EXPECT_EQ(left_alone[0].report.finding, Finding::pointer_differs);
    EXPECT_EQ(left_alone[0].report.jump_target, 0x12345678U);
}

TEST_F(PlanningRestore, WhatSomebodyPutBackNeedsNothing) {
    image.put(grow);
    EXPECT_EQ(plan_it(), 0U);
    EXPECT_EQ(planned(), 2U);
    EXPECT_FALSE(list.find(grow.va)->stands);
}

TEST_F(PlanningRestore, MoreReportsThanFitAreStillCounted) {
    image[create.va] = image[grow.va] = image[slot.va] = 0xCC;
    EXPECT_EQ(plan_restore(list, nullptr, image, std::span(left_alone).first(1)), 3U);
    EXPECT_EQ(left_alone[0].address, grow.va) << "the last one written";
    EXPECT_EQ(left_alone[1].failure, Failure::none);
}

TEST_F(PlanningRestore, UnreadableBytesAreLeftAlone) {
    image.punch_hole(grow.va, grow.va + 1);
    EXPECT_EQ(plan_it(), 1U);
    EXPECT_EQ(left_alone[0].failure, Failure::unreadable);
}

}  // namespace
}  // namespace mp::patch::test
