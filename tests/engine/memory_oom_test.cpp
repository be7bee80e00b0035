// The memory-problem handler: order of the stages, who runs what, and who calls it.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "memory_test_support.h"
#include "standin/memory/io_threads.h"
#include "standin/memory/oom_hooks.h"

namespace mp::standin::test {
namespace {

/// What the hooks saw, in their order.
struct Record {
    std::vector<std::string> events;
    int cells = 0;
    bool deferred_lock_is_free = true;
};
Record record;

void note(const char* event) {
    record.events.emplace_back(event);
}

OomHooks recording_hooks() {
    OomHooks hooks;
    hooks.flush_texture_cache = [] { note("textures"); };
    hooks.clean_menus_and_models = [] { note("menus"); };
    hooks.flush_havok_and_io = [](bool) { note("havok"); };
    hooks.try_lock_deferred = [] { return record.deferred_lock_is_free; };
    hooks.unlock_deferred = [] { note("unlock"); };
    hooks.destroy_deferred = [](bool) { note("deferred"); };
    hooks.unload_one_cell = [] { return record.cells-- > 0; };
    hooks.no_cell_left = [] { note("no cell"); };
    return hooks;
}

/// Hooks, main thread and retry counter for the life of a test.
class EngineOutOfMemory : public testing::Test {
protected:
    void SetUp() override {
        record = {};
        saved_hooks_ = std::exchange(oom_hooks, recording_hooks());
        saved_holder_ = std::exchange(main_holder(), addr_of(holder_.data()));
        saved_request_ = manager().pending_compaction_stage;
        holder_[4] = GetCurrentThreadId();
        retries() = 0;
    }
    void TearDown() override {
        oom_hooks = saved_hooks_;
        main_holder() = saved_holder_;
        manager().pending_compaction_stage = saved_request_;
    }
    static game::Ptr32& main_holder() { return *at<game::Ptr32>(game::data::kMainThreadHolder); }
    static std::uint32_t& retries() { return *at<std::uint32_t>(game::data::kOutOfMemoryRetries); }
    static std::int32_t run(std::int32_t stage) {
        std::uint8_t allow_system = 0;
        const auto next = fn::kHandleOutOfMemory(&manager(), nullptr, stage, &allow_system);
        EXPECT_EQ(allow_system, 1);
        return next;
    }
    /// Runs stages until one repeats itself; returns the stages in their order.
    static std::vector<std::int32_t> run_through() {
        std::vector<std::int32_t> stages{0};
        while (stages.size() < 50) {
            const std::int32_t next = run(stages.back());
            if (next == stages.back() && next != 5) {
                break;
            }
            stages.push_back(next);
        }
        return stages;
    }

private:
    std::array<std::uint32_t, 5> holder_{};
    OomHooks saved_hooks_;
    game::Ptr32 saved_holder_ = 0;
    std::uint32_t saved_request_ = 0;
};

using Events = std::vector<std::string>;
using Stages = std::vector<std::int32_t>;

TEST_F(EngineOutOfMemory, TheMainThreadRunsTheStagesInOrder) {
    EXPECT_EQ(run_through(), (Stages{0, 1, 2, 3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(record.events, (Events{"textures",                                                           // 0
                                     "menus",                                                              // 2
                                     "havok",                                                              // 3
                                     "deferred", "unlock", "havok",                                        // 4
                                     "no cell", "textures", "deferred", "deferred", "unlock", "havok"}));  // 5
    EXPECT_EQ(manager().pending_compaction_stage, 0U);
}

TEST_F(EngineOutOfMemory, StageFiveRepeatsAsLongAsCellsAreUnloaded) {
    record.cells = 3;
    EXPECT_EQ(run_through(), (Stages{0, 1, 2, 3, 4, 5, 5, 5, 5, 6, 7, 8}));
}

TEST_F(EngineOutOfMemory, AWorkerSkipsTheMainThreadsStagesAndWaitsAtTheEnd) {
    record.cells = 1;
    IoThreads io(3);
    on_other_thread([&] {
        io.take(1);
        io.take(2);
        EXPECT_EQ(run_through(), (Stages{0, 1, 2, 3, 4, 5, 6, 7, 8}));
    });
    EXPECT_EQ(record.events, (Events{"menus", "havok", "deferred", "unlock", "havok"}));  // 2 to 4
    EXPECT_EQ(io.thread(0).releases, 0U) << "not its own";
    EXPECT_EQ(io.thread(1).releases, 1U);
    EXPECT_EQ(io.thread(1).idle_signals, 1U);
    EXPECT_EQ(io.thread(2).releases, 0U) << "the engine knows two IO threads";
    EXPECT_EQ(record.cells, 1);
    EXPECT_EQ(manager().pending_compaction_stage, 6U);
    EXPECT_EQ(retries(), 2U);
}

TEST_F(EngineOutOfMemory, AWorkerStopsReleasingAfter15000Retries) {
    retries() = 15'000;
    IoThreads io(2);
    on_other_thread([&] {
        io.take(0);
        EXPECT_EQ(run(8), 8);
    });
    EXPECT_EQ(io.thread(0).releases, 0U);
    run(0);
    EXPECT_EQ(retries(), 0U);
}

TEST_F(EngineOutOfMemory, AHeldLockSkipsTheDeferredDestruction) {
    record.deferred_lock_is_free = false;
    EXPECT_EQ(run(4), 5);
    EXPECT_EQ(record.events, Events{"havok"});
}

TEST_F(EngineOutOfMemory, StageOneEmptiesTheScrapCache) {
    auto* const scraps = empty_scrap_manager();
    const game::Addr buffer = fn::kCreateBuffer(scraps, 0x10000);
    fn::kReleaseBuffer(scraps, buffer, 0x10000);
    run(1);
    EXPECT_EQ(scraps->count, 0U);
    EXPECT_TRUE(can_be_reserved(buffer));
}

TEST_F(EngineOutOfMemory, StageSixPurgesThePoolsOnTheMainThreadOnly) {
    TestPool pool;
    pool.free(pool.allocate());
    on_other_thread([&] { EXPECT_EQ(run(6), 7); });
    EXPECT_EQ(pool->committed_pages, 1U);
    EXPECT_EQ(run(6), 7);
    EXPECT_EQ(pool->committed_pages, 0U);
}

TEST_F(EngineOutOfMemory, EveryCallIsCountedByItsStage) {
    const auto before = engine_counters.oom_stages;
    run(2);
    run(2);
    run(3);
    EXPECT_EQ(engine_counters.oom_stages[2], before[2] + 2);
    EXPECT_EQ(engine_counters.oom_stages[3], before[3] + 1);
}

/// A small heap in the Default heap's place, so that it can be full.
class SmallDefaultHeap {
public:
    SmallDefaultHeap()
        : in_default_(context::kDefault),
          saved_(std::exchange(manager().heap_by_context[context::kDefault], addr_of(heap_.get()))) {}
    ~SmallDefaultHeap() { manager().heap_by_context[context::kDefault] = saved_; }
    SmallDefaultHeap(const SmallDefaultHeap&) = delete;
    SmallDefaultHeap& operator=(const SmallDefaultHeap&) = delete;
    TestHeap& heap() { return heap_; }

private:
    TestHeap heap_;
    InContext in_default_;
    game::Ptr32 saved_;
};

TEST_F(EngineOutOfMemory, AFullHeapRunsOneStageAndThenAsksTheCRuntime) {
    const SmallDefaultHeap small;
    const auto before = engine_counters.oom_stages;
    const PatternBlock block{static_cast<std::uint8_t*>(allocate(TestHeap::kReserve)), TestHeap::kReserve, 3};
    ASSERT_NE(block.data, nullptr);
    EXPECT_EQ(engine_counters.oom_stages[0], before[0] + 1);
    EXPECT_EQ(engine_counters.oom_stages[1], before[1]);
    EXPECT_EQ(record.events, Events{"textures"});
    block.fill();
    EXPECT_TRUE(block.intact());
    EXPECT_EQ(fn::kHeapOf(&manager(), block.data), nullptr);
    deallocate(block.data);
}

// What the texture flush frees goes back to the heap, but the C runtime is asked first.
TEST_F(EngineOutOfMemory, TheHandlerRunsWithoutTheHeapsLockAndMayFree) {
    static void* texture = nullptr;
    static TestHeap* heap = nullptr;
    SmallDefaultHeap small;
    heap = &small.heap();
    texture = heap->allocate(TestHeap::kReserve / 2);
    oom_hooks.flush_texture_cache = [] {
        // From another thread: a held lock would hang here.
        on_other_thread([] { heap->free(std::exchange(texture, nullptr)); });
    };
    void* const block = allocate(TestHeap::kReserve / 2);
    EXPECT_EQ(texture, nullptr);
    EXPECT_NE(block, nullptr);
    deallocate(block);
}

}  // namespace
}  // namespace mp::standin::test
