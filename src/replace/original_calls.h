// Kernel calls that the game's own allocators would have made where ours serve the requests instead (full and scrap
// mode): followed as numbers, without the memory that they would have been about. docs/commands.md states the model.
#pragma once

#include <array>
#include <cstdint>

#include "game/sites.h"
#include "os/os.h"

namespace mp::replace::original {

namespace detail {

/// What the original would have committed for a scrap heap, in granules, by the granule of its stack's base.
extern std::array<std::uint8_t, 0x10000> g_scrap_granules;

inline std::uint8_t& scrap_granules(game::Addr base) noexcept {
    return g_scrap_granules[base / os::kGranule];
}
void double_scrap(game::Addr base, std::uint32_t used) noexcept;
void halve_scrap(game::Addr base) noexcept;

}  // namespace detail

// --- scrap heaps: their own rule, exactly (engine contract B.8), for what stands on a stack of ours. By whoever has
// the heap's lock.
// ---------------------------------------------------------------------------------------------------------

/// A block ends at `cursor`: the original commits more, by doubling, until the end lies above it.
inline void scrap_pushed(game::Addr base, game::Addr cursor) noexcept {
    const std::uint32_t used = cursor - base;
    if (used / os::kGranule >= detail::scrap_granules(base)) [[unlikely]] {
        detail::double_scrap(base, used);
    }
}
/// The last live block ends at `cursor`: the original drops half of what is committed when more than half is free.
inline void scrap_popped(game::Addr base, game::Addr cursor) noexcept {
    const std::uint32_t granules = detail::scrap_granules(base);
    if (granules > 1 && (cursor - base) / (os::kGranule / 2) < granules) [[unlikely]] {
        detail::halve_scrap(base);
    }
}
/// A heap gets its stack, or gives it back: the original asks its cache of 64 buffers. Any thread; no heap's lock held.
void scrap_stack_taken(game::Addr base) noexcept;
void scrap_stack_returned(game::Addr base) noexcept;

// --- pools and general heaps: an estimate from what lives
// -------------------------------------------------------------

/// Counts the live blocks and raises the high-water marks. Cold: some milliseconds for hundreds of megabytes. Any
/// thread; a second caller finds it done.
void look_at_live_blocks() noexcept;

/// As of the last look. Any thread.
struct Estimate {
    std::uint32_t pool_pages = 0;  ///< pages that the pools would have committed, one call each
    std::uint32_t heap_calls = 0;  ///< of the general heaps' tails
    std::uint64_t live_bytes = 0;  ///< in blocks of ours now: measured, no estimate
};
Estimate estimate() noexcept;

}  // namespace mp::replace::original
