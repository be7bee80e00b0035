// Out of memory as the game needs it: who waits holds nobody up, stages never nest, what must never fail does not.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "front_doors.h"
#include "refusal.h"
#include "replace/counters.h"
#include "replace/io_threads.h"
#include "standin/memory/io_threads.h"

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

    void relieve() { refusal_.reset(); }
    [[nodiscard]] bool done() const { return done_; }

private:
    static constexpr std::uint32_t kSize = 40U << 20;
    std::unique_ptr<Refusal> refusal_;
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
    constexpr game::Addr kPopped = game::helper(0x00866DC0).va + 0x1C;
    const Altered altered(kPopped, {0x08});
    const replace::InstallReport report = replace::install(replace::full_subsystems(replace::Builders::keep));
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

}  // namespace
}  // namespace mp::test
