#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "fault.h"
#include "transaction_fixture.h"

namespace mp::patch::test {
namespace {

/// A thread that lives as long as the object, whatever else the process has.
class LivingThread {
public:
    LivingThread()
        : thread_([this] {
              while (!stop_) {
                  std::this_thread::yield();
              }
          }) {}
    ~LivingThread() {
        stop_ = true;
        thread_.join();
    }
    LivingThread(const LivingThread&) = delete;
    LivingThread& operator=(const LivingThread&) = delete;

private:
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

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
        const Hook* hook = list.find(va);
        return hook != nullptr && hook->stands;
    }

    /// Every later transaction on the same pages starts from the protection that they had.
    void expect_mended() {
        std::array<ChangedPage, 8> pages{};
        EXPECT_EQ(mend_pages(pages), 0U);
        EXPECT_EQ(protections_of(region.at(0), CodeRegion::size()), protections_before);
    }
    /// What the record, the bytes and the error say of each other.
    void expect_true_record(const Error& error) {
        std::size_t standing = 0;
        for (const Hook& hook : hooks) {
            EXPECT_EQ(changed(hook.site->va, 5), recorded(hook.site->va));
            EXPECT_EQ(*hook.original == &sentinel, !recorded(hook.site->va));
            standing += changed(hook.site->va, 5) ? 1U : 0U;
        }
        EXPECT_EQ(changed(slot->va, 4), recorded(slot->va));
        standing += changed(slot->va, 4) ? 1U : 0U;
        const auto now = protections_of(region.at(0), CodeRegion::size());
        std::size_t pages = 0;
        for (std::size_t i = 0; i < now.size(); ++i) {
            EXPECT_FALSE(now[i].writable && now[i].executable) << "page " << i;
            pages += now[i] == protections_before[i] ? 0U : 1U;
        }
        EXPECT_TRUE(error.aftermath.looked);
        EXPECT_EQ(error.aftermath.standing, standing);
        EXPECT_EQ(error.aftermath.foreign, 0U);
        EXPECT_EQ(error.aftermath.pages, pages);
        EXPECT_EQ(error.aftermath.untouched(), standing == 0 && pages == 0);
    }
    static std::string text(const Aftermath& aftermath) {
        std::array<char, 256> buffer{};
        describe(aftermath, buffer.data(), buffer.size());
        return buffer.data();
    }
    using Transaction::text;

    // Each of the four pages is made writable, and protected again.
    static constexpr int kPages = 4;
    static constexpr int kProtectCalls = 2 * kPages;
    int sentinel = 0;
};

TEST_F(Rollback, AnyFailingCallOfAnInstallLeavesEverythingAsItWas) {
    for (int k = 1;; ++k) {
        forget_originals();
        const Faults faults(Faults::only(k));
        const InstallReport report = try_to_install();
        if (!report.has_error()) {
            EXPECT_GT(k, kPages) << "refusals before anything is written";
            break;
        }
        EXPECT_TRUE(report.error.aftermath.untouched()) << text(report.error.aftermath);
        EXPECT_TRUE(report.error.failure == Failure::protection || report.error.failure == Failure::trampoline_memory);
        EXPECT_EQ(list.standing(), 0U);
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
        const auto restored = restore(list, nullptr, left_alone);
        if (restored) {
            EXPECT_EQ(k, kPages + 1);
            break;
        }
        EXPECT_TRUE(restored.error().aftermath.untouched()) << text(restored.error().aftermath);
        EXPECT_EQ(restored.error().failure, Failure::protection);
        EXPECT_EQ(list.standing(), hooks.size() + slots.size());
        EXPECT_EQ(region.bytes(), with_hooks);
        EXPECT_EQ(protections_of(region.at(0), CodeRegion::size()), protections_before);
        expect_all_call(1000);
    }
    EXPECT_EQ(list.standing(), 0U);
    expect_untouched();
}

TEST_F(Rollback, AFewRefusalsToProtectAgainAreWaitedOut) {
    install_all();  // so that the trampolines exist and only protections are counted
    restore_all();
    for (int k = kPages + 1; k <= kProtectCalls; ++k) {
        {
            const Faults faults(Faults::between(k, k + 2));
            EXPECT_FALSE(try_to_install().has_error()) << k;
            EXPECT_EQ(faults.failed(), 3);
        }
        expect_all_call(1000);
        EXPECT_EQ(protections_of(region.at(0), CodeRegion::size()), protections_before);
        EXPECT_EQ(restore_all(), 0U);
        expect_untouched();
    }
}

TEST_F(Rollback, APageThatRefusesToBecomeWritableStopsBeforeAnythingIsWritten) {
    install_all();
    restore_all();
    for (int k = 1; k <= kPages; ++k) {
        forget_originals();
        const Faults faults(Faults::between(k, k + 2));
        const InstallReport report = try_to_install();
        ASSERT_TRUE(report.has_error()) << k;
        EXPECT_TRUE(report.error.aftermath.untouched());
        EXPECT_EQ(text(report.error.aftermath), "nothing was changed");
        EXPECT_EQ(list.standing(), 0U);
        expect_untouched();
        expect_originals_untold();
        expect_all_call(0);
    }
}

TEST_F(Rollback, PagesThatCanNeverBeProtectedAgainAreToldAsTheyAreAndMendedLater) {
    install_all();
    restore_all();
    forget_originals();
    std::array<ChangedPage, 8> pages{};
    {
        const Faults faults(Faults::between(kPages + 1, 1000000));
        const InstallReport report = try_to_install();
        ASSERT_TRUE(report.has_error());
        EXPECT_EQ(report.error.failure, Failure::protection);
        expect_true_record(report.error);
        EXPECT_EQ(report.error.aftermath.pages, kPages);
        EXPECT_EQ(region.bytes(), before) << "pages that stayed writable get their bytes back";
        EXPECT_NE(text(report.error.aftermath).find("pages with another protection 4"), std::string::npos)
            << text(report.error.aftermath);
        ASSERT_EQ(mend_pages(pages), static_cast<std::size_t>(kPages));
        EXPECT_EQ(mend_pages({}), static_cast<std::size_t>(kPages));
    }
    for (int i = 0; i < kPages; ++i) {
        const auto at = pages[static_cast<std::size_t>(i)];
        EXPECT_TRUE(at.now.writable && !at.now.executable);
        EXPECT_FALSE(at.former.writable);
        std::array<char, 64> line{};
        describe(at, line.data(), line.size());
        EXPECT_NE(std::string(line.data()).find(at.former.executable ? "(was r-x, is rw-)" : "(was r--, is rw-)"),
                  std::string::npos)
            << line.data();
    }
    expect_mended();
    expect_all_call(0);
}

TEST_F(Rollback, ATransactionAfterOneThatLeftPagesGivesThemTheirProtectionBack) {
    install_all();
    restore_all();
    {
        const Faults faults(Faults::between(kPages + 1, 1000000));
        ASSERT_TRUE(try_to_install().has_error());
    }
    install_all();
    expect_all_call(1000);
    EXPECT_EQ(protections_of(region.at(0), CodeRegion::size()), protections_before);
    EXPECT_EQ(mend_pages({}), 0U);
    restore_all();
    expect_untouched();
}

TEST_F(Rollback, AThreadThatRefusesToBeSuspendedForbidsTheTransaction) {
    const LivingThread thread;
    forget_originals();
    const Faults faults(Faults::always(), Faults::Kind::suspension);
    const InstallReport report = try_to_install();
    ASSERT_TRUE(report.has_error());
    EXPECT_EQ(report.error.failure, Failure::thread_refused);
    EXPECT_NE(report.error.thread, 0U);
    EXPECT_NE(text(report.error)
                  .find("the thread with the id " + std::to_string(report.error.thread) + " could not be suspended"),
              std::string::npos)
        << text(report.error);
    EXPECT_GT(faults.failed(), 1) << "a thread may be about to end";
    EXPECT_TRUE(report.error.aftermath.untouched());
    EXPECT_EQ(list.standing(), 0U);
    expect_untouched();
    expect_originals_untold();
    expect_all_call(0);
}

TEST_F(Rollback, AThreadThatRefusesAFewTimesIsWaitedFor) {
    const LivingThread thread;
    const Faults faults(Faults::between(1, 5), Faults::Kind::suspension);
    EXPECT_FALSE(try_to_install().has_error());
    EXPECT_EQ(faults.failed(), 5);
    expect_all_call(1000);
    restore_all();
    expect_untouched();
}

TEST_F(Rollback, BytesThatSomebodyChangesBetweenVerifyingAndWritingAreLeftAlone) {
    // Functions that never stood here before need trampolines; making those is the moment in between.
    static std::size_t times_run = 0;
    const std::size_t offset = 4 * os::kPage + 0x40 * times_run++;
    ASSERT_TRUE(os::protect(region.at(4 * os::kPage), os::kPage, os::Protection::read_write, nullptr));
    const game::Site& late = region.add_function(offset, 77, 6);
    region.seal();
    before = region.bytes();
    const Hook hook{.site = &late, .replacement = replacement_address<6>(), .original = &g_original<6>};
    g_original<6> = &sentinel;
    bool done = false;
    const Faults faults([&](os::Call, int) {
        if (!done) {
            done = true;
            region.overwrite(late.va, {0xE9});
        }
        return false;
    });
    const InstallReport report = ask_and_install({std::span(&hook, 1)}, list);
    ASSERT_TRUE(done);
    ASSERT_TRUE(report.has_error());
    EXPECT_EQ(report.error.failure, Failure::foreign_change);
    EXPECT_EQ(report.error.address, late.va);
    EXPECT_EQ(g_original<6>, &sentinel);
    EXPECT_EQ(list.standing(), 0U);
    before[offset] = 0xE9;
    expect_untouched();
}

TEST_F(Rollback, AnInstallThatFailedSucceedsLater) {
    {
        const Faults faults(Faults::only(3));
        ASSERT_TRUE(try_to_install().has_error());
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
    // Three pages are made writable; the first is protected again. From then on everything is refused: the first cannot
    // be made writable once more, and its hooks stand.
    Error error;
    {
        const Faults faults(Faults::between(5, 1000000));
        list.clear();
        const InstallReport report = ask_and_install({hooks}, list);
        ASSERT_TRUE(report.has_error());
        error = report.error;
        expect_true_record(error);
    }
    EXPECT_EQ(error.aftermath.standing, sites.size()) << "all but the one that straddles the other two pages";
    EXPECT_EQ(error.aftermath.pages, 2U);
    EXPECT_EQ(list.standing(), sites.size());
    expect_mended();
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        const bool stands = recorded(hooks[i].site->va);
        EXPECT_EQ(call_site(i, 10), 11 + static_cast<int>(i) + (stands ? 1000 : 0));
    }
    EXPECT_EQ(restore_all(), 0U);
    expect_untouched();
}

TEST_F(Rollback, ASystemThatRefusesEverythingFromSomeCallOnIsSurvivedWithATrueRecord) {
    install_all();
    restore_all();
    for (int k = 1; k <= kProtectCalls; ++k) {
        forget_originals();
        {
            const Faults faults(Faults::between(k, 1000000));
            const InstallReport report = try_to_install();
            ASSERT_TRUE(report.has_error()) << k;
            expect_true_record(report.error);
        }
        expect_mended();
        EXPECT_EQ(restore_all(), 0U);
        expect_untouched();
    }
}

/// Whatever moment is looked at: who frees stands before who allocates does, on the way in and on the way out.
TEST_F(Rollback, NoProducerStandsWithoutEveryConsumer) {
    int flushes = 0;
    int wrong = 0;
    {
        const Faults faults(
            [&](os::Call call, int) {
                if (call == os::Call::flush) {
                    bool producer = false;
                    bool consumers = changed(slot->va, sizeof(Addr));
                    for (const Hook& hook : hooks) {
                        const bool stands = changed(hook.site->va, 5);
                        const bool produces = hook.site->role == game::Role::producer;
                        producer = producer || (produces && stands);
                        consumers = consumers && (produces || stands);
                    }
                    ++flushes;
                    wrong += producer && !consumers ? 1 : 0;
                }
                return call == os::Call::protect && flushes >= 6;  // no page may be given its protection back
            },
            Faults::Kind::all);
        EXPECT_TRUE(try_to_install().has_error());
    }
    EXPECT_EQ(flushes, 1 + 6 + 6) << "trampolines, six written, six put back";
    EXPECT_EQ(wrong, 0);
    expect_mended();
    expect_untouched();
}

}  // namespace
}  // namespace mp::patch::test
