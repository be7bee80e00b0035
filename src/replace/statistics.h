// What the counts come to: the mission's figures, and whether blocks live. Cold; any thread.
#pragma once

#include <cstdint>

namespace mp::replace {

/// The mission's eight figures (docs/commands.md says what each means).
struct Statistics {
    std::uint64_t total_allocations = 0;
    std::uint64_t total_frees = 0;
    std::uint64_t pool_allocations = 0;
    std::uint64_t region_allocations = 0;
    std::uint64_t aligned_allocations = 0;
    std::uint64_t large_allocations = 0;
    std::uint64_t page_ops = 0;
    std::int64_t saved_syscalls = 0;  ///< an estimate; negative while our own set-up calls are more than the game's
    /// Whether poolAllocations, alignedAllocations and pageOps hold estimates: with the game's front doors.
    bool estimated = false;
};

Statistics statistics() noexcept;

/// Blocks and scrap heaps of ours that the game may still hold: a restore must wait until there are none.
std::uint64_t live_blocks() noexcept;

}  // namespace mp::replace
