#include <gtest/gtest.h>
#include <windows.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "fault.h"
#include "machine_code.h"
#include "os/process.h"

namespace mp::patch::test {
namespace {

/// Threads that count for as long as the object lives.
class Counters {
public:
    explicit Counters(std::size_t count) : values_(count) {
        for (std::size_t i = 0; i < count; ++i) {
            threads_.emplace_back([this, i] {
                while (!stop_.load(std::memory_order_relaxed)) {
                    values_[i].fetch_add(1, std::memory_order_relaxed);
                }
            });
        }
        for (const std::atomic<std::uint64_t>& value : values_) {
            while (value.load() == 0) {
                os::yield_thread();
            }
        }
    }
    ~Counters() {
        stop_ = true;
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }
    Counters(const Counters&) = delete;
    Counters& operator=(const Counters&) = delete;
    /// Without allocation: to be called while they are suspended.
    [[nodiscard]] std::uint64_t sum() const noexcept {
        std::uint64_t total = 0;
        for (const std::atomic<std::uint64_t>& value : values_) {
            total += value.load(std::memory_order_relaxed);
        }
        return total;
    }

private:
    std::vector<std::atomic<std::uint64_t>> values_;
    std::atomic<bool> stop_ = false;
    std::vector<std::thread> threads_;
};

using Result = os::SuspendedThreads::Result;

os::SuspendedThreads g_suspended;

DWORD WINAPI end_at_once(void* /*context*/) {
    return 0;
}

TEST(SuspendedThreads, StandStillUntilTheyAreResumed) {
    const Counters counters(8);
    for (int round = 0; round < 20; ++round) {
        ASSERT_EQ(g_suspended.suspend(), Result::all);
        const std::size_t count = g_suspended.count();
        const std::uint64_t first = counters.sum();
        os::sleep_ms(2);
        const std::uint64_t second = counters.sum();
        std::size_t without_pointer = 0;
        for (std::size_t i = 0; i < count; ++i) {
            without_pointer += g_suspended.instruction_pointer(i) == 0 ? 1U : 0U;
        }
        g_suspended.resume();
        EXPECT_GE(count, 8U);
        EXPECT_EQ(first, second);
        EXPECT_EQ(without_pointer, 0U);
        EXPECT_EQ(g_suspended.count(), 0U);
        while (counters.sum() == second) {
            os::yield_thread();
        }
    }
}

TEST(SuspendedThreads, AreNeverTheCallerItself) {
    ASSERT_EQ(g_suspended.suspend(), Result::all);
    const std::size_t count = g_suspended.count();
    g_suspended.resume();
    ASSERT_EQ(g_suspended.suspend(), Result::all);
    EXPECT_EQ(g_suspended.count(), count);
    g_suspended.resume();
}

TEST(SuspendedThreads, MoreThanFitAreAllLetGoAgain) {
    std::atomic<bool> stop = false;
    std::atomic<std::size_t> ended = 0;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < os::SuspendedThreads::kMax + 1; ++i) {
        threads.emplace_back([&] {
            while (!stop.load()) {
                os::sleep_ms(5);
            }
            ++ended;
        });
    }
    EXPECT_EQ(g_suspended.suspend(), Result::too_many);
    EXPECT_EQ(g_suspended.count(), 0U);
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(ended.load(), threads.size());
}

TEST(SuspendedThreads, ComeAndGoWhileOthersAreSuspended) {
    if (std::getenv("MP_EMULATED") != nullptr) {
        GTEST_SKIP() << "an emulated Wine now and then loses a thread that is born while others stand still";
    }
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> born = 0;
    std::vector<std::thread> parents;
    for (int i = 0; i < 4; ++i) {
        parents.emplace_back([&] {
            while (!stop.load()) {
                std::thread([&] { ++born; }).join();
            }
        });
    }
    for (int round = 0; round < 100; ++round) {
        ASSERT_EQ(g_suspended.suspend(), Result::all);
        const std::uint64_t first = born.load();
        os::yield_thread();
        const std::uint64_t second = born.load();
        g_suspended.resume();
        EXPECT_EQ(first, second);
    }
    stop = true;
    for (std::thread& parent : parents) {
        parent.join();
    }
    EXPECT_GT(born.load(), 0U);
}

TEST(SuspendedThreads, OneThatRefusesIsNamedAndAllRunOn) {
    const Counters counters(4);
    for (int which = 1; which <= 4; ++which) {
        {
            const Faults faults(Faults::only(which), Faults::Kind::suspension);
            ASSERT_EQ(g_suspended.suspend(), Result::refused);
            EXPECT_EQ(faults.failed(), 1);
        }
        EXPECT_EQ(g_suspended.count(), 0U);
        EXPECT_NE(g_suspended.refused_thread(), 0U);
        EXPECT_NE(g_suspended.refused_thread(), os::current_thread_id());
        EXPECT_FALSE(os::thread_has_ended(g_suspended.refused_thread()));
        const std::uint64_t before = counters.sum();
        while (counters.sum() == before) {
            os::yield_thread();
        }
    }
}

TEST(SuspendedThreads, OneThatHasEndedIsNoRefusal) {
    // Its handle keeps it known to the system.
    HANDLE ended = CreateThread(nullptr, 0, &end_at_once, nullptr, 0, nullptr);
    ASSERT_NE(ended, nullptr);
    ASSERT_EQ(WaitForSingleObject(ended, INFINITE), WAIT_OBJECT_0);
    EXPECT_EQ(g_suspended.suspend(), Result::all);
    g_suspended.resume();
    CloseHandle(ended);
}

TEST(SuspendedThreads, MayHoldTheHeapsLock) {
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            std::vector<std::unique_ptr<char[]>> blocks(64);
            for (std::size_t turn = 0; !stop.load(std::memory_order_relaxed); ++turn) {
                blocks[turn % blocks.size()] = std::make_unique<char[]>(16 + turn * 97 % 5000);
            }
        });
    }
    for (int round = 0; round < 100; ++round) {
        ASSERT_EQ(g_suspended.suspend(), Result::all);
        g_suspended.resume();
        os::yield_thread();
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
}

}  // namespace
}  // namespace mp::patch::test
