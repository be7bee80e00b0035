// The process ends: other threads have died wherever they stood, yet late calls still answer. Each case needs a process
// of its own.
#include "support.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#ifndef _WIN32
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace {

using namespace mp;
using test::Filled;

std::vector<Filled> some_blocks() {
    std::vector<Filled> blocks;
    test::Random random(3);
    for (std::uint32_t i = 0; i < 500; ++i) {
        const std::size_t size = random.block_size();
        blocks.push_back({static_cast<unsigned char*>(mp_malloc(size)), size, i});
        blocks.back().fill();
    }
    return blocks;
}

void expect_everything_works(const std::vector<Filled>& old_blocks) {
    for (const Filled& block : old_blocks) {
        ASSERT_TRUE(mp_owns(block.bytes));
        ASSERT_GE(mp_usable_size(block.bytes), block.size);
        ASSERT_TRUE(block.intact());
    }
    std::vector<Filled> late = some_blocks();
    for (Filled& block : late) {
        ASSERT_NE(block.bytes, nullptr);
        block.bytes = static_cast<unsigned char*>(mp_realloc(block.bytes, block.size + 1000));
        ASSERT_NE(block.bytes, nullptr);
        ASSERT_TRUE(block.intact());
        ASSERT_EQ(mp_free(block.bytes), 1);
    }
    for (const Filled& block : old_blocks) {
        auto* const moved = static_cast<unsigned char*>(mp_realloc(block.bytes, block.size * 2 + 100));
        ASSERT_NE(moved, nullptr);
        ASSERT_TRUE((Filled{moved, block.size, block.seed}.intact()));
        ASSERT_EQ(mp_free(moved), 1);
    }
    EXPECT_EQ(mp_free(const_cast<char*>("foreign")), 0);
    mp_trim(0);
    EXPECT_GT(test::stats_now().reserved_bytes, 0u);
    mp_thread_end();
    EXPECT_EQ(mp_free(mp_malloc(10)), 1);
}

TEST(ProcessEnd, LateCallsStillWork) {
    const std::vector<Filled> blocks = some_blocks();
    mp_process_end();
    mp_process_end();
    expect_everything_works(blocks);
}

TEST(ProcessEnd, BeforeAnyOtherCallIsHarmless) {
    mp_process_end();
    expect_everything_works({});
}

TEST(ProcessEnd, BlocksOfTheDeadAreNeitherFreedNorLost) {
    std::vector<Filled> blocks;
    std::thread([&blocks] { blocks = some_blocks(); }).join();
    mp_process_end();
    // A small block is only called freed: its span may have been left half changed.
    for (const Filled& block : blocks) {
        if (block.size <= 1000) {
            ASSERT_EQ(mp_free(block.bytes), 1);
            ASSERT_TRUE(block.intact());
        }
    }
}

std::atomic<bool> g_parked{false};

// Stands for a thread that the system has ended inside a kernel call: it never leaves it.
bool park(os::Call call, void* wanted) {
    if (call != *static_cast<os::Call*>(wanted) || g_parked.exchange(true)) {
        return false;
    }
    for (;;) {
        os::sleep_ms(1000);
    }
}

void die_inside(os::Call call) {
    static os::Call wanted;
    wanted = call;
    os::set_fault_hook(park, &wanted);
    std::thread([] {
        for (;;) {
            mp_free(mp_malloc(std::size_t{100} << 20));
            mp_trim(0);
        }
    }).detach();
    while (!g_parked) {
        os::sleep_ms(1);
    }
    os::set_fault_hook(nullptr, nullptr);
}

TEST(ProcessEnd, SurvivesAThreadThatDiedHoldingTheArena) {
    const std::vector<Filled> blocks = some_blocks();
    die_inside(os::Call::reserve);
    mp_process_end();
    expect_everything_works(blocks);
}

TEST(ProcessEnd, SurvivesAThreadThatDiedWhileCommitting) {
    const std::vector<Filled> blocks = some_blocks();
    die_inside(os::Call::commit);
    mp_process_end();
    expect_everything_works(blocks);
}

// The dead thread was making its heap and held rpmalloc's own lock.
TEST(ProcessEnd, SurvivesAThreadThatDiedWhileStarting) {
    const std::vector<Filled> blocks = some_blocks();
    mp_trim(0);
    static os::Call wanted = os::Call::commit;
    os::set_fault_hook(park, &wanted);
    for (int i = 0; i < 40 && !g_parked; ++i) {
        std::thread([] {
            mp_malloc(10);
            for (;;) {
                os::sleep_ms(1000);
            }
        }).detach();
        os::sleep_ms(20);
    }
    EXPECT_TRUE(g_parked);
    os::set_fault_hook(nullptr, nullptr);
    mp_process_end();
    expect_everything_works(blocks);
}

// Every lock of the process, the allocator's or not.
TEST(ProcessEnd, LetsEverybodyIntoEveryLockAndTellsWhichOnesADeadThreadHeld) {
    static os::ColdLock orphaned;
    static os::ColdLock free;
    std::thread([] { orphaned.lock(); }).join();
    ASSERT_TRUE(orphaned.intact());
    ASSERT_FALSE(orphaned.try_lock());
    mp_process_end();
    for (int i = 0; i < 3; ++i) {
        {
            const os::ColdLockGuard guard(orphaned);
            const os::ColdLockGuard nested(free);
            EXPECT_FALSE(orphaned.intact());
            EXPECT_TRUE(free.intact());
        }
        EXPECT_FALSE(orphaned.try_lock());
        EXPECT_TRUE(free.try_lock());
    }
}

// ... or it was the first one to call at all.
TEST(ProcessEnd, SurvivesAThreadThatDiedDuringStartUp) {
    static os::Call wanted = os::Call::reserve;
    os::set_fault_hook(park, &wanted);
    std::thread([] { mp_malloc(10); }).detach();
    while (!g_parked) {
        os::sleep_ms(1);
    }
    os::set_fault_hook(nullptr, nullptr);
    mp_process_end();
    void* const block = mp_malloc(10);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(mp_free(block), 1);
}

#ifndef _WIN32

std::atomic<int> g_dead{0};

void die_here(int) {
    ++g_dead;
    for (;;) {
        pause();
    }
}

/// Spans enough that each round passes some through the cache that all threads share.
void hammer() {
    std::vector<void*> blocks(160);
    for (;;) {
        for (void*& block : blocks) {
            block = mp_malloc(12'000);
        }
        for (void* const block : blocks) {
            mp_free(block);
        }
    }
}

/// Most of the time inside the locks that guard what threads share.
void trim_again_and_again() {
    for (;;) {
        mp_trim(0);
    }
}

/// In a process of its own: whether late calls work after threads were ended wherever they stood.
bool survives(unsigned microseconds) {
    constexpr int kThreads = 8;
    alarm(30);  // for a call that never returns
    std::signal(SIGUSR1, die_here);
    const std::vector<Filled> blocks = some_blocks();
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back(i % 2 == 0 ? hammer : trim_again_and_again);
    }
    usleep(microseconds);
    for (std::thread& thread : threads) {
        pthread_kill(thread.native_handle(), SIGUSR1);
        thread.detach();
    }
    while (g_dead != kThreads) {
        usleep(100);
    }
    mp_process_end();
    expect_everything_works(blocks);
    return !testing::Test::HasFailure();
}

// Inside any lock, of rpmalloc's own as well, at any instruction.
TEST(ProcessEnd, SurvivesThreadsThatDiedAnywhere) {
    const unsigned processes = test::kSanitized ? 10 : 150;
    for (unsigned i = 0; i < processes; ++i) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            _exit(survives(3000 + 37 * i) ? 0 : 1);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "process " << i << " ended with " << status;
    }
}

#endif

}  // namespace
