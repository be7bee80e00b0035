#include "patch/plan.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <vector>

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
    std::expected<void, Error> plan(std::span<const Hook> hooks, std::span<const PointerHook> pointers = {}) {
        return plan_install(hooks, pointers, installation, image, *walk, the_plan);
    }
    std::expected<void, Error> plan(const Hook& hook) { return plan(std::span(&hook, 1)); }

    /// Carries the plan out in the image, as a transaction would.
    void carry_out() {
        for (const Edit& edit : the_plan.all()) {
            if (edit.stands) {
                continue;
            }
            std::memcpy(&image[edit.va], edit.after.data(), edit.size);
            Installed& entry = installation.hooks[installation.count++];
            entry.va = edit.va;
            entry.size = edit.size;
            entry.is_pointer = edit.is_pointer;
            std::memcpy(entry.original, edit.before.data(), edit.size);
            std::memcpy(entry.written, edit.after.data(), edit.size);
        }
    }

    void expect_failure(const std::expected<void, Error>& result, Failure failure) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().failure, failure);
    }

    SyntheticImage image = SyntheticImage::of_game();
    std::unique_ptr<Walk> walk = std::make_unique<Walk>();
    Installation installation;
    Plan the_plan;
    const Site& grow = game::site(0x00AA5E30);
    const Site& create = game::site(0x00AA5EC0);
    const Site& heap_allocate = game::site(0x00AA8F50);
    const game::PointerSite& slot = game::kPointerSites[0];
};

TEST_F(Planning, AJumpCoversWholeInstructionsAndLeadsToTheReplacement) {
    for (const Site& site : game::kSites) {
        ASSERT_TRUE(plan({&site, fake(0x10012340), nullptr, Role::consumer})) << site.name;
        ASSERT_EQ(the_plan.count, 1U);
        const Edit edit = the_plan.edits[0];
        EXPECT_EQ(edit.size, check(site, image).displaced);
        EXPECT_EQ(std::memcmp(edit.before.data(), image.at(site.va, edit.size), edit.size), 0);
        SyntheticImage patched = image;
        std::memcpy(&patched[site.va], edit.after.data(), edit.size);
        EXPECT_EQ(transfer_at(patched, site.va)->target, 0x10012340U);
        for (std::size_t i = game::kJumpSize; i < edit.size; ++i) {
            EXPECT_EQ(edit.after[i], 0x90) << site.name;
        }
    }
}

TEST_F(Planning, SlotsAndConsumersComeBeforeProducers) {
    const Hook hooks[] = {{&create, fake(0x10001000), nullptr, Role::producer},
                          {&grow, fake(0x10002000), nullptr, Role::consumer},
                          {&heap_allocate, fake(0x10003000), nullptr, Role::producer}};
    const PointerHook pointers[] = {{&slot, fake(0x10004000), nullptr}};
    ASSERT_TRUE(plan(hooks, pointers));
    std::vector<Addr> order;
    for (const Edit& edit : the_plan.all()) {
        order.push_back(edit.va);
    }
    EXPECT_EQ(order, (std::vector<Addr>{slot.va, grow.va, create.va, heap_allocate.va}));
}

TEST_F(Planning, ASlotReceivesTheReplacementsAddress) {
    void* original = nullptr;
    const PointerHook hook{&slot, fake(0x10004000), &original};
    ASSERT_TRUE(plan({}, std::span(&hook, 1)));
    const Edit& edit = the_plan.edits[0];
    EXPECT_EQ(edit.size, 4);
    Addr value = 0;
    std::memcpy(&value, edit.after.data(), 4);
    EXPECT_EQ(value, 0x10004000U);
    EXPECT_EQ(edit.original_value, fake(slot.expected));
    EXPECT_EQ(original, nullptr) << "a plan writes nothing";
}

TEST_F(Planning, OneSiteThatDiffersFailsThePlanWithItsReport) {
    image[0x00AA5ED7] = 0x90;
    const Hook hooks[] = {{&grow, fake(0x10001000), nullptr, Role::consumer},
                          {&create, fake(0x10002000), nullptr, Role::producer}};
    const auto result = plan(hooks);
    expect_failure(result, Failure::verification);
    EXPECT_EQ(result.error().address, 0x00AA5ED7U);
    EXPECT_EQ(result.error().report.site, create.va);
    EXPECT_EQ(result.error().report.finding, Finding::statement_fails);
}

TEST_F(Planning, ASlotThatDiffersFailsThePlan) {
    image.put_dword(slot.va, 0x12345678);
    const PointerHook hook{&slot, fake(0x10004000), nullptr};
    const auto result = plan({}, std::span(&hook, 1));
    expect_failure(result, Failure::verification);
    EXPECT_EQ(result.error().report.finding, Finding::pointer_differs);
}

TEST_F(Planning, ASiteWhosePoppedBytesNothingProvesIsRefused) {
    const Site& decommit = game::site(0x00AA6650);
    image.put(0x00AA666B, "EB FE");
    const auto result = plan({&decommit, fake(0x10001000), nullptr, Role::consumer});
    expect_failure(result, Failure::verification);
    EXPECT_EQ(result.error().report.finding, Finding::pops_differ);
}

TEST_F(Planning, AFunctionThatJumpsIntoItsStartIsReplacedButNeverCalled) {
    const Site& really_free = game::site(0x009FB170);
    void* original = nullptr;
    expect_failure(plan({&really_free, fake(0x10001000), &original, Role::consumer}), Failure::verification);
    ASSERT_TRUE(plan({&really_free, fake(0x10001000), nullptr, Role::consumer}));
    EXPECT_EQ(the_plan.edits[0].guarded, really_free.size) << "no thread may stand anywhere in it";
    ASSERT_TRUE(plan({&grow, fake(0x10001000), &original, Role::consumer}));
    EXPECT_EQ(the_plan.edits[0].guarded, the_plan.edits[0].size);
}

TEST_F(Planning, ASiteThatIsProvenByStructureIsPlannedWithItsOwnInstructions) {
    // PUSH EBP; MOV EBP,ESP in its other form; PUSH EAX; PUSH EAX; MOV [EBP-8],ECX: seven bytes have to move
    image.put(grow.va, "55 89 E5 50 50 89 4D F8");
    image.put(grow.va + 8, "90 90 90 90 90 90 90 90");
    ASSERT_TRUE(plan({&grow, fake(0x10001000), nullptr, Role::consumer}));
    EXPECT_EQ(the_plan.edits[0].size, 5);
    image.put(grow.va, "55 89 E5 81 EC 0C 00 00 00");
    ASSERT_TRUE(plan({&grow, fake(0x10001000), nullptr, Role::consumer}));
    EXPECT_EQ(the_plan.edits[0].size, 9);
    EXPECT_EQ(std::memcmp(the_plan.edits[0].before.data(), image.at(grow.va, 9), 9), 0);
}

TEST_F(Planning, NonsenseIsRefused) {
    expect_failure(plan({nullptr, fake(0x10001000), nullptr, Role::consumer}), Failure::bad_request);
    expect_failure(plan({&grow, nullptr, nullptr, Role::consumer}), Failure::bad_request);
    const PointerHook no_slot{nullptr, fake(0x10001000), nullptr};
    expect_failure(plan({}, std::span(&no_slot, 1)), Failure::bad_request);
    const PointerHook no_function{&slot, nullptr, nullptr};
    expect_failure(plan({}, std::span(&no_function, 1)), Failure::bad_request);
}

TEST_F(Planning, ASiteGivenTwiceIsRefused) {
    const Hook hooks[] = {{&grow, fake(0x10001000), nullptr, Role::consumer},
                          {&grow, fake(0x10001000), nullptr, Role::producer}};
    expect_failure(plan(hooks), Failure::bad_request);
}

TEST_F(Planning, OverlappingSitesAreRefusedAndNeighboursAreNot) {
    image.put(0x00500000, "90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90");
    const Site first = made_up_site(0x00500000, "90 90 90 90 90");
    Site second = first;
    for (const Addr distance : {1U, 4U, 5U}) {
        second.va = first.va + distance;
        const Hook hooks[] = {{&first, fake(0x10001000), nullptr, Role::consumer},
                              {&second, fake(0x10002000), nullptr, Role::consumer}};
        EXPECT_EQ(plan(hooks).has_value(), distance == 5) << distance;
        const Hook reversed[] = {hooks[1], hooks[0]};
        EXPECT_EQ(plan(reversed).has_value(), distance == 5) << distance;
    }
}

TEST_F(Planning, ASiteThatOverlapsAnInstalledOneIsRefused) {
    image.put(0x00500000, "90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90");
    const Site first = made_up_site(0x00500000, "90 90 90 90 90");
    ASSERT_TRUE(plan({&first, fake(0x90909090), nullptr, Role::consumer}));
    carry_out();
    Site second = first;  // the installed jump's last byte reads as the expected NOP: only the record tells
    second.va = first.va + 4;
    image[second.va] = 0x90;
    installation.hooks[0].written[4] = 0x90;
    expect_failure(plan({&second, fake(0x10002000), nullptr, Role::consumer}), Failure::bad_request);
}

TEST_F(Planning, AHookThatStandsIsKept) {
    void* original = nullptr;
    const Hook hook{&grow, fake(0x10001000), &original, Role::consumer};
    ASSERT_TRUE(plan(hook));
    const auto before = the_plan.edits[0].before;
    carry_out();
    ASSERT_TRUE(plan(hook));
    EXPECT_TRUE(the_plan.edits[0].stands);
    EXPECT_EQ(the_plan.edits[0].before, before) << "the game's bytes, for the trampoline";
}

TEST_F(Planning, AnotherReplacementForAHookThatStandsIsRefused) {
    ASSERT_TRUE(plan({&grow, fake(0x10001000), nullptr, Role::consumer}));
    carry_out();
    expect_failure(plan({&grow, fake(0x10002000), nullptr, Role::consumer}), Failure::already_installed);
    const PointerHook first{&slot, fake(0x10001000), nullptr};
    ASSERT_TRUE(plan({}, std::span(&first, 1)));
    carry_out();
    const PointerHook second{&slot, fake(0x10002000), nullptr};
    expect_failure(plan({}, std::span(&second, 1)), Failure::already_installed);
}

TEST_F(Planning, OurJumpWithoutARecordIsAForeignOne) {
    ASSERT_TRUE(plan({&grow, fake(0x10001000), nullptr, Role::consumer}));
    carry_out();
    installation.count = 0;
    const auto result = plan({&grow, fake(0x10001000), nullptr, Role::consumer});
    expect_failure(result, Failure::verification);
    EXPECT_EQ(result.error().report.finding, Finding::foreign);
}

TEST_F(Planning, AHookThatSomebodyTookOutIsPlannedAgain) {
    ASSERT_TRUE(plan({&grow, fake(0x10001000), nullptr, Role::consumer}));
    carry_out();
    image.put(grow);
    ASSERT_TRUE(plan({&grow, fake(0x10002000), nullptr, Role::consumer}));
    EXPECT_FALSE(the_plan.edits[0].stands);
}

class ManySites : public Planning {
protected:
    /// `count` made-up functions of five NOPs.
    std::vector<Hook> make(std::size_t count) {
        std::vector<Hook> hooks;
        for (std::size_t i = 0; i < count; ++i) {
            const auto va = static_cast<Addr>(0x00500000 + sites_.size() * 16);
            const Site& site = sites_.emplace_back(made_up_site(va, "90 90 90 90 90"));
            image.put(site.va, "90 90 90 90 90 C3");
            hooks.push_back({&site, fake(0x10001000), nullptr, Role::consumer});
        }
        return hooks;
    }

private:
    std::deque<Site> sites_;
};

TEST_F(ManySites, AsManyAsFitAreTakenAndOneMoreIsRefused) {
    EXPECT_TRUE(plan(make(kMaxHooks)));
    expect_failure(plan(make(kMaxHooks + 1)), Failure::bad_request);
}

TEST_F(ManySites, WhatIsInstalledCounts) {
    ASSERT_TRUE(plan(make(kMaxHooks - 1)));
    carry_out();
    EXPECT_TRUE(plan(make(1)));
    expect_failure(plan(make(2)), Failure::bad_request);
}

class PlanningRestore : public Planning {
protected:
    void SetUp() override {
        const Hook hooks[] = {{&create, fake(0x10001000), nullptr, Role::producer},
                              {&grow, fake(0x10002000), nullptr, Role::consumer}};
        const PointerHook pointers[] = {{&slot, fake(0x10004000), nullptr}};
        ASSERT_TRUE(plan(hooks, pointers));
        carry_out();
    }
    std::size_t plan_it() { return plan_restore(installation, image, left_alone, the_plan); }

    std::array<Error, 4> left_alone{};
};

TEST_F(PlanningRestore, ItGoesBackwardsToTheFormerBytes) {
    const SyntheticImage unmodified = SyntheticImage::of_game();
    EXPECT_EQ(plan_it(), 0U);
    ASSERT_EQ(the_plan.count, 3U);
    const std::array<Addr, 3> order{create.va, grow.va, slot.va};
    for (std::size_t i = 0; i < 3; ++i) {
        const Edit& edit = the_plan.edits[i];
        EXPECT_EQ(edit.va, order[i]);
        EXPECT_EQ(std::memcmp(edit.before.data(), image.at(edit.va, edit.size), edit.size), 0);
        EXPECT_EQ(std::memcmp(edit.after.data(), unmodified.at(edit.va, edit.size), edit.size), 0);
    }
}

TEST_F(PlanningRestore, ALaterJumpOfSomebodyElseIsReportedAndLeftOut) {
    image.put_relative(grow.va, 0xE9, 0x12345678);
    EXPECT_EQ(plan_it(), 1U);
    EXPECT_EQ(the_plan.count, 2U);
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
    EXPECT_EQ(the_plan.count, 2U);
}

TEST_F(PlanningRestore, MoreReportsThanFitAreStillCounted) {
    image[create.va] = image[grow.va] = image[slot.va] = 0xCC;
    EXPECT_EQ(plan_restore(installation, image, std::span(left_alone).first(1), the_plan), 3U);
    EXPECT_EQ(left_alone[0].address, create.va);
    EXPECT_EQ(left_alone[1].failure, Failure::none);
}

TEST_F(PlanningRestore, UnreadableBytesAreLeftAlone) {
    image.punch_hole(grow.va, grow.va + 1);
    EXPECT_EQ(plan_it(), 1U);
    EXPECT_EQ(left_alone[0].report.finding, Finding::unreadable);
}

}  // namespace
}  // namespace mp::patch::test
