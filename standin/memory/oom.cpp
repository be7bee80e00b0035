// The memory-problem handler: stages that free what the engine can spare.
#include "engine.h"
#include "oom_hooks.h"

using mp::game::MemoryManager;
using namespace mp::standin;
namespace game = mp::game;

namespace mp::standin {
constinit OomHooks oom_hooks{};
}

namespace {

constexpr std::uint32_t kMostRetries = 15'000;
constexpr std::uint32_t kCompactionRequest = 6;
constexpr std::uint32_t kTlsCollectorFlag = 0x298;  ///< byte in the TLS block (engine contract B.1)
constexpr std::int32_t kLastStage = 8;

std::uint32_t& retries() {
    return *at<std::uint32_t>(game::data::kOutOfMemoryRetries);
}

/// False before the application object exists.
bool is_main_thread() {
    const game::Ptr32 holder = *at<const game::Ptr32>(game::data::kMainThreadHolder);
    return holder != 0 && *at<const std::uint32_t>(holder + 0x10) == sys::current_thread();
}

template <typename... Args, typename... Given>
void run(void (*hook)(Args...), Given... given) {
    if (hook != nullptr) {
        hook(given...);
    }
}

void flush_havok() {
    run(oom_hooks.flush_havok_and_io, true);
}

void destroy_deferred_if_free() {
    if (oom_hooks.try_lock_deferred != nullptr && !oom_hooks.try_lock_deferred()) {
        return;
    }
    run(oom_hooks.destroy_deferred, true);
    run(oom_hooks.unlock_deferred);
}

/// Stage 5 on the main thread: true when a cell was unloaded.
bool unload_cell() {
    std::uint8_t& collector = tls_block()[kTlsCollectorFlag];
    collector = 0;
    const bool unloaded = oom_hooks.unload_one_cell != nullptr && oom_hooks.unload_one_cell();
    if (!unloaded) {
        run(oom_hooks.no_cell_left);
    }
    run(oom_hooks.flush_texture_cache);
    collector = 1;
    run(oom_hooks.destroy_deferred, true);
    destroy_deferred_if_free();
    flush_havok();
    return unloaded;
}

std::int32_t stage_start() {
    retries() = 0;
    if (is_main_thread()) {
        run(oom_hooks.flush_texture_cache);
    }
    return 1;
}

std::int32_t stage_scrap_buffers() {
    fn::kFreeAllBuffers(fn::kScrapManager());
    return 2;
}

std::int32_t stage_cells() {
    return is_main_thread() && unload_cell() ? 5 : 6;
}

std::int32_t stage_purge() {
    if (is_main_thread()) {
        fn::kPurgePools();
    }
    return 7;
}

/// Releases the semaphore of an IO thread if the caller owns it. Without a manager there is none; the index is not
/// checked.
void release_io_semaphore(std::uint32_t index) {
    auto* const io = at<game::IoManager>(*at<const game::Ptr32>(game::data::kIoManager));
    if (io != nullptr && fn::kIoSemaphoreOwner(io, index) == sys::current_thread()) {
        fn::kIoReleaseSemaphore(io, index);
        fn::kIoSignalIdle(io, index);
    }
}

/// Stages 7 and 8: a worker lets the IO threads run and waits for the main thread's compaction. Both semaphores are
/// released, also when there is one IO thread only.
std::int32_t stage_wait(MemoryManager* self) {
    if (is_main_thread()) {
        return kLastStage;
    }
    self->pending_compaction_stage = kCompactionRequest;
    if (retries() < kMostRetries) {
        release_io_semaphore(0);
        release_io_semaphore(1);
        sys::sleep(1);
        ++retries();
    }
    return kLastStage;
}

std::int32_t run_stage(MemoryManager* self, std::int32_t stage) {
    switch (stage) {
    case 0:
        return stage_start();
    case 1:
        return stage_scrap_buffers();
    case 2:
        run(oom_hooks.clean_menus_and_models);
        return 3;
    case 3:
        flush_havok();
        return 4;
    case 4:
        destroy_deferred_if_free();
        flush_havok();
        return 5;
    case 5:
        return stage_cells();
    case 6:
        return stage_purge();
    default:
        return stage_wait(self);
    }
}

void count_stage(std::int32_t stage) {
    const auto last = static_cast<std::int32_t>(EngineCounters::kStages) - 1;
    count(engine_counters.oom_stages[static_cast<std::size_t>(stage < 0 || stage > last ? last : stage)]);
}

}  // namespace

extern "C" {

// Engine contract B.10. The heap is not looked at. Never called with an allocator's lock held, except by 0xAA59B0.
std::int32_t eng_00866A90(MemoryManager* self, void* /*heap*/, std::int32_t stage, std::uint8_t* allow_system) {
    *allow_system = 1;
    count_stage(stage);
    return run_stage(self, stage);
}

}  // extern "C"
