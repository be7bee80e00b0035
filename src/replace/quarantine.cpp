#include "replace/quarantine.h"

#include <algorithm>
#include <atomic>

#include "alloc/mp_alloc.h"

namespace mp::replace {

namespace {

constinit std::atomic<std::uint32_t> g_length{0};

void free_all(QuarantineRing& ring) noexcept {
    for (std::uint32_t i = 0; i < ring.length; ++i) {
        if (void* block = ring.slots[i]; block != nullptr && detail::end_wait(block)) {
            mp_free(block);
        }
    }
    mp_free(static_cast<void*>(ring.slots));
    ring = {};
}

/// An empty ring; one of length 0 when there is no memory for it.
QuarantineRing make_ring(std::uint32_t length) noexcept {
    void* slots = length != 0 ? mp_calloc(length, sizeof(void*)) : nullptr;
    return slots != nullptr ? QuarantineRing{static_cast<void**>(slots), length, 0} : QuarantineRing{};
}

}  // namespace

namespace detail {

constinit std::atomic<std::uint32_t> g_quarantine_version{0};

void prepare_ring(ThreadState& state, std::uint32_t kind) noexcept {
    if (is_shared(state)) {
        return;  // several threads use it: it holds nothing back
    }
    const std::uint32_t version = g_quarantine_version.load(std::memory_order_acquire);
    const std::uint32_t length = g_length.load(std::memory_order_relaxed);
    const std::uint32_t factor = kind == 0 ? 1 : kHeapQuarantineFactor;
    QuarantineRing& ring = state.rings[kind];
    free_all(ring);
    ring = make_ring(std::min(length * factor, kLongestQuarantine));
    ring.version = version;
}

}  // namespace detail

void set_quarantine_length(std::uint32_t blocks) noexcept {
    g_length.store(std::min(blocks, kLongestQuarantine), std::memory_order_relaxed);
    detail::g_quarantine_version.fetch_add(1, std::memory_order_release);
}

std::uint32_t quarantine_length() noexcept {
    return g_length.load(std::memory_order_relaxed);
}

void release_thread_quarantine() noexcept {
    if (!has_thread_state()) {
        return;
    }
    ThreadState& state = thread_state();
    for (QuarantineRing& ring : state.rings) {
        free_all(ring);  // and forgets the version: whoever frees with this state again starts anew
    }
}

}  // namespace mp::replace
