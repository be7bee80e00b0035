// What the replacements count. docs/commands.md says which of these make up the mission's figures.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::replace {

enum class Count : std::uint8_t {
    heap_blocks_allocated,  ///< pattern 9
    heap_blocks_freed,
    game_blocks_allocated,  ///< full mode, the game's front doors
    game_blocks_freed,
    crt_blocks_allocated,  ///< full mode, the C runtime's entries
    crt_blocks_freed,
    scrap_blocks_allocated,  ///< full and scrap mode, scrap heaps
    scrap_blocks_freed,
    scrap_heaps_built,  ///< full and scrap mode: objects that only our methods understand while they are empty
    invalid_pointers,   ///< pointers into memory of ours that are no block, given to a free, a size or a reallocate
    large_blocks_allocated,   ///< those above kLargeBlock
    media_buffers_allocated,  ///< pattern 1
    media_buffers_freed,
    scrap_buffers_created,  ///< pattern 3
    scrap_buffers_freed,
    arenas_reserved,  ///< pattern 4
    arenas_released,
    backings_reserved,  ///< pattern 6
    backings_released,
    small_block_regions,     ///< pattern 10, 0xEDE579
    pool_pages_committed,    ///< pattern 5
    original_kernel_calls,   ///< kernel calls that the game's own code would certainly have made
    kernel_calls,            ///< kernel calls the replacements made themselves (the allocator counts its own)
    scrap_requests,          ///< calls of pattern 2
    scrap_steps,             ///< full and scrap mode: those that the original's scrap heaps would have made
    pool_page_requests,      ///< calls of pattern 5
    heap_tail_requests,      ///< calls of pattern 7
    heap_interior_requests,  ///< calls of pattern 8
    small_block_groups,      ///< pattern 10, 0xEDE629
    out_of_memory_stages,    ///< calls of the game's out-of-memory handler made by us
    count_
};

inline constexpr std::size_t kCountKinds = static_cast<std::size_t>(Count::count_);

}  // namespace mp::replace
