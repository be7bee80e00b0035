#include "replace/quarantine.h"

#include <algorithm>
#include <atomic>

#include "os/os.h"

namespace mp::replace {

namespace {

constinit std::atomic<std::uint32_t> g_kilobytes{0};
constinit os::ColdLock g_shared_lock;  // of the queues of the state that several threads share

constexpr std::uint32_t kKilobyte = 1024;

std::uint32_t budget_of(std::uint32_t kind) noexcept {
    const std::uint32_t bytes = g_kilobytes.load(std::memory_order_relaxed) * kKilobyte;
    return kind == detail::kPoolSizes ? bytes / policy::kPoolShare : bytes;
}

void reuse_all(QuarantineQueue& queue) noexcept {
    while (queue.count != 0) {
        detail::reuse_oldest(queue);
    }
}

/// An empty queue of the budget that is set; one of budget 0 when there is no memory for it.
QuarantineQueue make_queue(std::uint32_t kind) noexcept {
    const std::uint32_t budget = budget_of(kind);
    const std::uint32_t smallest = kind == detail::kLargerSizes ? detail::kLargestObject : policy::kBytesASlot;
    const std::uint32_t length = budget / smallest;
    void* slots = length != 0 ? mp_malloc(length * sizeof(void*)) : nullptr;
    return slots != nullptr ? QuarantineQueue{.slots = static_cast<void**>(slots), .length = length, .budget = budget}
                            : QuarantineQueue{};
}

void follow_setting(QuarantineQueue& queue, std::uint32_t kind) noexcept {
    const std::uint32_t version = detail::g_quarantine_version.load(std::memory_order_acquire);
    if (queue.version != version) {
        reuse_all(queue);
        mp_free(static_cast<void*>(queue.slots));
        queue = make_queue(kind);
        queue.version = version;
    }
}

void wait_if_it_fits(QuarantineQueue& queue, void* block, std::uint32_t size) noexcept {
    if (size > queue.budget) {
        mp_reuse(block);
    } else {
        detail::wait_in(queue, block, size);
    }
}

}  // namespace

namespace detail {

constinit std::atomic<std::uint32_t> g_quarantine_version{0};
constinit FreedWords g_freed_words;

void reuse_oldest(QuarantineQueue& queue) noexcept {
    void* block = queue.slots[queue.first];
    queue.first = queue.first + 1 == queue.length ? 0 : queue.first + 1;
    --queue.count;
    queue.bytes -= static_cast<std::uint32_t>(mp_reuse(block));
}

void let_wait_slowly(ThreadState& state, void* block, std::uint32_t size) noexcept {
    const std::uint32_t kind = kind_of(size);
    if (is_shared(state)) {
        // Its own queue is never up to date, so every free of a thread without a state comes here.
        static constinit std::array<QuarantineQueue, kQuarantineKinds> shared{};
        const os::ColdLockGuard guard(g_shared_lock);
        follow_setting(shared[kind], kind);
        wait_if_it_fits(shared[kind], block, size);
        return;
    }
    follow_setting(state.quarantine[kind], kind);
    wait_if_it_fits(state.quarantine[kind], block, size);
}

bool free_large_block(void* block) noexcept {
    if (mp_usable_size(block) == 0) {
        return mp_owns(block) != 0 && mp_free(block) != 0;  // none, or one that the process's end has frozen
    }
    mark_freed(block);
    return mp_free(block) != 0;
}

bool is_nobodys(const void* address) noexcept {
    os::RegionInfo region;
    return os::query(address, &region) && region.state != os::PageState::committed;
}

}  // namespace detail

void set_quarantine(std::uint32_t kilobytes) noexcept {
    const std::uint32_t size = std::min(kilobytes, policy::kLargestQuarantine);
    g_kilobytes.store(size, std::memory_order_relaxed);
    detail::g_quarantine_version.fetch_add(1, std::memory_order_release);
}

std::uint32_t quarantine_kilobytes() noexcept {
    return g_kilobytes.load(std::memory_order_relaxed);
}

void flush_quarantine() noexcept {
    if (has_thread_state()) {
        for (QuarantineQueue& queue : thread_state().quarantine) {
            reuse_all(queue);
        }
    }
}

}  // namespace mp::replace
