#include "alloc/granules.h"

#include "alloc/live_bits.h"
#include "os/os.h"

#include <atomic>

namespace mp::alloc {
namespace {

static_assert(os::kGranule == kGranuleSize);

constexpr std::size_t kLeafMask = MP_GRANULES_PER_LEAF - 1;

constexpr unsigned char kCommittedBit = 1;
constexpr unsigned kZoneShift = 1;

}  // namespace
}  // namespace mp::alloc

#if UINTPTR_MAX == 0xFFFFFFFFu

namespace mp::alloc {
namespace {

// Zero from the start; pages are only touched where granules are ours.
unsigned char g_states[MP_GRANULES_PER_LEAF];
GranuleNote g_notes[MP_GRANULES_PER_LEAF];
std::uint32_t g_pages[MP_GRANULES_PER_LEAF];

std::uint32_t* pages_place(std::size_t granule) noexcept {
    return granule < kGranuleLimit ? &g_pages[granule] : nullptr;
}

unsigned char* kind_place(std::size_t granule) noexcept {
    return granule < kGranuleLimit ? &mp_granule_kinds[granule] : nullptr;
}

unsigned char& state_place(std::size_t granule) noexcept {
    return g_states[granule & kLeafMask];
}

}  // namespace

bool ensure_notes(std::size_t /*first*/, std::size_t /*count*/) noexcept {
    return true;
}

GranuleNote& note(std::size_t granule) noexcept {
    return g_notes[granule & kLeafMask];
}

}  // namespace mp::alloc

#else

extern "C" {
unsigned char* mp_granule_leaves[1 << 16];
}

namespace mp::alloc {
namespace {

// The kinds come first, the places of the live bits second: the lock-free readers know a leaf by that address alone.
struct Leaf {
    unsigned char kinds[MP_GRANULES_PER_LEAF];
    mp_live_pair* live_regions[1 << (32 - MP_LIVE_REGION_SHIFT)];
    unsigned char states[MP_GRANULES_PER_LEAF];
    GranuleNote notes[MP_GRANULES_PER_LEAF];
    std::uint32_t pages[MP_GRANULES_PER_LEAF];
};

unsigned char* leaf_bytes(std::size_t granule) noexcept {
    return granule < kGranuleLimit ? std::atomic_ref(mp_granule_leaves[granule >> 16]).load(std::memory_order_acquire)
                                   : nullptr;
}

Leaf* leaf_of(std::size_t granule) noexcept {
    return reinterpret_cast<Leaf*>(leaf_bytes(granule));
}

unsigned char* kind_place(std::size_t granule) noexcept {
    unsigned char* const leaf = leaf_bytes(granule);
    return leaf == nullptr ? nullptr : leaf + (granule & kLeafMask);
}

std::uint32_t* pages_place(std::size_t granule) noexcept {
    Leaf* const leaf = leaf_of(granule);
    return leaf == nullptr ? nullptr : &leaf->pages[granule & kLeafMask];
}

unsigned char& state_place(std::size_t granule) noexcept {
    return leaf_of(granule)->states[granule & kLeafMask];
}

}  // namespace

// Called under the arena lock: one writer.
bool ensure_notes(std::size_t first, std::size_t count) noexcept {
    for (std::size_t top = first >> 16; top <= (first + count - 1) >> 16; ++top) {
        if (leaf_bytes(top << 16) != nullptr) {
            continue;
        }
        void* const leaf = os::reserve_commit(sizeof(Leaf));
        if (leaf == nullptr) {
            return false;
        }
        std::atomic_ref(mp_granule_leaves[top]).store(static_cast<unsigned char*>(leaf), std::memory_order_release);
    }
    return true;
}

GranuleNote& note(std::size_t granule) noexcept {
    return leaf_of(granule)->notes[granule & kLeafMask];
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

Zone zone_of(std::size_t granule) noexcept {
    return static_cast<Zone>(state_place(granule) >> kZoneShift);
}

void set_zone(std::size_t first, std::size_t count, Zone zone) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        state_place(first + i) = static_cast<unsigned char>(static_cast<unsigned>(zone) << kZoneShift);
    }
}

bool is_committed(std::size_t granule) noexcept {
    return (state_place(granule) & kCommittedBit) != 0;
}

void set_committed(std::size_t first, std::size_t count, bool committed) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        unsigned char& state = state_place(first + i);
        state = static_cast<unsigned char>(committed ? state | kCommittedBit : state & ~kCommittedBit);
    }
}

std::uint32_t pages_of(std::size_t granule) noexcept {
    std::uint32_t* const place = pages_place(granule);
    return place == nullptr ? 0 : std::atomic_ref(*place).load(std::memory_order_relaxed);
}

void set_pages(std::size_t granule, std::uint32_t pages) noexcept {
    std::atomic_ref(*pages_place(granule)).store(pages, std::memory_order_relaxed);
}

Kind kind_of(std::size_t granule) noexcept {
    unsigned char* const place = kind_place(granule);
    return place == nullptr ? Kind{MP_GRANULE_FOREIGN} : std::atomic_ref(*place).load(std::memory_order_relaxed);
}

void set_kind(std::size_t granule, Kind kind) noexcept {
    std::atomic_ref(*kind_place(granule)).store(kind, std::memory_order_relaxed);
}

void set_kinds(std::size_t first, std::size_t count, Kind kind) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        set_kind(first + i, kind);
    }
}

bool is_noted(std::size_t granule) noexcept {
    return kind_place(granule) != nullptr;
}

bool exchange_kind(std::size_t granule, Kind from, Kind to) noexcept {
    unsigned char* const place = kind_place(granule);
    return place != nullptr && std::atomic_ref(*place).compare_exchange_strong(from, to, std::memory_order_acq_rel);
}

}  // namespace mp::alloc
