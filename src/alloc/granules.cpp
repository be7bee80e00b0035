#include "alloc/granules.h"

#include "os/os.h"

static_assert(mp::os::kGranule == mp::alloc::kGranuleSize);

#if UINTPTR_MAX == 0xFFFFFFFFu

namespace mp::alloc {
namespace detail {

State g_states[MP_GRANULES_PER_LEAF];
GranuleNote g_notes[MP_GRANULES_PER_LEAF];
std::uint32_t g_pages[MP_GRANULES_PER_LEAF];

}  // namespace detail

bool ensure_notes(std::size_t /*first*/, std::size_t /*count*/) noexcept {
    return true;
}

}  // namespace mp::alloc

#else

extern "C" {
unsigned char* mp_granule_leaves[1 << 16];
}

namespace mp::alloc {

// Called under the arena lock: one writer.
bool ensure_notes(std::size_t first, std::size_t count) noexcept {
    for (std::size_t top = first >> 16; top <= (first + count - 1) >> 16; ++top) {
        if (detail::leaf_of(top << 16) != nullptr) {
            continue;
        }
        void* const leaf = os::reserve_commit(sizeof(detail::Leaf));
        if (leaf == nullptr) {
            return false;
        }
        std::atomic_ref(mp_granule_leaves[top]).store(static_cast<unsigned char*>(leaf), std::memory_order_release);
    }
    return true;
}

}  // namespace mp::alloc

#endif

namespace mp::alloc {
namespace {

constexpr std::uint32_t kTick = 250;  // milliseconds of a granule's time; it wraps after four hours

constinit std::atomic<Clock> g_clock{&os::tick_ms};

std::uint16_t ticks_now() noexcept {
    return static_cast<std::uint16_t>(g_clock.load(std::memory_order_relaxed)() / kTick);
}

}  // namespace

void set_clock(Clock clock) noexcept {
    g_clock.store(clock != nullptr ? clock : &os::tick_ms, std::memory_order_relaxed);
}

void set_freed_now(std::size_t first, std::size_t count) noexcept {
    const std::uint16_t now = ticks_now();
    for (std::size_t i = 0; i < count; ++i) {
        note(first + i).freed_at = now;
    }
}

bool is_free_since(std::size_t granule, std::uint32_t milliseconds) noexcept {
    const auto ticks = static_cast<std::uint16_t>(ticks_now() - note(granule).freed_at);
    return milliseconds == 0 || ticks > (milliseconds + kTick - 1) / kTick;
}

void set_zone(std::size_t first, std::size_t count, Zone zone) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        detail::state_place(first + i) = static_cast<detail::State>(static_cast<unsigned>(zone) << detail::kZoneShift);
    }
}

void set_committed(std::size_t first, std::size_t count, bool committed) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        detail::State& state = detail::state_place(first + i);
        state = static_cast<detail::State>(committed ? state | detail::kCommitted : state & ~detail::kCommitted);
    }
}

void set_kinds(std::size_t first, std::size_t count, Kind kind) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        set_kind(first + i, kind);
    }
}

bool exchange_kind(std::size_t granule, Kind from, Kind to) noexcept {
    Kind* const place = detail::kind_place(granule);
    return place != nullptr && std::atomic_ref(*place).compare_exchange_strong(from, to, std::memory_order_acq_rel);
}

}  // namespace mp::alloc
