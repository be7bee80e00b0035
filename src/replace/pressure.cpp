#include "replace/pressure.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "alloc/mp_alloc.h"
#include "game/functions.h"
#include "os/background.h"
#include "os/os.h"
#include "replace/counters.h"
#include "replace/io_threads.h"
#include "replace/quarantine.h"

namespace mp::replace {

namespace {

/// Cold operations for which memory still counts as scarce.
constinit std::atomic<std::int32_t> g_scarce{0};

constexpr std::int32_t kWaitingStage = 7;  ///< first stage that only waits (engine contract B.10)
constexpr std::uint32_t kCompactionStage = 6;

thread_local constinit bool t_inside_stage = false;

constexpr std::uint32_t kToldEveryMs = 1000;
constinit std::atomic<RefusalListener> g_listener{nullptr};
constinit std::atomic<std::uint32_t> g_last_told{0};  ///< milliseconds, 0 = nothing was told yet
constinit std::atomic<std::uint32_t> g_untold{0};

/// Sizes that were told, by their lowest bits; the one that comes later takes the place.
constinit std::array<std::atomic<std::size_t>, 64> g_told_sizes{};

bool is_first_of_size(std::size_t size) noexcept {
    constexpr std::uint32_t kSpread = 0x9E3779B1;
    std::atomic<std::size_t>& place = g_told_sizes[static_cast<std::uint32_t>(size) * kSpread >> 26];
    return place.exchange(size, std::memory_order_relaxed) != size;
}

using ReleaseIdle = void (*)() noexcept;
constinit ReleaseIdle g_release_idle = nullptr;

void release_idle() noexcept {
    if (g_release_idle != nullptr) {
        g_release_idle();
    }
}

/// What the allocator calls when it was refused and gives back what it has. Allocates nothing.
void on_refusal_by_allocator() noexcept {
    note_refusal();
    release_idle();
}

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
    g_scarce.store(policy::kScarceOperations, std::memory_order_relaxed);
}

void set_idle_memory(void (*release)() noexcept) noexcept {
    g_release_idle = release;
}

void give_caches_back() noexcept {
    release_idle();
    mp_trim(0);
}

void prepare_for_pressure() noexcept {
    mp_set_give_back(&on_refusal_by_allocator);
    mp_fill_reserve();
}

// --- telling -------------------------------------------------------------------------------------------------------

void set_refusal_listener(RefusalListener listener) noexcept {
    g_listener.store(listener, std::memory_order_release);
}

void report_refusal(std::size_t size) noexcept {
    const RefusalListener listener = g_listener.load(std::memory_order_acquire);
    if (listener == nullptr) {
        return;
    }
    const auto now = static_cast<std::uint32_t>(os::monotonic_us() / 1000) | 1U;  // 0 = never told
    std::uint32_t last = g_last_told.load(std::memory_order_relaxed);
    if ((last != 0 && now - last < kToldEveryMs) || !g_last_told.compare_exchange_strong(last, now)) {
        g_untold.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    os::AddressSpace space;
    if (!os::measure_address_space(&space)) {
        space = {};
    }
    if (!is_first_of_size(size) && size <= space.largest) {
        g_untold.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    mp_alloc_stats memory{};
    mp_stats(&memory);
    listener({.size = size,
              .thread = os::current_thread_id(),
              .largest_hole = space.largest,
              .committed = memory.committed_bytes,
              .untold = g_untold.exchange(0, std::memory_order_relaxed)});
}

// --- the protocol --------------------------------------------------------------------------------------------------

OutOfMemoryProtocol::OutOfMemoryProtocol(std::size_t size, Caches caches) noexcept
    : size_(size), caches_given_back_(caches == Caches::given_back) {}

bool OutOfMemoryProtocol::is_inside_stage() noexcept {
    return t_inside_stage;
}

void OutOfMemoryProtocol::next_stage() noexcept {
    note_refusal();
    if (!caches_given_back_) {
        caches_given_back_ = true;
        give_caches_back();
        return;
    }
    if (!quarantine_flushed_) {
        quarantine_flushed_ = true;
        flush_quarantine();
        give_caches_back();
        return;
    }
    if (stage_ == 0 && waits_ == 0) {
        report_refusal(size_);
    }
    if (t_inside_stage || stage_ >= kWaitingStage) {
        wait();
    } else {
        run_stage();
    }
}

void OutOfMemoryProtocol::run_stage() noexcept {
    std::uint8_t allow_system_allocation = 1;  // the callers of this protocol ignore it (engine contract A.3)
    count(Count::out_of_memory_stages);
    t_inside_stage = true;
    stage_ = game::fn::kHandleOutOfMemory(game::at<game::MemoryManager>(game::data::kMemoryManager), nullptr, stage_,
                                          &allow_system_allocation);
    t_inside_stage = false;
}

void OutOfMemoryProtocol::wait() noexcept {
    if (!is_main_thread()) {
        if (waits_ == 0) {
            game::at<game::MemoryManager>(game::data::kMemoryManager)->pending_compaction_stage = kCompactionStage;
        }
        release_own_io_semaphores();
    }
    os::sleep_ms(1);
    if (++waits_ >= round_) {
        waits_ = 0;
        stage_ = 0;
        round_ = std::min(2 * round_, policy::kLongestRound);
    }
}

// --- never NULL ----------------------------------------------------------------------------------------------------

namespace {

/// mp_aligned_alloc with another wish for the case of a refusal.
void* attempt(std::size_t alignment, std::size_t size, int when_refused) noexcept {
    const int before = mp_when_refused(when_refused);
    void* block = alignment <= MP_MIN_ALIGNMENT ? mp_malloc(size) : mp_aligned_alloc(alignment, size);
    mp_when_refused(before);
    return block;
}

enum class RuntimeHeap : std::uint8_t { stays_out, helps };

/// `runtime_heap`: whether it is asked after each stage, and now and then while the thread waits.
void* run_protocol(std::size_t alignment, std::size_t size, int when_refused, RuntimeHeap runtime_heap) noexcept {
    OutOfMemoryProtocol protocol(size, OutOfMemoryProtocol::Caches::given_back);
    while (true) {
        protocol.next_stage();
        void* block = attempt(alignment, size, protocol.is_worth_more() ? MP_ORDINARY : when_refused);
        if (block == nullptr && protocol.is_worth_more() && when_refused != MP_ONCE) {
            block = attempt(alignment, size, when_refused);
        }
        if (block != nullptr) {
            prepare_for_pressure();
            return block;
        }
        if (runtime_heap == RuntimeHeap::helps && protocol.has_run_stage() && protocol.is_worth_more()) {
            block = allocate_from_runtime(static_cast<std::uint32_t>(size));
            if (block != nullptr) {
                return block;
            }
        }
    }
}

}  // namespace

void* allocate_or_run_protocol(std::size_t size) noexcept {
    if (size > kLargestServable) {
        return nullptr;
    }
    if (!OutOfMemoryProtocol::is_inside_stage()) {
        return run_protocol(MP_MIN_ALIGNMENT, size, MP_ONCE, RuntimeHeap::helps);
    }
    if (void* block = allocate_from_reserve(size); block != nullptr) {
        return block;
    }
    if (void* block = allocate_from_runtime(static_cast<std::uint32_t>(size)); block != nullptr) {
        return block;
    }
    return run_protocol(MP_MIN_ALIGNMENT, size, MP_RESERVE, RuntimeHeap::helps);
}

void* allocate_from_reserve(std::size_t size) noexcept {
    return attempt(MP_MIN_ALIGNMENT, size, MP_RESERVE);
}

void* allocate_from_reserve_or_run_protocol(std::size_t alignment, std::size_t size) noexcept {
    void* block = attempt(alignment, size, MP_RESERVE);
    return block != nullptr ? block : run_protocol(alignment, size, MP_RESERVE, RuntimeHeap::stays_out);
}

}  // namespace mp::replace
