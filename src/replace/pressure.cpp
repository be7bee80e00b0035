#include "replace/pressure.h"

#include <atomic>

#include "alloc/mp_alloc.h"
#include "game/call.h"
#include "game/layouts.h"
#include "os/os.h"
#include "replace/counters.h"
#include "replace/io_threads.h"
#include "replace/scrap_buffers.h"

namespace mp::replace {

namespace {

/// Cold operations for which memory counts as scarce after a refusal. Long enough for the game's whole clean-up (a
/// purge of every pool), short enough that caches come back afterwards.
constexpr std::int32_t kScarceOperations = 4096;
constinit std::atomic<std::int32_t> g_scarce{0};

constexpr std::int32_t kWaitingStage = 7;  ///< first stage that only waits (engine contract B.10)
constexpr std::uint32_t kCompactionStage = 6;
constexpr std::uint32_t kWaitsPerRound = 250;

}  // namespace

bool memory_is_scarce() noexcept {
    const std::int32_t left = g_scarce.load(std::memory_order_relaxed);
    if (left <= 0) {
        return false;
    }
    g_scarce.store(left - 1, std::memory_order_relaxed);
    return true;
}

void note_refusal() noexcept {
    g_scarce.store(kScarceOperations, std::memory_order_relaxed);
}

void give_caches_back() noexcept {
    release_idle_scrap_buffers();
    mp_trim(0);
}

void OutOfMemoryProtocol::next_stage() noexcept {
    note_refusal();
    if (!caches_given_back_) {
        caches_given_back_ = true;
        give_caches_back();
        return;
    }
    if (stage_ >= kWaitingStage) {
        wait();
        return;
    }
    std::uint8_t allow_system_allocation = 1;  // the callers of this protocol ignore it (engine contract A.3)
    count(Count::out_of_memory_stages);
    stage_ = game::call_this<std::int32_t>(game::site(0x00866A90).va, game::at<void>(game::data::kMemoryManager),
                                           static_cast<void*>(nullptr), stage_, &allow_system_allocation);
}

void OutOfMemoryProtocol::wait() noexcept {
    if (!is_main_thread()) {
        game::at<game::MemoryManager>(game::data::kMemoryManager)->pending_compaction_stage = kCompactionStage;
        release_own_io_semaphores();
    }
    os::sleep_ms(1);
    if (++waits_ % kWaitsPerRound == 0) {
        stage_ = 0;
        caches_given_back_ = false;
    }
}

namespace kernel {

void* reserve(std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::reserve(size);
}

void* reserve_at(void* address, std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::reserve_at(address, size);
}

void* reserve_commit(std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::reserve_commit(size);
}

bool commit(void* address, std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::commit(address, size);
}

bool decommit(void* address, std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::decommit(address, size);
}

bool release(void* address, std::size_t size) noexcept {
    count(Count::kernel_calls);
    return os::release(address, size);
}

}  // namespace kernel

}  // namespace mp::replace
