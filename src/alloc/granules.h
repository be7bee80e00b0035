// The arena's notes about granules, kept outside the blocks and outside every heap: static tables in 32 bits, one table
// per 4 GB from the OS layer in 64 bits. Granules are named by number: address / 64 KB.
#pragma once

#include "alloc/live_bits.h"
#include "alloc/ownership.h"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mp::alloc {

/// Number of a granule; 0 = none (the first 64 KB of an address space are never ours).
#if UINTPTR_MAX == 0xFFFFFFFFu
using Granule = std::uint16_t;
inline constexpr std::size_t kGranuleLimit = std::size_t{1} << 16;
#else
using Granule = std::uint32_t;
inline constexpr std::size_t kGranuleLimit = std::size_t{1} << 32;
#endif

inline constexpr std::size_t kGranuleSize = MP_GRANULE_SIZE;

using Kind = unsigned char;

/// `length`, `left` and `right` belong to whoever owns the granule: the arena (free and used runs) or the page layer.
struct GranuleNote {
    /// Granules of the run: valid in the first granule of a used run and in the first and last one of a free run. In a
    /// granule of pages: the longest run of free pages that starts in it, 0 when none does.
    Granule length;
    /// Children in the tree of free runs; valid in the first granule of a free run, and in granules of pages.
    Granule left;
    Granule right;
    /// Granules of the reservation that starts here; 0 when none does.
    Granule reservation;
    /// When the granule became free, in quarters of a second; of granules of a free run.
    std::uint16_t freed_at;
};

/// What tells the time for delays, in milliseconds from anywhere; may wrap.
using Clock = std::uint32_t (*)();
/// Replaces the system's clock; nullptr brings it back. Any thread.
void set_clock(Clock clock) noexcept;

/// Granules of the caller's: they become free now.
void set_freed_now(std::size_t first, std::size_t count) noexcept;
/// Whether it is sure that the free granule has been free for so many milliseconds: at most policy::kLongestDelayMs.
bool is_free_since(std::size_t granule, std::uint32_t milliseconds) noexcept;

inline void* address_of(std::size_t granule) noexcept {
    return reinterpret_cast<void*>(static_cast<std::uintptr_t>(granule) << MP_GRANULE_SHIFT);
}

inline std::size_t granule_of(const void* address) noexcept {
    return reinterpret_cast<std::uintptr_t>(address) >> MP_GRANULE_SHIFT;
}

/// Makes the notes of these granules usable; false when there is no memory for them.
bool ensure_notes(std::size_t first, std::size_t count) noexcept;

namespace detail {

// A granule's zone, and in the lowest bit whether it is committed.
using State = unsigned char;
inline constexpr State kCommitted = 1;
inline constexpr unsigned kZoneShift = 1;
inline constexpr std::size_t kLeafMask = MP_GRANULES_PER_LEAF - 1;

#if UINTPTR_MAX == 0xFFFFFFFFu

// Zero from the start; pages are only touched where granules are ours.
extern State g_states[MP_GRANULES_PER_LEAF];
extern GranuleNote g_notes[MP_GRANULES_PER_LEAF];
extern std::uint32_t g_pages[MP_GRANULES_PER_LEAF];

inline Kind* kind_place(std::size_t granule) noexcept {
    return granule < kGranuleLimit ? &mp_granule_kinds[granule] : nullptr;
}
inline std::uint32_t* pages_place(std::size_t granule) noexcept {
    return granule < kGranuleLimit ? &g_pages[granule] : nullptr;
}
inline State& state_place(std::size_t granule) noexcept {
    return g_states[granule & kLeafMask];
}
inline GranuleNote& note_place(std::size_t granule) noexcept {
    return g_notes[granule & kLeafMask];
}

#else

// The kinds come first, the places of the live bits second: the lock-free readers know a leaf by that address alone.
struct Leaf {
    Kind kinds[MP_GRANULES_PER_LEAF];
    mp_live_pair* live_regions[1 << (32 - MP_LIVE_REGION_SHIFT)];
    State states[MP_GRANULES_PER_LEAF];
    GranuleNote notes[MP_GRANULES_PER_LEAF];
    std::uint32_t pages[MP_GRANULES_PER_LEAF];
};

inline Leaf* leaf_of(std::size_t granule) noexcept {
    return granule < kGranuleLimit
               ? reinterpret_cast<Leaf*>(
                     std::atomic_ref(mp_granule_leaves[granule >> 16]).load(std::memory_order_acquire))
               : nullptr;
}
inline Kind* kind_place(std::size_t granule) noexcept {
    Leaf* const leaf = leaf_of(granule);
    return leaf == nullptr ? nullptr : &leaf->kinds[granule & kLeafMask];
}
inline std::uint32_t* pages_place(std::size_t granule) noexcept {
    Leaf* const leaf = leaf_of(granule);
    return leaf == nullptr ? nullptr : &leaf->pages[granule & kLeafMask];
}
inline State& state_place(std::size_t granule) noexcept {
    return leaf_of(granule)->states[granule & kLeafMask];
}
inline GranuleNote& note_place(std::size_t granule) noexcept {
    return leaf_of(granule)->notes[granule & kLeafMask];
}

#endif

}  // namespace detail

/// These need `ensure_notes` first. Arena lock held, but for `length` of a used run, which any thread may read.
inline GranuleNote& note(std::size_t granule) noexcept {
    return detail::note_place(granule);
}
/// small: spans and blocks of pages; large: runs of granules; internal: what stays for good, heaps and live bits;
/// spare: adopted address space that no other zone has needed yet.
enum class Zone : std::uint8_t { small, large, internal, spare };
inline constexpr std::size_t kZones = 4;
/// Zone of the reservation that holds the granule.
inline Zone zone_of(std::size_t granule) noexcept {
    return static_cast<Zone>(detail::state_place(granule) >> detail::kZoneShift);
}
/// For all granules of a new reservation: none of them is committed.
void set_zone(std::size_t first, std::size_t count, Zone zone) noexcept;
inline bool is_committed(std::size_t granule) noexcept {
    return (detail::state_place(granule) & detail::kCommitted) != 0;
}
void set_committed(std::size_t first, std::size_t count, bool committed) noexcept;

/// Pages of a granule of kind MP_GRANULE_PAGES, bit by bit: which ones are used, and in the upper half which ones start
/// a block. Zero in every other granule. One word, which any thread may read; threads change it beside each other.
inline constexpr std::size_t kPagesPerGranule = 16;
inline std::uint32_t pages_of(std::size_t granule) noexcept {
    std::uint32_t* const place = detail::pages_place(granule);
    return place == nullptr ? 0 : std::atomic_ref(*place).load(std::memory_order_relaxed);
}
inline void set_pages(std::size_t granule, std::uint32_t pages) noexcept {
    std::atomic_ref(*detail::pages_place(granule)).store(pages, std::memory_order_relaxed);
}
/// Atomically set or clear some bits; what was there before.
inline std::uint32_t add_pages(std::size_t granule, std::uint32_t bits) noexcept {
    return std::atomic_ref(*detail::pages_place(granule)).fetch_or(bits, std::memory_order_relaxed);
}
inline std::uint32_t remove_pages(std::size_t granule, std::uint32_t bits) noexcept {
    return std::atomic_ref(*detail::pages_place(granule)).fetch_and(~bits, std::memory_order_relaxed);
}
/// Atomically `from` -> `to`; false when something else is there.
inline bool exchange_pages(std::size_t granule, std::uint32_t from, std::uint32_t to) noexcept {
    return std::atomic_ref(*detail::pages_place(granule)).compare_exchange_strong(from, to, std::memory_order_relaxed);
}

/// Any granule number, limits included.
inline Kind kind_of(std::size_t granule) noexcept {
    Kind* const place = detail::kind_place(granule);
    return place == nullptr ? Kind{MP_GRANULE_FOREIGN} : std::atomic_ref(*place).load(std::memory_order_relaxed);
}
inline void set_kind(std::size_t granule, Kind kind) noexcept {
    std::atomic_ref(*detail::kind_place(granule)).store(kind, std::memory_order_relaxed);
}
void set_kinds(std::size_t first, std::size_t count, Kind kind) noexcept;
/// Atomically `from` -> `to`; false when the granule was of another kind.
bool exchange_kind(std::size_t granule, Kind from, Kind to) noexcept;
/// False for granules of which nothing was ever ours; the same answer for all MP_GRANULES_PER_LEAF of one leaf.
inline bool is_noted(std::size_t granule) noexcept {
    return detail::kind_place(granule) != nullptr;
}

/// Gives every granule that may be ours to `visit`.
template <typename Visit>
void each_noted_granule(Visit visit) noexcept {
    for (std::size_t leaf = 0; leaf < kGranuleLimit; leaf += MP_GRANULES_PER_LEAF) {
        if (!is_noted(leaf)) {
            continue;
        }
        for (std::size_t low = 0; low < MP_GRANULES_PER_LEAF; ++low) {
            visit(leaf + low);
        }
    }
}

inline std::size_t length_of(std::size_t granule) noexcept {
    return std::atomic_ref(note(granule).length).load(std::memory_order_relaxed);
}
inline void set_length(std::size_t granule, std::size_t count) noexcept {
    std::atomic_ref(note(granule).length).store(static_cast<Granule>(count), std::memory_order_relaxed);
}

}  // namespace mp::alloc
