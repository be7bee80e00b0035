// Out of memory as the game needs it: who waits holds nobody up, stages never nest, what must never fail does not.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "alloc/mp_alloc.h"
#include "front_doors.h"
#include "game/functions.h"
#include "os/background.h"
#include "os/os.h"
#include "refusal.h"
#include "replace/counters.h"
#include "replace/io_threads.h"
#include "replace/pressure.h"
#include "replace/statistics.h"
#include "standin/memory/io_threads.h"
#include "standin/memory/oom_hooks.h"

namespace mp::test {
namespace {

using standin::IoThreads;

/// The calling thread is the game's main thread as long as this lives.
class MainThread {
public:
    MainThread() : before_(holder()) {
        self_.thread_id = GetCurrentThreadId();
        holder() = game::addr_of(&self_);
    }
    ~MainThread() { holder() = before_; }
    MainThread(const MainThread&) = delete;
    MainThread& operator=(const MainThread&) = delete;

private:
    static game::Ptr32& holder() { return *game::at<game::Ptr32>(game::data::kMainThreadHolder); }
    game::MainThreadHolder self_{};
    game::Ptr32 before_;
};

/// A thread of the game that is out of memory until `relieve`.
template <typename Before>
class StarvingWorker {
public:
    explicit StarvingWorker(Before before)
        : refusal_(std::make_unique<Refusal>(1, kForGood)), thread_([this, before] {
              before();
              block_ = allocate(kSize);
              done_ = true;
          }) {}
    ~StarvingWorker() {
        relieve();
        thread_.join();
        release(block_);
    }
    StarvingWorker(const StarvingWorker&) = delete;
    StarvingWorker& operator=(const StarvingWorker&) = delete;

    void relieve() {
        runtime_.reset();
        refusal_.reset();
    }
    [[nodiscard]] std::uint32_t refused() const { return refusal_->refused(); }
    [[nodiscard]] bool done() const { return done_; }

private:
    static constexpr std::uint32_t kSize = 40U << 20;
    std::unique_ptr<Refusal> refusal_;
    std::optional<NoRuntimeHeap> runtime_{std::in_place};
    std::atomic<bool> done_{false};
    void* block_ = nullptr;
    std::thread thread_;
};

/// Waits for something that another thread does; false when it does not come about.
template <typename Condition>
bool comes_true(Condition condition) {
    for (int i = 0; i < 60000; ++i) {
        if (condition()) {
            return true;
        }
        os::sleep_ms(1);
    }
    return false;
}

class Pressure : public FullMode {
protected:
    MainThread main_;
};

TEST_F(Pressure, AWorkerThatIsOutOfMemoryLetsGoOfTheSemaphoresItOwns) {
    activate();
    IoThreads io(2);
    std::atomic<bool> owns{false};
    StarvingWorker worker([&] {
        io.take(0);
        io.take(1);
        owns = true;
    });
    ASSERT_TRUE(comes_true([&] { return owns.load(); }));
    ASSERT_TRUE(comes_true([&] { return io.thread(0).owner == 0 && io.thread(1).owner == 0; }))
        << "the main thread waits for it for ever";
    io.take(0);
    EXPECT_EQ(io.thread(0).releases, 1U);
    EXPECT_EQ(io.thread(0).idle_signals, 1U);
    EXPECT_EQ(io.thread(1).idle_signals, 1U);
    EXPECT_FALSE(worker.done());
    EXPECT_EQ(io.thread(0).owner, GetCurrentThreadId()) << "not the worker's any more";
    worker.relieve();
    EXPECT_TRUE(comes_true([&] { return worker.done(); }));
    EXPECT_EQ(io.thread(0).releases, 1U);
}

TEST_F(Pressure, OnlySemaphoresBelowTheCountWhoseThreadIsThereAreLookedAt) {
    activate();
    IoThreads io(3);
    io.take(0);
    io.take(1);
    io.take(2);
    io.remove(1);
    io.manager().thread_count = 2;
    replace::release_own_io_semaphores();
    EXPECT_EQ(io.thread(0).releases, 1U);
    EXPECT_EQ(io.thread(1).releases, 0U) << "its slot is empty";
    EXPECT_EQ(io.thread(2).releases, 0U) << "not below the count";
}

TEST_F(Pressure, AManagerThatIsNotPlausibleOrNotThereIsLeftAlone) {
    activate();
    IoThreads io(1);
    io.take(0);
    io.manager().thread_count = game::IoManager::kMostThreads + 1;
    replace::release_own_io_semaphores();
    io.manager().thread_count = 0;
    replace::release_own_io_semaphores();
    io.manager().thread_count = 1;
    const game::Ptr32 threads = std::exchange(io.manager().threads, 0U);
    replace::release_own_io_semaphores();
    io.manager().threads = threads;
    const game::Ptr32 manager = std::exchange(*game::at<game::Ptr32>(game::data::kIoManager), 0U);
    replace::release_own_io_semaphores();
    *game::at<game::Ptr32>(game::data::kIoManager) = manager;
    EXPECT_EQ(io.thread(0).releases, 0U);
}

TEST_F(Pressure, NoHelperIsCalledWhenOneOfThemPopsSomethingElse) {
    constexpr game::Addr kPopped = game::helper(game::fn::kIoReleaseSemaphore.va).va + 0x1C;
    const Altered altered(kPopped, {0x08});
    const replace::InstallReport report = replace::install(replace::Extent::full);
    EXPECT_EQ(report.helpers[0].finding, patch::Finding::ok);
    EXPECT_EQ(report.helpers[1].finding, patch::Finding::pops_differ);
    IoThreads io(1);
    io.take(0);
    replace::release_own_io_semaphores();
    EXPECT_EQ(io.thread(0).releases, 0U);
}

TEST_F(Pressure, TheMainThreadIsKnownFromTheGameAndNobodyIsItBefore) {
    EXPECT_TRUE(replace::is_main_thread());
    std::thread([] { EXPECT_FALSE(replace::is_main_thread()); }).join();
    const game::Ptr32 holder = std::exchange(*game::at<game::Ptr32>(game::data::kMainThreadHolder), 0U);
    EXPECT_FALSE(replace::is_main_thread());
    *game::at<game::Ptr32>(game::data::kMainThreadHolder) = holder;
}

// --- stages never nest ---------------------------------------------------------------------------------------------

/// What the game's handler does in stage 2, for a while.
class InStageTwo {
public:
    explicit InStageTwo(void (*work)()) : before_(std::exchange(standin::oom_hooks.clean_menus_and_models, work)) {}
    ~InStageTwo() { standin::oom_hooks.clean_menus_and_models = before_; }
    InStageTwo(const InStageTwo&) = delete;
    InStageTwo& operator=(const InStageTwo&) = delete;

private:
    void (*before_)();
};

/// Runs `work` inside a stage that an allocation without memory has started; the system serves again afterwards.
std::unique_ptr<Refusal> g_refusal;
std::optional<NoRuntimeHeap> g_no_runtime;
void (*g_work)() = nullptr;
void run_inside_a_stage(void (*work)()) {
    g_work = work;
    const InStageTwo stage([] {
        g_no_runtime.reset();
        g_work();
        g_refusal.reset();
    });
    mp_trim(0);
    g_refusal = std::make_unique<Refusal>(1, kForGood);
    g_no_runtime.emplace();
    release(allocate(40U << 20));
}

std::array<std::uint32_t, 3> stages_so_far() {
    return {standin::engine_counters.oom_stages[0], standin::engine_counters.oom_stages[1],
            standin::engine_counters.oom_stages[2]};
}

TEST_F(Pressure, AfterTheFirstStageTheRuntimesHeapIsAskedAsTheOriginalDoes) {
    activate();
    const std::uint64_t live = replace::live_blocks();
    const auto before = stages_so_far();
    mp_trim(0);
    const Refusal refusal(1, 400);
    void* block = allocate(5U << 20);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(mp_knows(block), 0);
    EXPECT_EQ(stages_so_far()[0], before[0] + 1);
    EXPECT_EQ(stages_so_far()[1], before[1]) << "the game need not destroy more";
    EXPECT_GE(size_of(block), 5U << 20);
    release(block);
    EXPECT_EQ(replace::live_blocks(), live);
}

TEST_F(Pressure, WhatAStageAllocatesComesFromTheReserveAndStartsNoStage) {
    activate();
    const std::uint64_t live = replace::live_blocks();
    static std::array<std::uint32_t, 3> at_start;
    static std::array<std::uint32_t, 3> at_end;
    run_inside_a_stage([] {
        at_start = stages_so_far();
        for (const std::uint32_t size : {40U, 3000U, 20000U, 300000U}) {
            void* block = allocate(size);
            ASSERT_NE(block, nullptr);
            EXPECT_NE(mp_owns(block), 0) << size;
            fill(block, size, size);
            void* from_runtime = crt_malloc(size);
            EXPECT_NE(mp_owns(from_runtime), 0) << size;
            block = reallocate(block, size + 5000);
            EXPECT_TRUE(intact(block, size, size));
            crt_free(from_runtime);
            release(block);
        }
        at_end = stages_so_far();
    });
    EXPECT_EQ(at_start[2], 1U);
    EXPECT_EQ(at_end, at_start);
    EXPECT_EQ(replace::live_blocks(), live);
}

TEST_F(Pressure, WhatTheReserveCannotServeInAStageComesFromTheRuntimesHeap) {
    activate();
    const std::uint64_t live = replace::live_blocks();
    run_inside_a_stage([] {
        const auto before = stages_so_far();
        void* block = allocate(5U << 20);
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(mp_knows(block), 0);
        EXPECT_EQ(crt_msize(block), 5U << 20);
        EXPECT_GE(size_of(block), 5U << 20);
        release(block);
        EXPECT_EQ(stages_so_far(), before);
    });
    EXPECT_EQ(replace::live_blocks(), live);
}

std::atomic<std::uint32_t> g_ready{0};

TEST_F(Pressure, WhatNobodyCanServeInAStageWaitsWithoutStagesUntilThereIsMemory) {
    activate();
    std::thread relief([] {
        ASSERT_TRUE(comes_true([] { return g_ready != 0; }));
        const std::uint32_t refused = g_refusal->refused();
        EXPECT_TRUE(comes_true([&] { return g_refusal->refused() > refused + 400; })) << "nobody tries";
        os::set_fault_hook(nullptr, nullptr);
    });
    run_inside_a_stage([] {
        const auto before = stages_so_far();
        g_no_runtime.emplace();
        g_ready = 1;
        void* block = allocate(5U << 20);
        EXPECT_NE(mp_owns(block), 0);
        g_no_runtime.reset();
        release(block);
        EXPECT_EQ(stages_so_far(), before);
    });
    relief.join();
}

TEST_F(Pressure, WithoutAManagerOfScrapBuffersStageOneAllocatesNothing) {
    const replace::InstallReport report = replace::install(replace::Extent::full_and_builders);
    ASSERT_FALSE(report.has_error());
    game::Ptr32& manager_of_buffers = *game::at<game::Ptr32>(game::data::kScrapHeapManager);
    const game::Ptr32 saved = std::exchange(manager_of_buffers, 0U);
    const std::uint64_t allocated = replace::total(replace::Count::game_blocks_allocated);
    const Refusal refusal(1, kForGood);
    std::uint8_t allow = 0;
    EXPECT_EQ(game::fn::kHandleOutOfMemory(manager(), nullptr, 1, &allow), 2);
    EXPECT_EQ(replace::total(replace::Count::game_blocks_allocated), allocated);
    EXPECT_EQ(manager_of_buffers, 0U) << "nobody destroys ours";
    manager_of_buffers = saved;
}

// --- scrap heaps ---------------------------------------------------------------------------------------------------

TEST_F(Pressure, AScrapHeapTakesFromTheReserveBeforeItAsksForStages) {
    activate();
    mp_trim(0);
    const auto before = stages_so_far();
    const Refusal refusal(1, kForGood);
    std::vector<void*> blocks;
    for (std::uint32_t i = 0; i < 20; ++i) {
        blocks.push_back(push(thread_scrap(), 50000, 16));
        ASSERT_NE(blocks.back(), nullptr);
        fill(blocks.back(), 50000, i);
    }
    for (std::uint32_t i = 20; i-- > 0;) {
        EXPECT_TRUE(intact(blocks[i], 50000, i));
        pop(thread_scrap(), blocks[i]);
    }
    EXPECT_EQ(stages_so_far(), before);
}

TEST_F(Pressure, AScrapHeapIsNeverRefusedBelowTheOriginalsLimit) {
    activate();
    for (const std::uint32_t size : {100U, 100000U, 3U << 20, (8U << 20) - 1}) {
        mp_trim(0);
        const Refusal refusal(1, 500);
        void* block = push(thread_scrap(), size);
        ASSERT_NE(block, nullptr) << size;
        fill(block, size, size);
        EXPECT_TRUE(intact(block, size, size));
        pop(thread_scrap(), block);
    }
}

// --- requests that cannot succeed ----------------------------------------------------------------------------------

TEST_F(Pressure, ALongWaitRunsTheGamesStagesLessAndLessOften) {
    activate();
    StarvingWorker worker([] {});
    game::MemoryManager& m = *game::at<game::MemoryManager>(game::data::kMemoryManager);
    constexpr std::uint32_t kWaits = 2500;  // at least one refusal each
    std::uint32_t wishes = 0;
    ASSERT_TRUE(comes_true([&] {
        wishes += std::exchange(m.pending_compaction_stage, 0U) != 0 ? 1 : 0;  // as the main loop does each frame
        return worker.refused() > kWaits;
    }));
    const std::uint32_t rounds = stages_so_far()[0];
    EXPECT_GE(rounds, 2U);
    EXPECT_LE(rounds, 5U) << "250 + 500 + 1000 + 2000 waits";
    EXPECT_LE(wishes, rounds);
    EXPECT_GE(wishes, 1U);
}

// --- telling -------------------------------------------------------------------------------------------------------

std::vector<replace::RefusedRequest> g_told;

/// Refusals are told to g_told as long as this lives.
class Listening {
public:
    Listening() {
        g_told.reserve(100);
        replace::set_refusal_listener(
            [](const replace::RefusedRequest& request) noexcept { g_told.push_back(request); });
    }
    ~Listening() { replace::set_refusal_listener(nullptr); }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
};

void refuse_once(std::uint32_t size) {
    mp_trim(0);
    const Refusal refusal(1, 40);
    release(allocate(size));
}

TEST_F(Pressure, TheFirstRefusalOfASizeIsToldAtOnceAndNotMoreThanOneASecond) {
    activate();
    const Listening listening;
    constexpr std::uint32_t kSize = 30U << 20;
    const std::uint64_t begin = os::monotonic_us();
    refuse_once(kSize);
    ASSERT_EQ(g_told.size(), 1U);
    EXPECT_EQ(g_told[0].size, kSize);
    EXPECT_EQ(g_told[0].thread, GetCurrentThreadId());
    EXPECT_GT(g_told[0].largest_hole, 0U);
    EXPECT_GT(g_told[0].committed, 0U);
    std::uint32_t refusals = 0;
    ASSERT_TRUE(comes_true([&] {
        refuse_once(kSize + (1U << 20));
        ++refusals;
        return g_told.size() == 2;
    }));
    EXPECT_GE(os::monotonic_us() - begin + 50'000, 1'000'000U) << "the clock that decides ticks in steps";
    EXPECT_EQ(g_told[1].size, kSize + (1U << 20));
    EXPECT_GE(g_told[1].untold + 1, refusals);
}

TEST_F(Pressure, ASizeThatWasToldIsToldAgainOnlyWhenNoHoleHoldsIt) {
    activate();
    const Listening listening;
    const auto another_second = [] { os::sleep_ms(1100); };
    constexpr std::uint32_t kSize = 1U << 20;
    constexpr std::uint32_t kTooLarge = 0xF0000000;
    replace::report_refusal(kSize);
    another_second();
    replace::report_refusal(kSize);
    EXPECT_EQ(g_told.size(), 1U) << "the same again, and there is a hole";
    another_second();
    replace::report_refusal(kTooLarge);
    another_second();
    replace::report_refusal(kTooLarge);
    ASSERT_EQ(g_told.size(), 3U);
    EXPECT_EQ(g_told[2].size, kTooLarge);
    EXPECT_LT(g_told[2].largest_hole, kTooLarge);
}

TEST_F(Pressure, ARefusalIsToldWhicheverDoorItComesThrough) {
    activate();
    const Listening listening;
    struct Door {
        const char* name;
        void* (*allocate)(std::uint32_t);
        void (*release)(void*);
    };
    const Door doors[] = {
        {"allocate", &allocate, &release},
        {"operator new", &operator_new, &operator_delete},
        {"malloc", &crt_malloc, &crt_free},
        {"calloc", [](std::uint32_t size) { return crt_calloc(1, size); }, &crt_free},
        {"realloc of nothing", [](std::uint32_t size) { return crt_realloc(nullptr, size); }, &crt_free},
        {"recalloc of nothing", [](std::uint32_t size) { return crt_recalloc(nullptr, 1, size); }, &crt_free},
        {"the Default heap", &heap_allocate, &heap_free},
    };
    std::uint32_t size = 20U << 20;
    for (const Door& door : doors) {
        size += 1U << 20;
        ASSERT_TRUE(comes_true([&] {  // no more than one a second is told
            mp_trim(0);
            const Refusal refusal(1, 40);
            door.release(door.allocate(size));
            return !g_told.empty();
        })) << door.name;
        EXPECT_EQ(g_told.back().size, size) << door.name;
        g_told.clear();
    }
}

}  // namespace
}  // namespace mp::test
