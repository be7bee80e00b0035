// The arena's notes about granules, kept outside the blocks and outside every heap: static tables in 32 bits, one table
// per 4 GB from the OS layer in 64 bits. Granules are named by number: address / 64 KB.
#pragma once

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

/// These need `ensure_notes` first. Arena lock held, but for `length` of a used run, which any thread may read.
GranuleNote& note(std::size_t granule) noexcept;
/// small: spans and blocks of pages; large: runs of granules; internal: what stays for good, heaps and live bits;
/// spare: adopted address space that no other zone has needed yet.
enum class Zone : std::uint8_t { small, large, internal, spare };
inline constexpr std::size_t kZones = 4;
/// Zone of the reservation that holds the granule.
Zone zone_of(std::size_t granule) noexcept;
/// For all granules of a new reservation: none of them is committed.
void set_zone(std::size_t first, std::size_t count, Zone zone) noexcept;
bool is_committed(std::size_t granule) noexcept;
void set_committed(std::size_t first, std::size_t count, bool committed) noexcept;

/// Pages of a granule of kind MP_GRANULE_PAGES, bit by bit: which ones are used, and in the upper half which ones start
/// a block. Zero in every other granule. One word, so that any thread may read what one thread writes.
inline constexpr std::size_t kPagesPerGranule = 16;
std::uint32_t pages_of(std::size_t granule) noexcept;
void set_pages(std::size_t granule, std::uint32_t pages) noexcept;

/// Any granule number, limits included.
Kind kind_of(std::size_t granule) noexcept;
void set_kind(std::size_t granule, Kind kind) noexcept;
void set_kinds(std::size_t first, std::size_t count, Kind kind) noexcept;
/// Atomically `from` -> `to`; false when the granule was of another kind.
bool exchange_kind(std::size_t granule, Kind from, Kind to) noexcept;
/// False for granules of which nothing was ever ours; the same answer for all MP_GRANULES_PER_LEAF of one leaf.
bool is_noted(std::size_t granule) noexcept;

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
