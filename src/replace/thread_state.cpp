#include "replace/thread_state.h"

#include <algorithm>
#include <iterator>
#include <new>

#include "game/addresses.h"
#include "game/call.h"
#include "game/pools.h"
#include "os/os.h"
#include "os/process.h"

namespace mp::replace {

// --- counts --------------------------------------------------------------------------------------------------------

void SplitCount::carry(std::uint32_t low) noexcept {
    // Without the mark of a second writer, which the state that several threads share can have: it would stay for good.
    const std::uint32_t high = high_.load(std::memory_order_relaxed) & ~kChanging;
    high_.store(high | kChanging, std::memory_order_seq_cst);
    low_.store(low, std::memory_order_seq_cst);
    high_.store(high + 1, std::memory_order_seq_cst);
}

std::uint64_t SplitCount::read() const noexcept {
    while (true) {
        const std::uint32_t before = high_.load(std::memory_order_seq_cst);
        const std::uint32_t low = low_.load(std::memory_order_seq_cst);
        const std::uint32_t after = high_.load(std::memory_order_seq_cst);
        if (before == after && (before & kChanging) == 0) {
            return std::uint64_t{before} << 32 | low;
        }
    }
}

// --- samples -------------------------------------------------------------------------------------------------------

/// The distance to the next sample varies: a game that allocates in rounds of a fixed length is not met at the same
/// place of each.
void ThreadState::take_sample(Count kind, std::uint32_t size, const void* caller) noexcept {
    const auto bucket = std::ranges::distance(kSizeBounds.begin(), std::ranges::lower_bound(kSizeBounds, size));
    samples.sizes[static_cast<std::size_t>(bucket)].add(samples.interval);
    if (kind == Count::game_blocks_allocated) {
        if (game::served_by_pool(size)) {
            samples.pool_sized.add(samples.interval);
        }
        if (game::addr_of(caller) - game::code::kAllocateAligned <
            game::code::kAllocateAlignedEnd - game::code::kAllocateAligned) {
            samples.aligned.add(samples.interval);
        }
    }
    samples.interval = kSampling / 2 + (samples.next_random() >> 24);
    until_sample = samples.interval;
}

// --- states --------------------------------------------------------------------------------------------------------

namespace detail {

thread_local constinit ThreadState* t_state = nullptr;

namespace {

constinit std::atomic<ThreadState*> g_states{nullptr};
constinit ThreadState g_shared;
constinit os::ColdLock g_claim_lock;

ThreadState* take_abandoned() noexcept {
    for (ThreadState* state = g_states.load(std::memory_order_acquire); state != nullptr; state = state->next) {
        if (state->taken.load(std::memory_order_relaxed) == 0) {
            state->taken.store(1, std::memory_order_relaxed);
            return state;
        }
    }
    return nullptr;
}

/// Adds a granule's worth of states to the list. They are never returned: readers walk the list without a lock.
bool add_states() noexcept {
    void* memory = os::reserve_commit(os::kGranule);
    if (memory == nullptr) {
        return false;
    }
    auto* states = static_cast<ThreadState*>(memory);
    for (std::size_t i = 0; i < os::kGranule / sizeof(ThreadState); ++i) {
        auto* state = new (&states[i]) ThreadState;
        state->next = g_states.load(std::memory_order_relaxed);
        g_states.store(state, std::memory_order_release);
    }
    return true;
}

}  // namespace

ThreadState& claim_thread_state() noexcept {
    const os::ColdLockGuard guard(g_claim_lock);
    ThreadState* state = g_claim_lock.intact() ? take_abandoned() : nullptr;
    if (state == nullptr && g_claim_lock.intact() && add_states()) {
        state = take_abandoned();
    }
    if (state == nullptr) {
        return g_shared;  // not remembered: the next call tries again
    }
    state->held_id = os::hold_thread_id();
    state->thread_id = state->held_id != nullptr ? os::current_thread_id() : 0;
    t_state = state;
    return *state;
}

bool is_shared(const ThreadState& state) noexcept {
    return &state == &g_shared;
}
const ThreadState& shared_state() noexcept {
    return g_shared;
}
const ThreadState* first_state() noexcept {
    return g_states.load(std::memory_order_acquire);
}

}  // namespace detail

void end_thread_state() noexcept {
    ThreadState* const state = detail::t_state;
    detail::t_state = &detail::g_shared;
    if (state == nullptr || detail::is_shared(*state)) {
        return;
    }
    os::let_go_thread_id(state->held_id);
    state->held_id = nullptr;
    state->thread_id = 0;
    const os::ColdLockGuard guard(detail::g_claim_lock);
    state->taken.store(0, std::memory_order_relaxed);
}

}  // namespace mp::replace
