// What the replacements did, counted per thread with plain adds and summed when somebody asks.
//
// A thread writes only its own block, so a count costs one thread-local load and one add; no read-modify-write is
// atomic. Blocks outlive their threads and are handed to new ones with their counts in place, so nothing is ever lost.
#pragma once

#include <array>
#include <atomic>
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
    scrap_blocks_allocated,  ///< full mode, scrap heaps
    scrap_blocks_freed,
    scrap_heaps_built,  ///< full mode: objects that only our methods understand while they are empty
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
    pool_page_requests,      ///< calls of pattern 5
    heap_tail_requests,      ///< calls of pattern 7
    heap_interior_requests,  ///< calls of pattern 8
    small_block_groups,      ///< pattern 10, 0xEDE629
    out_of_memory_stages,    ///< calls of the game's out-of-memory handler made by us
    count_
};

inline constexpr std::size_t kCountKinds = static_cast<std::size_t>(Count::count_);

/// A block larger than this walked the original's unsorted list of large blocks (engine contract B.6).
inline constexpr std::uint32_t kLargeBlock = 4096;

namespace detail {

/// One writer (the owning thread), any reader. 64-bit loads and stores are single instructions on the targets we build.
struct alignas(64) CounterBlock {
    std::array<std::atomic<std::uint64_t>, kCountKinds> values{};
    std::atomic<std::uint32_t> taken{0};
    CounterBlock* next = nullptr;
};

extern thread_local constinit CounterBlock* t_counters;

/// Gives the calling thread a block; never fails (a shared block serves when memory is out; it may lose counts).
CounterBlock& claim_counters() noexcept;

}  // namespace detail

/// Adds `amount` to a count of the calling thread.
inline void count(Count kind, std::uint64_t amount = 1) noexcept {
    detail::CounterBlock* block = detail::t_counters;
    if (block == nullptr) [[unlikely]] {
        block = &detail::claim_counters();
    }
    std::atomic<std::uint64_t>& value = block->values[static_cast<std::size_t>(kind)];
    value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

/// Sum over all threads, those that ended included. Cold.
std::uint64_t total(Count kind) noexcept;

/// Hands the calling thread's block on; call when a thread ends.
void release_thread_counters() noexcept;

/// The mission's eight figures (docs/statistics.md says what each means).
struct Statistics {
    std::uint64_t total_allocations = 0;
    std::uint64_t total_frees = 0;
    std::uint64_t pool_allocations = 0;
    std::uint64_t region_allocations = 0;
    std::uint64_t aligned_allocations = 0;
    std::uint64_t large_allocations = 0;
    std::uint64_t page_ops = 0;
    std::int64_t saved_syscalls = 0;  ///< negative while our own set-up calls are more than the game's would have been
};

Statistics statistics() noexcept;

/// Blocks and scrap heaps of ours that the game may still hold: a restore must wait until there are none.
std::uint64_t live_blocks() noexcept;

}  // namespace mp::replace
