#include "replace/diagnosis.h"

#include <algorithm>
#include <atomic>

#include "os/os.h"
#include "replace/counters.h"
#include "replace/quarantine.h"

namespace mp::replace {

namespace {

constinit bool g_is_on = false;
constinit bool g_has_borders = false;
constinit std::atomic<FindingListener> g_listener{nullptr};

void tell(const guard::Found& found, const guard::Moment& now) noexcept {
    if (const FindingListener listener = g_listener.load(std::memory_order_acquire); listener != nullptr) {
        listener(found, now);
    }
}

}  // namespace

guard::Moment moment_of(Door door, const void* caller, const void* frame) noexcept {
    return {.stack = os::stack_above(caller, frame),
            .thread = os::current_thread_id(),
            .ms = os::tick_ms(),
            .door = static_cast<std::uint8_t>(door)};
}

bool start_diagnosis(const Sampling& sampling) noexcept {
    detail::g_sampling = sampling;
    detail::g_sampling.one_in = std::max(sampling.one_in, 1U);
    g_is_on = guard::start(sampling.address_space, &detail::g_freed_words);
    return g_is_on;
}

bool is_diagnosing() noexcept {
    return g_is_on;
}

bool doors_guard() noexcept {
    return g_is_on && !g_has_borders;
}

void set_borders(bool on) noexcept {
    g_has_borders = on;
}

bool has_borders() noexcept {
    return g_has_borders;
}

const char* door_name(std::uint8_t door) noexcept {
    constexpr const char* kNames[] = {"the game's heap", "the C runtime", "the heaps' blocks"};
    return kNames[std::min<std::size_t>(door, std::size(kNames) - 1)];
}

void set_finding_listener(FindingListener listener) noexcept {
    g_listener.store(listener, std::memory_order_release);
}

namespace detail {

constinit Sampling g_sampling;

/// The distance varies between half and one and a half, so that no round of the game's is always met at one place.
void choose_next(ThreadState& state) noexcept {
    const std::uint32_t one_in = g_sampling.one_in;
    state.until_guarded = one_in - one_in / 2 + (one_in > 1 ? (state.samples.next_random() >> 8) % one_in : 0);
}

void* allocate_guarded(Door door, std::uint32_t size, const void* caller, const void* frame) noexcept {
    void* const block = guard::has_room(size) ? guard::allocate(size, moment_of(door, caller, frame)) : nullptr;
    if (block != nullptr && door == Door::game_heap) {
        count_heap_block(Count::game_blocks_allocated, size, caller);
    } else if (block != nullptr) {
        count_block(Count::crt_blocks_allocated, size);
    }
    return block;
}

}  // namespace detail

bool refuse_invalid(Door door, guard::Kind kind, const void* pointer, const void* caller) noexcept {
    if (!must_not_reach_original(pointer)) {
        return false;
    }
    count(Count::invalid_pointers);
    if (g_is_on) {
        const auto address = reinterpret_cast<std::uintptr_t>(pointer);
        guard::Found found{.kind = kind, .block = {.address = address}};
        if (const auto known = guard::explain(address)) {
            found.block = known->block;
        }
        tell(found, moment_of(door, caller, MP_FRAME_ADDRESS()));
    }
    return true;
}

bool free_other(Door door, void* block, const void* caller) noexcept {
    if (!guard::holds(block)) {
        return refuse_invalid(door, guard::Kind::unknown_free, block, caller);
    }
    const guard::Moment now = moment_of(door, caller, MP_FRAME_ADDRESS());
    const guard::Freed freed = guard::free(block, now);
    constexpr Count kFreed[] = {Count::game_blocks_freed, Count::crt_blocks_freed, Count::heap_blocks_freed};
    count(freed.done ? kFreed[static_cast<std::size_t>(door)] : Count::invalid_pointers);
    if (freed.found) {
        tell(*freed.found, now);
    }
    return true;
}

}  // namespace mp::replace
