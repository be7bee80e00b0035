// Full mode when things go wrong: the system refuses, pointers are no blocks, threads stop where they stand.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "alloc/mp_alloc.h"
#include "alloc/span_layout.h"
#include "front_doors.h"
#include "installed.h"
#include "os/background.h"
#include "os/os.h"
#include "os/process.h"
#include "plugin/activation.h"
#include "plugin/extender.h"
#include "plugin/log.h"
#include "refusal.h"
#include "replace/counters.h"
#include "replace/pressure.h"
#include "replace/quarantine.h"
#include "replace/scrap_buffers.h"
#include "replace/statistics.h"
#include "replace/thread_state.h"

namespace mp::test {
namespace {

using replace::Count;

using Adversity = FullMode;

// --- the system refuses --------------------------------------------------------------------------------------------

struct Made {
    void* block;
    std::uint32_t size;
};

/// Blocks of all kinds through the game's door; every one must be there and keep its contents.
void work_and_check(std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<Made> made;
    for (std::uint32_t i = 0; i < 300; ++i) {
        const std::uint32_t size = i % 20 == 0 ? 100000 + random() % 3000000 : random() % 2000;
        void* block = allocate(size);
        ASSERT_NE(block, nullptr);
        fill(block, size, i);
        if (i % 7 == 0) {
            block = reallocate(block, size + 5000);
            ASSERT_NE(block, nullptr);
        }
        made.push_back({block, size});
        void* stacked = push(thread_scrap(), size / 4);
        ASSERT_NE(stacked, nullptr);
        fill(stacked, size / 4, i);
        pop(thread_scrap(), stacked);
    }
    for (std::uint32_t i = 0; i < made.size(); ++i) {
        EXPECT_TRUE(intact(made[i].block, made[i].size, i));
        release(made[i].block);
    }
}

TEST_F(Adversity, AllocateServesWhateverReservationOrCommitIsRefused) {
    activate();
    for (std::uint32_t k = 1; k <= 60; ++k) {
        for (const std::uint32_t count : {1U, 3U, 40U}) {
            const Refusal refusal(k, count);
            work_and_check(k);
            if (HasFatalFailure()) {
                return;
            }
        }
        mp_trim(0);  // so that the next round asks the system again
    }
}

TEST_F(Adversity, ALongRefusalRunsTheGamesStagesInTheirOrderAndThenServes) {
    activate();
    standin::engine_counters.oom_stages = {};
    mp_trim(0);
    const Refusal refusal(1, 400);
    const NoRuntimeHeap no_runtime;  // it would help out after the first stage
    constexpr std::uint32_t kSize = 40U << 20;
    void* block = allocate(kSize);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(refusal.refused(), 400U);
    EXPECT_GT(replace::total(Count::out_of_memory_stages), 0U);
    for (std::size_t stage = 0; stage < 7; ++stage) {
        EXPECT_GT(standin::engine_counters.oom_stages[stage], 0U) << "stage " << stage;
    }
    EXPECT_EQ(standin::engine_counters.oom_stages[8], 0U) << "the stage that can crash";
    release(block);
}

TEST_F(Adversity, ASizeThatNoAddressSpaceHoldsGivesNullAtOnceAndChangesNothing) {
    activate();
    void* block = allocate(100);
    fill(block, 100, 3);
    const std::uint64_t live = replace::live_blocks();
    for (const std::uint32_t size : {0x80000000U, 0xFFFFFFF0U, 0xFFFFFFFFU}) {
        EXPECT_EQ(allocate(size), nullptr);
        EXPECT_EQ(reallocate(block, size), nullptr);
        EXPECT_EQ(reallocate2(nullptr, size), nullptr);
    }
    EXPECT_EQ(replace::live_blocks(), live);
    EXPECT_TRUE(intact(block, 100, 3));
    release(block);
}

// --- pointers that are no blocks -----------------------------------------------------------------------------------

/// Frees pointers into a block through two doors: nothing of it may change, and nothing may take its place.
void free_into_a_block_of(std::uint32_t size) {
    auto* block = static_cast<std::uint8_t*>(allocate(size));
    fill(block, size, size);
    const std::uint64_t live = replace::live_blocks();
    const std::uint64_t invalid = replace::total(Count::invalid_pointers);
    for (const std::uint32_t offset : {1U, 4U, 8U, 20U}) {
        release(block + offset);
        crt_free(block + offset);
    }
    EXPECT_EQ(replace::live_blocks(), live) << size;
    EXPECT_EQ(replace::total(Count::invalid_pointers), invalid + 8) << size;
    EXPECT_TRUE(intact(block, size, size)) << size;
    void* other = allocate(size);
    EXPECT_TRUE(other < block || other >= block + size) << size;
    release(other);
    release(block);
}

TEST_F(Adversity, PointersIntoBlocksAreIgnoredAndTheBlocksStayWhole) {
    activate();
    for (const std::uint32_t quarantine : {0U, 64U}) {
        replace::set_quarantine(quarantine);
        for (const std::uint32_t size : {24U, 100U, 600U, 1024U, 5000U, 20000U, 70000U, 3000000U}) {
            free_into_a_block_of(size);
        }
    }
}

TEST_F(Adversity, BlocksOfEverySizeAreKnownByTheirFirstByteAlone) {
    replace::set_quarantine(64);
    activate();
    for (std::uint32_t size = 1; size <= 5000; size += size < 600 ? 1 : 97) {
        auto* block = static_cast<std::uint8_t*>(allocate(size));
        const std::uint64_t before = replace::total(Count::invalid_pointers);
        for (std::uint32_t offset = 1; offset < size; ++offset) {
            release(block + offset);
        }
        EXPECT_EQ(replace::total(Count::invalid_pointers) - before, size - 1) << size;
        EXPECT_GE(size_of(block), size);
        release(block);
    }
}

TEST_F(Adversity, APointerIntoASpansHeaderChangesNothing) {
    replace::set_quarantine(64);
    activate();
    auto* block = static_cast<std::uint8_t*>(allocate(200));
    auto* header = reinterpret_cast<std::uint8_t*>(reinterpret_cast<std::uintptr_t>(block) & ~(MP_GRANULE_SIZE - 1U));
    const std::vector<std::uint8_t> before(header, header + MP_SPAN_HEADER_SIZE);
    for (std::uint32_t offset = 0; offset < MP_SPAN_HEADER_SIZE; ++offset) {
        release(header + offset);
    }
    EXPECT_TRUE(std::equal(before.begin(), before.end(), header));
    release(block);
}

TEST_F(Adversity, ABlockFreedTwiceIsNeverHandedOutTwice) {
    for (const std::uint32_t quarantine : {0U, 64U}) {
        replace::set_quarantine(quarantine);
        activate();
        for (const std::uint32_t size : {24U, 100U, 600U, 5000U, 20000U, 70000U, 3000000U}) {
            void* block = allocate(size);
            release(block);
            release(block);
            std::vector<void*> blocks;
            for (int i = 0; i < 100; ++i) {
                blocks.push_back(allocate(size));
            }
            std::ranges::sort(blocks);
            EXPECT_EQ(std::ranges::adjacent_find(blocks), blocks.end()) << size;
            std::ranges::for_each(blocks, &release);
        }
    }
}

/// A block that is free: it has been held back and has left the quarantine again.
void* block_that_is_free(std::uint32_t quarantine) {
    void* block = allocate(104);
    std::vector<void*> others;
    for (std::uint32_t i = 0; i < 4 * quarantine; ++i) {
        others.push_back(allocate(104));
    }
    release(block);
    std::ranges::for_each(others, &release);
    return block;
}

TEST_F(Adversity, ABlockFreedAgainAfterItsTimeInQuarantineLeavesTheFreeListWhole) {
    constexpr std::uint32_t kQuarantine = 64;
    replace::set_quarantine(kQuarantine);
    activate();
    release(block_that_is_free(kQuarantine));
    std::vector<void*> blocks;
    for (std::uint32_t i = 0; i < 2000; ++i) {
        blocks.push_back(allocate(104));
        ASSERT_NE(mp_usable_size(blocks.back()), 0U) << i;
        fill(blocks.back(), 104, i);
    }
    for (std::uint32_t i = 0; i < 2000; ++i) {
        EXPECT_TRUE(intact(blocks[i], 104, i)) << i;
    }
    std::ranges::for_each(blocks, &release);
}

TEST_F(Adversity, ASecondFreeIsRecognisedLongAfterTheFirstThroughEveryDoorAndThread) {
    using Free = void (*)(void*);
    constexpr std::array<Free, 4> kFrees{&release, &operator_delete, &crt_free, &heap_free};
    for (const std::uint32_t quarantine : {0U, 16U, 1024U}) {
        replace::set_quarantine(quarantine);
        activate();
        std::vector<void*> freed;
        std::vector<void*> live;
        for (std::uint32_t i = 0; i < 200; ++i) {
            freed.push_back(allocate(80));
            live.push_back(allocate(80));
        }
        std::ranges::for_each(freed, &release);
        os::sleep_ms(300);
        for (const Free free : kFrees) {
            const std::uint64_t before = replace::total(Count::invalid_pointers);
            std::ranges::for_each(freed, free);
            std::thread([&] { std::ranges::for_each(freed, free); }).join();
            EXPECT_EQ(replace::total(Count::invalid_pointers) - before, 2 * freed.size()) << quarantine;
        }
        std::set<void*> blocks(live.begin(), live.end());
        for (std::uint32_t i = 0; i < 2000; ++i) {
            void* block = allocate(80);
            EXPECT_TRUE(blocks.insert(block).second) << "handed out twice";
        }
        for (void* block : blocks) {
            release(block);
        }
    }
}

// --- a second free amid traffic ------------------------------------------------------------------------------------

/// Allocations and frees as of a game with many plugins, and what is live of them: where, and filled with what.
class ModdedTraffic {
public:
    static constexpr std::uint32_t kAllocationsAFrame = 3600;

    explicit ModdedTraffic(std::uint32_t seed) : random_(seed) {}

    void play(std::uint32_t frames) {
        for (std::uint32_t i = 0; i < frames * kAllocationsAFrame; ++i) {
            make();
            if (order_.size() > kMostLive) {
                free_one(random_() % order_.size());
            }
        }
    }
    /// Makes a block as traffic does; nothing that is live may lie there.
    void make() {
        const std::uint32_t size = pick_size();
        void* const block = random_() % 4 == 0 ? crt_malloc(size) : allocate(size);
        const std::uint32_t seed = ++made_;
        fill(block, filled(size), seed);
        const bool is_new = live_.emplace(block, Live{size, seed}).second;
        handed_out_twice_ += is_new ? 0 : 1;
        order_.push_back(block);
    }
    [[nodiscard]] bool has(void* block) const { return live_.contains(block); }
    /// Drops a block whose life somebody else has ended.
    void forget(void* block) {
        live_.erase(block);
        std::erase(order_, block);
    }
    /// Blocks that are not as they were filled, or were handed out twice.
    [[nodiscard]] std::uint32_t damage() const {
        const auto is_damaged = [](const auto& entry) {
            return mp_usable_size(entry.first) < entry.second.size ||
                   !intact(entry.first, filled(entry.second.size), entry.second.seed);
        };
        return handed_out_twice_ + damaged_ + static_cast<std::uint32_t>(std::ranges::count_if(live_, is_damaged));
    }
    void end() {
        while (!order_.empty()) {
            free_one(order_.size() - 1);
        }
    }

private:
    struct Live {
        std::uint32_t size;
        std::uint32_t seed;
    };
    static constexpr std::size_t kMostLive = 9000;

    static std::uint32_t filled(std::uint32_t size) { return std::min(size, 64U); }
    std::uint32_t pick_size() {
        const std::uint32_t kind = random_() % 1000;
        return kind < 850 ? 1 + random_() % 96 : kind < 950 ? 97 + random_() % 500 : 1000 + random_() % 2600;
    }
    void free_one(std::size_t index) {
        void* const block = order_[index];
        order_[index] = order_.back();
        order_.pop_back();
        const Live live = live_.at(block);
        live_.erase(block);
        damaged_ += intact(block, filled(live.size), live.seed) ? 0 : 1;
        random_() % 2 == 0 ? release(block) : crt_free(block);
    }

    std::mt19937 random_;
    std::unordered_map<void*, Live> live_;
    std::vector<void*> order_;
    std::uint32_t made_ = 0;
    std::uint32_t handed_out_twice_ = 0;
    std::uint32_t damaged_ = 0;
};

std::atomic<std::uint32_t> g_now_ms{1000};

/// Frees blocks on another thread, each through another door than the one before. Returns how many were recognised as
/// no live blocks.
std::uint64_t free_elsewhere(const std::vector<void*>& blocks) {
    using Free = void (*)(void*);
    static constexpr std::array<Free, 4> kFrees{&operator_delete, &crt_free, &heap_free, &release};
    const std::uint64_t before = replace::total(Count::invalid_pointers);
    std::thread([&] {
        std::size_t turn = 0;
        for (void* block : blocks) {
            kFrees[turn++ % kFrees.size()](block);
        }
    }).join();
    return replace::total(Count::invalid_pointers) - before;
}

std::vector<void*> free_some_objects(std::uint32_t count) {
    constexpr std::uint32_t kSizes[] = {8, 20, 80, 300, 640, 2048, 20000, 100000};
    std::vector<void*> freed;
    for (std::uint32_t i = 0; i < count; ++i) {
        freed.push_back(allocate(kSizes[i % std::size(kSizes)]));
    }
    std::ranges::for_each(freed, &release);
    return freed;
}

/// Of `blocks`: those at which a block of the traffic stands now, and the others.
struct Sorted {
    std::vector<void*> handed_out;
    std::vector<void*> free;
};
Sorted sort(const std::vector<void*>& blocks, const ModdedTraffic& traffic) {
    Sorted sorted;
    for (void* block : blocks) {
        (traffic.has(block) ? sorted.handed_out : sorted.free).push_back(block);
    }
    return sorted;
}

// 20 frames are 330 ms at 60 a second; the engine's own second frees come 143 and 300 ms after the first.
constexpr std::uint32_t kFrames = 20;

/// With each length of the quarantine: calls `body` with Mod-heavy traffic and what was freed in its midst. No block of
/// the traffic is damaged then, nor some frames later.
template <typename Body>
void amid_traffic(Body body) {
    for (const std::uint32_t quarantine : {0U, 64U, 1024U}) {
        SCOPED_TRACE(quarantine);
        replace::set_quarantine(quarantine);
        ModdedTraffic traffic(quarantine + 1);
        traffic.play(3);
        body(traffic, free_some_objects(800));
        if (::testing::Test::HasFatalFailure()) {
            return;
        }
        EXPECT_EQ(traffic.damage(), 0U);
        traffic.play(kFrames);
        EXPECT_EQ(traffic.damage(), 0U);
        traffic.end();
    }
}

TEST_F(Adversity, ASecondFreeAmidTrafficIsRecognisedUntilTheBlockIsHandedOutAgain) {
    mp_set_clock([] { return g_now_ms.load(); });
    activate();
    amid_traffic([](ModdedTraffic& traffic, const std::vector<void*>& freed) {
        EXPECT_EQ(free_elsewhere(freed), freed.size()) << "without traffic: each";
        for (std::uint32_t frame = 0; frame < kFrames; ++frame) {
            traffic.play(1);
            g_now_ms += 17;
        }
        const Sorted sorted = sort(freed, traffic);
        EXPECT_GE(sorted.free.size(), freed.size() / 4);
        EXPECT_EQ(free_elsewhere(sorted.free), sorted.free.size());
    });
}

// Its memory has gone back to the system: nothing is known of it but that it was ours.
TEST_F(Adversity, ASecondFreeOfABlockWhoseMemoryIsGoneDoesNotReachTheOriginal) {
    activate();
    constexpr std::uint32_t kOfEachSize = 24U << 20;  // more than a reservation holds
    std::vector<void*> freed;
    for (const std::uint32_t size : {300U, 2048U, 20000U, 100000U, 1U << 20, 40U << 20}) {
        for (std::uint32_t made = 0; made < kOfEachSize; made += size) {
            freed.push_back(allocate(size));
        }
    }
    std::ranges::for_each(freed, &release);
    replace::flush_quarantine();
    mp_trim(0);
    std::vector<void*> gone;
    std::ranges::copy_if(freed, std::back_inserter(gone), [](void* block) { return mp_gave_back(block) != 0; });
    ASSERT_GT(gone.size(), freed.size() / 10);
    constexpr std::size_t kTried = 500;
    for (std::size_t i = 0; i < kTried; ++i) {
        gone[i] = gone[i * gone.size() / kTried];
    }
    gone.resize(kTried);
    EXPECT_EQ(free_elsewhere(gone), kTried);
    for (void* block : gone) {
        EXPECT_EQ(size_of(block), 0U);
        EXPECT_EQ(heap_size(block), 0U);
        EXPECT_EQ(crt_realloc(block, 100), nullptr);
        void* const fresh = reallocate(block, 20000);
        EXPECT_NE(fresh, nullptr);
        release(fresh);
    }
}

// What nothing can tell: the frees are those of the new owners, whose own come second then, and are recognised.
TEST_F(Adversity, ASecondFreeOfABlockThatWasHandedOutAgainEndsThatBlockAndNoOther) {
    activate();
    amid_traffic([](ModdedTraffic& traffic, const std::vector<void*>& freed) {
        traffic.play(kFrames);
        const std::vector<void*> handed_out = sort(freed, traffic).handed_out;
        ASSERT_FALSE(handed_out.empty());
        EXPECT_EQ(free_elsewhere(handed_out), 0U);
        EXPECT_EQ(free_elsewhere(handed_out), handed_out.size());
        for (void* block : handed_out) {
            traffic.forget(block);
        }
    });
}

// --- late readers --------------------------------------------------------------------------------------------------

TEST_F(Adversity, AStaleReferenceThatIsTakenAndGivenBackDoesNotReachZero) {
    for (const std::uint32_t quarantine : {0U, 64U}) {
        replace::set_quarantine(quarantine);
        activate();
        std::vector<std::int32_t*> objects;
        for (const std::uint32_t size : {8U, 48U, 300U, 1616U, 3500U, 9000U, 20000U, 100000U}) {
            for (int i = 0; i < 20; ++i) {
                objects.push_back(static_cast<std::int32_t*>(allocate(size)));
                objects.back()[1] = 1;
            }
        }
        for (std::int32_t* object : objects) {
            release(object);
            EXPECT_GT(object[1], 0x10000) << "neither small nor negative";
            ++object[1];
            EXPECT_NE(--object[1], 0);
            const auto* target = reinterpret_cast<const std::int32_t*>(object[1]);
            EXPECT_EQ(mp_knows(target), 0) << "no pointer to a block";
            EXPECT_EQ(*target, object[1]) << "one that can be read";
        }
    }
}

TEST_F(Adversity, AMillionForeignPointersNeverFault) {
    activate();
    std::mt19937 random(7);
    for (int i = 0; i < 1000000; ++i) {
        auto* pointer = reinterpret_cast<void*>(static_cast<std::uintptr_t>(random()));
        // Only such as the original would not look behind: it reads a header in front of any pointer it does not know.
        if (mp_knows(pointer) != 0) {
            release(pointer);
            static_cast<void>(size_of(pointer));
            crt_free(pointer);
        }
    }
    work_and_check(1);
}

// --- threads that stop where they stand ----------------------------------------------------------------------------

/// A thread on the hot paths of every door, until it is stopped.
class HotThread {
public:
    HotThread() {
        thread_ = CreateThread(nullptr, 0, &main, this, 0, nullptr);
        while (rounds_.load() < 100) {
            os::yield_thread();
        }
    }
    ~HotThread() {
        terminate();
        CloseHandle(thread_);
    }
    HotThread(const HotThread&) = delete;
    HotThread& operator=(const HotThread&) = delete;

    void suspend() { SuspendThread(thread_); }
    void resume() { ResumeThread(thread_); }
    void terminate() {
        TerminateThread(thread_, 0);
        WaitForSingleObject(thread_, INFINITE);
    }
    [[nodiscard]] DWORD id() const { return GetThreadId(thread_); }
    [[nodiscard]] game::ScrapHeap* heap() const { return heap_.load(); }

private:
    static DWORD WINAPI main(void* self) {
        auto& thread = *static_cast<HotThread*>(self);
        set_memory_context(game::kDefaultContext);
        thread.heap_ = thread_scrap();
        while (true) {
            void* block = allocate(64);
            void* stacked = push(thread.heap_.load(), 100);
            pop(thread.heap_.load(), stacked);
            release(block);
            crt_free(crt_malloc(40));
            thread.rounds_.fetch_add(1);
        }
    }
    std::atomic<std::uint32_t> rounds_{0};
    std::atomic<game::ScrapHeap*> heap_{nullptr};
    HANDLE thread_ = nullptr;
};

void play_hot_paths() {
    for (std::uint32_t i = 0; i < 200; ++i) {
        void* block = allocate(64);
        fill(block, 64, i);
        void* stacked = push(thread_scrap(), 100);
        EXPECT_TRUE(intact(block, 64, i));
        pop(thread_scrap(), stacked);
        release(block);
        crt_free(crt_malloc(40));
    }
}

TEST_F(Adversity, SuspendedThreadsHoldNobodyUpOnTheHotPaths) {
    activate();
    play_hot_paths();
    std::vector<std::unique_ptr<HotThread>> threads;
    for (int i = 0; i < 4; ++i) {
        threads.push_back(std::make_unique<HotThread>());
    }
    for (int round = 0; round < 200; ++round) {
        for (const auto& thread : threads) {
            thread->suspend();
        }
        play_hot_paths();
        for (const auto& thread : threads) {
            thread->resume();
        }
        os::yield_thread();
    }
}

TEST_F(Adversity, TerminatedThreadsHoldNobodyUpNotEvenInTheirOwnScrapHeaps) {
    activate();
    for (int round = 0; round < 40; ++round) {
        HotThread thread;
        thread.terminate();
        play_hot_paths();
        void* block = push(thread.heap(), 500);
        ASSERT_NE(block, nullptr);
        fill(block, 500, 1);
        EXPECT_TRUE(intact(block, 500, 1));
        pop(thread.heap(), block);
    }
}

/// Runs threads one after the other until one has the id, at most `limit`. Returns how many it took.
int threads_until(DWORD id, int limit, LPTHREAD_START_ROUTINE run) {
    for (int count = 1; count <= limit; ++count) {
        DWORD fresh = 0;
        HANDLE thread = CreateThread(nullptr, 0, run, nullptr, 0, &fresh);
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
        if (fresh == id) {
            return count;
        }
    }
    return limit;
}

DWORD WINAPI end_at_once(void* /*unused*/) {
    return 0;
}

// Somebody who waits for a scrap heap asks whether the thread with the holder's id still runs.
TEST_F(Adversity, TheIdOfATerminatedThreadIsGivenToNoOther) {
    activate();
    constexpr int kMost = 4000;
    DWORD unheld = 0;
    CloseHandle(CreateThread(nullptr, 0, &end_at_once, nullptr, 0, &unheld));
    const int usual = threads_until(unheld, kMost, &end_at_once);
    ASSERT_LT(usual, kMost) << "the system does not use ids again soon";
    DWORD held = 0;
    {
        HotThread thread;
        held = thread.id();
        thread.terminate();
    }
    EXPECT_EQ(threads_until(held, 4 * usual, &end_at_once), 4 * usual);
    EXPECT_TRUE(os::thread_has_ended(held));
}

DWORD WINAPI end_in_order(void* /*unused*/) {
    pop(thread_scrap(), push(thread_scrap(), 100));
    plugin::on_thread_end();
    return 0;
}

TEST_F(Adversity, TheIdOfAThreadThatEndedInOrderIsFreeAgain) {
    activate();
    constexpr int kMost = 4000;
    DWORD first = 0;
    HANDLE thread = CreateThread(nullptr, 0, &end_in_order, nullptr, 0, &first);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    EXPECT_LT(threads_until(first, kMost, &end_in_order), kMost);
}

/// Parks a thread for ever in the first commit that it asks for: with the lock of its scrap heap.
std::atomic<DWORD> g_to_park{0};
std::atomic<bool> g_parked{false};

bool park_in_commit(os::Call call, void* /*context*/) {
    if (call == os::Call::commit && GetCurrentThreadId() == g_to_park) {
        g_parked = true;
        Sleep(INFINITE);
    }
    return false;
}

// The system has ended the holder: nobody can give the heap back. The thread is still known here, as one whose id
// another has got would be.
TEST_F(Adversity, AtTheEndOfTheProcessNoDeadHolderOfAScrapHeapHoldsTheLastThreadUp) {
    activate();
    static std::atomic<game::ScrapHeap*> heap{nullptr};
    os::set_fault_hook(&park_in_commit, nullptr);
    std::thread([] {
        heap = thread_scrap();
        pop(heap, push(heap, 100));
        g_to_park = GetCurrentThreadId();
        push(heap, 300000);
    }).detach();
    while (!g_parked) {
        os::yield_thread();
    }
    os::set_fault_hook(nullptr, nullptr);
    plugin::on_process_end();
    play_hot_paths();
    void* block = push(heap, 500);
    EXPECT_NE(block, nullptr);
    pop(heap, block);
}

// --- threads that died with a lock, at the process's end -----------------------------------------------------------

/// A thread that goes through `prepare` and then through `run`, and stops for ever in the first call of a kind that it
/// makes there: with the locks that it holds. Lives as long as the process.
struct Victim {
    os::Call call;
    void (*prepare)();
    void (*run)();
    std::atomic<DWORD> id{0};  ///< from the begin of `run` on
    std::atomic<bool> is_caught{false};
    std::atomic<bool> has_survived{false};
};

bool catch_victim(os::Call call, void* context) {
    auto& victim = *static_cast<Victim*>(context);
    if (call == victim.call && GetCurrentThreadId() == victim.id) {
        victim.is_caught = true;
        Sleep(INFINITE);
    }
    return false;
}

DWORD WINAPI live_as_victim(void* context) {
    auto& victim = *static_cast<Victim*>(context);
    victim.prepare();
    victim.id = GetCurrentThreadId();
    victim.run();
    victim.has_survived = true;
    Sleep(INFINITE);
    return 0;
}

/// Terminates such a thread where it stands. False when it came to the end of `run` instead; it then lives on.
bool die_in(os::Call call, void (*prepare)(), void (*run)()) {
    auto* const victim = new Victim{call, prepare, run};
    os::set_fault_hook(&catch_victim, victim);
    HANDLE thread = CreateThread(nullptr, 0, &live_as_victim, victim, 0, nullptr);
    while (!victim->is_caught && !victim->has_survived) {
        os::yield_thread();
    }
    os::set_fault_hook(nullptr, nullptr);
    if (victim->is_caught) {
        TerminateThread(thread, 0);
        WaitForSingleObject(thread, INFINITE);
    }
    CloseHandle(thread);
    return victim->is_caught;
}

/// The process's end in a thread that has used nothing of ours yet, as the last one may be: it must come to an end, and
/// so must whatever modules do after us.
void end_process_and_go_on() {
    std::thread([] {
        set_memory_context(game::kDefaultContext);
        plugin::on_process_end();
        play_hot_paths();
        void* const block = reallocate(allocate(50), 70000);
        EXPECT_NE(block, nullptr);
        fill(block, 70000, 1);
        EXPECT_TRUE(intact(block, 70000, 1));
        release(block);
    }).join();
}

void nothing() {}

TEST_F(Adversity, AtTheEndOfTheProcessADeadThreadThatClaimedItsStateHoldsNobodyUp) {
    activate();
    bool caught = false;
    for (int i = 0; i < 2000 && !caught; ++i) {  // until there is no state left and memory for more is asked
        caught = die_in(os::Call::reserve, &nothing, [] { static_cast<void>(replace::thread_state()); });
    }
    ASSERT_TRUE(caught);
    end_process_and_go_on();
}

TEST_F(Adversity, AtTheEndOfTheProcessADeadThreadThatMadeItsScrapHeapHoldsNobodyUp) {
    activate();
    ASSERT_TRUE(die_in(
        os::Call::reserve, [] { static_cast<void>(replace::thread_state()); },
        [] { static_cast<void>(thread_scrap()); }));
    end_process_and_go_on();
}

TEST_F(Adversity, AtTheEndOfTheProcessADeadThreadThatChangedTheCodeHoldsNobodyUp) {
    ASSERT_EQ(plugin::activate(plugin::Moment::load).state, plugin::ActivationState::active);
    ASSERT_TRUE(die_in(os::Call::suspend, &nothing, [] { restore(); }));
    end_process_and_go_on();
    std::ifstream log(plugin::log::path());
    const std::string text{std::istreambuf_iterator<char>(log), {}};
    EXPECT_NE(text.find("a thread that changed the code was ended by the process's end"), std::string::npos) << text;
}

std::atomic<std::uint32_t> g_rounds{0};

void use_scrap_stack() {
    replace::return_scrap_stack(replace::take_scrap_stack().base);
    ++g_rounds;
}

DWORD WINAPI use_scrap_stacks_for_ever(void* /*unused*/) {
    while (true) {
        use_scrap_stack();
    }
}

/// Whether a thread gets into the list of scrap buffers. One that does not stays where it is.
bool list_is_open() {
    g_rounds = 0;
    std::thread(&use_scrap_stack).detach();
    constexpr int kPatience = 500;  // in vain once, when the list has been closed
    for (int i = 0; i < kPatience && g_rounds == 0; ++i) {
        Sleep(10);
    }
    return g_rounds != 0;
}

// Nothing happens with this lock held in which a test could stop a thread: threads are terminated until one had it.
TEST_F(Adversity, AtTheEndOfTheProcessADeadThreadInTheListOfScrapBuffersHoldsNobodyUp) {
    activate();
    bool is_open = true;
    constexpr std::uint32_t kMost = 400;  // of 2 MB of address space each, at most
    for (std::uint32_t i = 0; i < kMost && is_open; ++i) {
        g_rounds = 0;
        HANDLE thread = CreateThread(nullptr, 0, &use_scrap_stacks_for_ever, nullptr, 0, nullptr);
        while (g_rounds < 100 + i) {
            os::yield_thread();
        }
        TerminateThread(thread, 0);
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
        is_open = list_is_open();
    }
    ASSERT_FALSE(is_open);
    end_process_and_go_on();
    std::thread(&use_scrap_stack).join();
}

// --- the log -------------------------------------------------------------------------------------------------------

LONG CALLBACK park_at_fault(EXCEPTION_POINTERS* /*fault*/) {
    if (GetCurrentThreadId() == g_to_park) {
        g_parked = true;
        Sleep(INFINITE);
    }
    return EXCEPTION_CONTINUE_SEARCH;
}

// A thread that died while it wrote a line keeps the log's lock.
TEST(Log, LinesWaitForADeadWriterOnceInAll) {
    plugin::log::open();
    AddVectoredExceptionHandler(1, &park_at_fault);
    std::thread([] {
        g_to_park = GetCurrentThreadId();
        const char* const nowhere = static_cast<const char*>(os::reserve(os::kGranule));
        plugin::log::line("%s", nowhere);
    }).detach();
    while (!g_parked) {
        os::yield_thread();
    }
    const std::uint64_t begin = os::uptime_ms();
    plugin::log::line("waits");
    const std::uint64_t first = os::uptime_ms() - begin;
    for (int i = 0; i < 20; ++i) {
        plugin::log::line("does not wait");
    }
    const std::uint64_t others = os::uptime_ms() - begin - first;
    EXPECT_GE(first, 900U);
    EXPECT_LT(others, first);
    TerminateProcess(GetCurrentProcess(), HasFailure() ? 1 : 0);  // the C runtime's own end would wait for the writer
}

}  // namespace
}  // namespace mp::test
