#include <gtest/gtest.h>

#include "fault.h"
#include "transaction_fixture.h"

namespace mp::patch::test {
namespace {

class Rollback : public Transaction {
protected:
    void expect_originals_untold() {
        for (const Hook& hook : hooks) {
            EXPECT_EQ(*hook.original, &sentinel);
        }
        EXPECT_EQ(slot_original, &sentinel);
    }
    void forget_originals() {
        for (const Hook& hook : hooks) {
            *hook.original = &sentinel;
        }
        slot_original = &sentinel;
    }
    void expect_all_call(int expected_more) {
        for (std::size_t i = 0; i < hooks.size(); ++i) {
            EXPECT_EQ(call_site(i, 10), 11 + static_cast<int>(i) + expected_more);
        }
    }
    /// True when the bytes at `va` are not those of before.
    [[nodiscard]] bool changed(Addr va, std::size_t size) const {
        const std::size_t offset = va - address_of(region.at(0));
        return std::memcmp(region.at(offset), before.data() + offset, size) != 0;
    }
    [[nodiscard]] bool recorded(Addr va) const {
        for (std::size_t i = 0; i < installation.count; ++i) {
            if (installation.hooks[i].va == va) {
                return true;
            }
        }
        return false;
    }

    // Each of the four pages is made writable, and protected again.
    static constexpr int kProtectCalls = 8;
    int sentinel = 0;
};

TEST_F(Rollback, AnyFailingCallOfAnInstallLeavesEverythingAsItWas) {
    for (int k = 1;; ++k) {
        forget_originals();
        const Faults faults(Faults::only(k));
        const auto installed = install(hooks, pointers, installation);
        if (faults.failed() == 0) {
            EXPECT_TRUE(installed);
            EXPECT_GT(k, kProtectCalls);
            break;
        }
        ASSERT_FALSE(installed) << k;
        EXPECT_TRUE(installed.error().failure == Failure::protection ||
                    installed.error().failure == Failure::trampoline_memory);
        EXPECT_EQ(installation.count, 0U);
        expect_untouched();
        expect_originals_untold();
        expect_all_call(0);
    }
    expect_all_call(1000);
    EXPECT_EQ(restore_all(), 0U);
    expect_untouched();
}

TEST_F(Rollback, AnyFailingCallOfARestoreLeavesTheHooksInPlace) {
    install_all();
    const auto with_hooks = region.bytes();
    for (int k = 1;; ++k) {
        const Faults faults(Faults::only(k));
        const auto restored = restore(installation, left_alone);
        if (faults.failed() == 0) {
            EXPECT_TRUE(restored);
            EXPECT_EQ(k, kProtectCalls + 1);
            break;
        }
        ASSERT_FALSE(restored) << k;
        EXPECT_EQ(restored.error().failure, Failure::protection);
        EXPECT_EQ(installation.count, hooks.size() + pointers.size());
        EXPECT_EQ(region.bytes(), with_hooks);
        EXPECT_EQ(protections_of(region.at(0), CodeRegion::size()), protections_before);
        expect_all_call(1000);
    }
    EXPECT_EQ(installation.count, 0U);
    expect_untouched();
}

TEST_F(Rollback, TwoFailuresInARowAreRolledBackToo) {
    install_all();  // so that the trampolines exist and only protections are counted
    restore_all();
    for (int k = 1; k < kProtectCalls; ++k) {
        forget_originals();
        const Faults faults(Faults::between(k, k + 1));
        ASSERT_FALSE(install(hooks, pointers, installation)) << k;
        EXPECT_EQ(faults.failed(), 2);
        EXPECT_EQ(installation.count, 0U);
        expect_untouched();
        expect_originals_untold();
        expect_all_call(0);
    }
}

TEST_F(Rollback, BytesThatSomebodyChangesBetweenVerifyingAndWritingAreLeftAlone) {
    // Functions that never stood here before need trampolines; making those is the moment in between.
    static std::size_t times_run = 0;
    const std::size_t offset = 4 * os::kPage + 0x40 * times_run++;
    ASSERT_TRUE(os::protect(region.at(4 * os::kPage), os::kPage, os::Protection::read_write, nullptr));
    const game::Site& late = region.add_function(offset, 77, 6);
    region.seal();
    before = region.bytes();
    const Hook hook{&late, replacement_address<6>(), &g_original<6>, Role::consumer};
    g_original<6> = &sentinel;
    bool done = false;
    const Faults faults([&](os::Call, int) {
        if (!done) {
            done = true;
            region.overwrite(late.va, {0xE9});
        }
        return false;
    });
    const auto installed = install(std::span(&hook, 1), {}, installation);
    ASSERT_TRUE(done);
    ASSERT_FALSE(installed);
    EXPECT_EQ(installed.error().failure, Failure::foreign_change);
    EXPECT_EQ(installed.error().address, late.va);
    EXPECT_EQ(g_original<6>, &sentinel);
    EXPECT_EQ(installation.count, 0U);
    before[offset] = 0xE9;
    expect_untouched();
}

TEST_F(Rollback, AnInstallThatFailedSucceedsLater) {
    {
        const Faults faults(Faults::only(3));
        ASSERT_FALSE(install(hooks, pointers, installation));
    }
    install_all();
    expect_all_call(1000);
    restore_all();
    expect_untouched();
}

TEST_F(Rollback, AHookThatCannotBeTakenOutKeepsWorkingAndStaysRecorded) {
    install_all();
    restore_all();
    forget_originals();
    // Three pages are made writable; the first is protected again, the second refuses, the third is protected again.
    // Then the first refuses three times to be made writable once more.
    {
        const Faults faults(
            [](os::Call, int number) { return number == 5 || number == 7 || number == 9 || number == 10; });
        ASSERT_FALSE(install(hooks, {}, installation));
        ASSERT_EQ(faults.failed(), 4);
    }
    EXPECT_EQ(protections_of(region.at(0), CodeRegion::size()), protections_before);
    EXPECT_EQ(installation.count, sites.size()) << "all but the one that straddles the other two pages";
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        const bool stands = recorded(hooks[i].site->va);
        EXPECT_EQ(changed(hooks[i].site->va, 5), stands);
        EXPECT_EQ(call_site(i, 10), 11 + static_cast<int>(i) + (stands ? 1000 : 0));
        EXPECT_EQ(*hooks[i].original == &sentinel, !stands);
    }
    EXPECT_EQ(restore_all(), 0U);
    expect_untouched();
}

TEST_F(Rollback, ASystemThatRefusesEverythingFromSomeCallOnIsSurvivedWithATrueRecord) {
    install_all();
    restore_all();
    for (int k = 1; k <= kProtectCalls; ++k) {
        {
            const Faults faults(Faults::between(k, 1000000));
            ASSERT_FALSE(install(hooks, pointers, installation)) << k;
        }
        for (const Hook& hook : hooks) {
            EXPECT_EQ(changed(hook.site->va, 5), recorded(hook.site->va)) << k;
        }
        EXPECT_EQ(changed(slot->va, 4), recorded(slot->va)) << k;
        region.seal();  // the pages that nobody could protect again
        EXPECT_EQ(restore_all(), 0U);
        expect_untouched();
    }
}

}  // namespace
}  // namespace mp::patch::test
