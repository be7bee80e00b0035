#include "patch/transaction.h"

#include <gtest/gtest.h>

#include <string>

#include "fault.h"
#include "patch/verify.h"
#include "transaction_fixture.h"

namespace mp::patch::test {
namespace {

int another_replacement(int argument) {
    return argument - 1;
}

TEST_F(Transaction, TheReplacementIsCalledAndReachesTheOriginal) {
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        EXPECT_EQ(call_site(i, 10), 11 + static_cast<int>(i));
    }
    install_all();
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        EXPECT_EQ(call_site(i, 10), 1011 + static_cast<int>(i)) << kDisplaced[i % 4] << " bytes displaced";
        EXPECT_EQ(call(*hooks[i].original, 10), 11 + static_cast<int>(i));
    }
    EXPECT_EQ(restore_all(), 0U);
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        EXPECT_EQ(call_site(i, 10), 11 + static_cast<int>(i));
        EXPECT_EQ(call(*hooks[i].original, 10), 11 + static_cast<int>(i)) << "the trampoline outlives the hook";
    }
}

TEST_F(Transaction, OnlyTheDisplacedBytesChange) {
    install_all();
    std::vector<std::uint8_t> now = region.bytes();
    for (const Hook& hook : list.all()) {
        const std::size_t offset = hook.va() - address_of(region.at(0));
        std::memcpy(now.data() + offset, hook.former.data(), hook.size);
    }
    EXPECT_EQ(now, before);
    EXPECT_EQ(list.standing(), hooks.size() + slots.size());
    EXPECT_EQ(protections_of(region.at(0), CodeRegion::size()), protections_before);
    restore_all();
}

TEST_F(Transaction, AHundredRoundsLeaveBytesAndProtectionsAsTheyWere) {
    void* first_trampoline = nullptr;
    for (int round = 0; round < 100; ++round) {
        install_all();
        EXPECT_EQ(call_site(4, 1), 1006);
        EXPECT_EQ(slot_value(), replacement_address<5>());
        first_trampoline = round == 0 ? g_original<0> : first_trampoline;
        EXPECT_EQ(g_original<0>, first_trampoline) << "no new trampoline for the same bytes";
        EXPECT_EQ(restore_all(), 0U);
        EXPECT_EQ(list.standing(), 0U);
        expect_untouched();
    }
}

TEST_F(Transaction, AFunctionWithoutAnOriginalPointerIsReplacedToo) {
    list.add({.site = sites[1], .replacement = reinterpret_cast<const void*>(&another_replacement)});
    ASSERT_FALSE(install(list).has_error());
    EXPECT_EQ(call_site(1, 10), 9);
    restore_all();
    expect_untouched();
}

TEST_F(Transaction, ASlotIsReplacedAndPutBack) {
    install_all();
    EXPECT_EQ(slot_value(), replacement_address<5>());
    EXPECT_EQ(slot_original, entry(*sites[0]));
    EXPECT_EQ(protection_of(region.at(CodeRegion::kSlotPage * os::kPage)), (PageProtection{true, false, false}));
    restore_all();
    EXPECT_EQ(slot_value(), entry(*sites[0]));
}

TEST_F(Transaction, NoPageIsEverWritableAndExecutable) {
    int looked = 0;
    const Faults watch([&](os::Call, int) {
        std::vector<PageProtection> all = protections_of(region.at(0), CodeRegion::size());
        for (const Hook& hook : hooks) {
            all.push_back(protection_of(*hook.original));
        }
        for (const PageProtection& page : all) {
            EXPECT_FALSE(page.writable && page.executable);
        }
        ++looked;
        return false;
    });
    install_all();
    restore_all();
    EXPECT_GE(looked, 2 * 2 * 4) << "each of four pages, made writable and back, twice";
    for (const Hook& hook : hooks) {
        EXPECT_EQ(protection_of(*hook.original), (PageProtection{true, false, true}));
    }
}

TEST_F(Transaction, OneSiteThatDiffersLeavesItsGroupAloneAndNoOther) {
    region.overwrite(sites[3]->va, {0xCC});
    before = region.bytes();
    const InstallReport report = try_to_install();
    EXPECT_FALSE(report.has_error());
    ASSERT_EQ(report.group_count, 2U);
    EXPECT_EQ(report.groups[0].state, GroupOutcome::State::declined);
    EXPECT_EQ(report.groups[0].report.address, sites[3]->va);
    EXPECT_EQ(report.groups[0].report.observed[0], 0xCC);
    EXPECT_EQ(report.groups[0].mismatches, 1);
    EXPECT_EQ(report.groups[0].sites, hooks.size());
    EXPECT_EQ(report.groups[1].state, GroupOutcome::State::installed);
    EXPECT_EQ(list.standing(), slots.size());
    EXPECT_EQ(slot_value(), replacement_address<5>());
    for (const Hook& hook : hooks) {
        EXPECT_EQ(*hook.original, nullptr);
    }
    restore_all();
    expect_untouched();
}

TEST_F(Transaction, InstallingTwiceChangesNothingMore) {
    install_all();
    const auto once = region.bytes();
    void* trampoline = g_original<2>;
    install_all();
    EXPECT_EQ(region.bytes(), once);
    EXPECT_EQ(g_original<2>, trampoline);
    EXPECT_EQ(list.standing(), hooks.size() + slots.size());
    EXPECT_EQ(restore_all(), 0U);
    expect_untouched();
}

TEST_F(Transaction, HooksAreAddedToThoseThatStand) {
    ASSERT_FALSE(ask_and_install({std::span(hooks).first(2)}, list).has_error());
    install_all();
    EXPECT_EQ(list.standing(), hooks.size() + slots.size());
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        EXPECT_EQ(call_site(i, 10), 1011 + static_cast<int>(i));
    }
    restore_all();
    expect_untouched();
}

TEST_F(Transaction, AnotherReplacementForTheSameSiteIsAClearError) {
    install_all();
    const auto standing = region.bytes();
    void* trampoline = g_original<1>;
    list.add({.site = sites[1],
              .replacement = reinterpret_cast<const void*>(&another_replacement),
              .original = &g_original<1>});
    const InstallReport report = install(list);
    EXPECT_EQ(report.error.failure, Failure::bad_request);
    EXPECT_EQ(report.error.address, sites[1]->va);
    EXPECT_EQ(region.bytes(), standing);
    EXPECT_EQ(g_original<1>, trampoline);
    restore_all();
    expect_untouched();
}

TEST_F(Transaction, ALaterForeignJumpIsLeftAloneAndReported) {
    install_all();
    const Addr other = address_of(reinterpret_cast<const void*>(&another_replacement));
    const Addr distance = other - (sites[2]->va + 5);
    region.overwrite(sites[2]->va,
                     {0xE9, static_cast<std::uint8_t>(distance), static_cast<std::uint8_t>(distance >> 8),
                      static_cast<std::uint8_t>(distance >> 16), static_cast<std::uint8_t>(distance >> 24)});
    EXPECT_EQ(restore_all(), 1U);
    EXPECT_EQ(left_alone[0].failure, Failure::foreign_change);
    EXPECT_EQ(left_alone[0].address, sites[2]->va);
    EXPECT_EQ(left_alone[0].report.finding, Finding::foreign);
    EXPECT_EQ(left_alone[0].report.jump_target, other);
    EXPECT_NE(std::string(left_alone[0].report.owner.data()).find("patch_transaction_test"), std::string::npos);
    EXPECT_EQ(call_site(2, 10), 9) << "somebody else's jump still works";
    EXPECT_EQ(call_site(1, 10), 12);
    EXPECT_EQ(list.standing(), 1U);
    EXPECT_TRUE(list.find(sites[2]->va)->stands);
}

TEST_F(Transaction, WhatWasLeftAloneCanBeRestoredOnceTheForeignChangeIsGone) {
    install_all();
    region.overwrite(sites[2]->va, {0xE8});
    EXPECT_EQ(restore_all(), 1U);
    region.overwrite(sites[2]->va, {0xE9});
    EXPECT_EQ(restore_all(), 0U);
    EXPECT_EQ(list.standing(), 0U);
    expect_untouched();
}

TEST_F(Transaction, WhereverOurBytesDoNotStandAnyMoreIsFoundTheOriginalOnesIncluded) {
    install_all();
    EXPECT_EQ(find_foreign_changes(list, left_alone), 0U);
    const std::uint8_t* original = &before[sites[0]->va - address_of(region.at(0))];
    static_assert(kDisplaced[0] == 5);
    region.overwrite(sites[0]->va, {original[0], original[1], original[2], original[3], original[4]});
    region.overwrite(sites[2]->va, {0xE8});
    ASSERT_EQ(find_foreign_changes(list, left_alone), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(left_alone[i].failure, Failure::foreign_change);
        EXPECT_TRUE(left_alone[i].address == sites[0]->va || left_alone[i].address == sites[2]->va);
    }
    EXPECT_NE(left_alone[0].address, left_alone[1].address);
    EXPECT_EQ(find_foreign_changes(list, {}), 2U) << "counted beyond the room for them, too";
}

TEST_F(Transaction, WhatCannotBeReadIsNotTakenForChanged) {
    install_all();
    auto* const page = reinterpret_cast<void*>(static_cast<std::uintptr_t>(sites[0]->va) & ~(os::kPage - 1));
    os::OldProtection old = 0;
    ASSERT_TRUE(os::protect(page, os::kPage, os::Protection::none, &old));
    const std::size_t found = find_foreign_changes(list, left_alone);
    ASSERT_TRUE(os::restore_protection(page, os::kPage, old));
    ASSERT_GE(found, 1U);
    for (std::size_t i = 0; i < found; ++i) {
        EXPECT_EQ(left_alone[i].failure, Failure::unreadable);
        EXPECT_EQ(left_alone[i].report.finding, Finding::ok) << "nothing was observed";
    }
    EXPECT_EQ(find_foreign_changes(list, left_alone), 0U);
}

TEST_F(Transaction, AForeignJumpAtASiteIsNamedAndLeftAlone) {
    region.overwrite(sites[0]->va, {0x68, 0x78, 0x56, 0x34, 0x12, 0xC3});
    before = region.bytes();
    const InstallReport report = ask_and_install({hooks}, list);
    EXPECT_EQ(report.groups[0].report.finding, Finding::foreign);
    EXPECT_EQ(report.groups[0].report.jump_target, 0x12345678U);
    expect_untouched();
}

TEST_F(Transaction, RestoringNothingIsFine) {
    EXPECT_EQ(restore_all(), 0U);
    expect_untouched();
}

TEST_F(Transaction, ErrorsAreDescribedInOneLine) {
    Error error;
    error.failure = Failure::protection;
    error.address = 0x00AA5000;
    EXPECT_EQ(text(error), "the protection of the page at 0x00AA5000 could not be changed");
    region.overwrite(sites[0]->va, {0xCC});
    error = {.failure = Failure::foreign_change, .address = sites[0]->va};
    error.report = try_to_install().groups[0].report;
    EXPECT_NE(text(error).find("breakpoint"), std::string::npos);
    EXPECT_EQ(text(error).find('\n'), std::string::npos);
    restore_all();
}

}  // namespace
}  // namespace mp::patch::test
