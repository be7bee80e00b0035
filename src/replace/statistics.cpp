#include "replace/statistics.h"

#include <span>

#include "alloc/mp_alloc.h"
#include "replace/counters.h"
#include "replace/original_calls.h"

namespace mp::replace {

namespace {

constexpr Count kBlocksAllocated[] = {Count::heap_blocks_allocated, Count::game_blocks_allocated,
                                      Count::crt_blocks_allocated, Count::media_buffers_allocated};
constexpr Count kBlocksFreed[] = {Count::heap_blocks_freed, Count::game_blocks_freed, Count::crt_blocks_freed,
                                  Count::media_buffers_freed};
constexpr Count kRegionsTaken[] = {Count::scrap_buffers_created, Count::arenas_reserved, Count::backings_reserved,
                                   Count::scrap_blocks_allocated};
constexpr Count kRegionsReturned[] = {Count::scrap_buffers_freed, Count::arenas_released, Count::backings_released,
                                      Count::scrap_blocks_freed};

/// Every commit and decommit that the game asked for.
constexpr Count kPageRequests[] = {Count::scrap_requests,         Count::scrap_steps,
                                   Count::pool_page_requests,     Count::heap_tail_requests,
                                   Count::heap_interior_requests, Count::small_block_groups};

std::uint64_t sum(std::span<const Count> kinds) noexcept {
    std::uint64_t result = 0;
    for (const Count kind : kinds) {
        result += total(kind);
    }
    return result;
}

}  // namespace

Statistics statistics() noexcept {
    mp_alloc_stats allocator{};
    mp_stats(&allocator);
    Statistics s;
    const original::Estimate estimate = original::estimate();
    s.estimated = total(Count::game_blocks_allocated) != 0;
    s.aligned_allocations = total(Count::media_buffers_allocated) + total_samples(&Samples::aligned);
    s.large_allocations = total(Count::large_blocks_allocated);
    s.pool_allocations =
        total(Count::arenas_reserved) + total(Count::pool_pages_committed) + total_samples(&Samples::pool_sized);
    s.region_allocations = total(Count::scrap_buffers_created) + total(Count::backings_reserved) +
                           total(Count::small_block_regions) + total(Count::scrap_blocks_allocated);
    s.page_ops = sum(kPageRequests) + estimate.pool_pages;
    // Frees are read before allocations: what was counted as freed was counted as allocated, so live is never negative.
    s.total_frees = sum(kBlocksFreed) + sum(kRegionsReturned);
    s.total_allocations = sum(kBlocksAllocated) + sum(kRegionsTaken);
    s.saved_syscalls =
        static_cast<std::int64_t>(total(Count::original_kernel_calls) + estimate.pool_pages + estimate.heap_calls) -
        static_cast<std::int64_t>(total(Count::kernel_calls) + allocator.map_calls + allocator.unmap_calls);
    return s;
}

std::uint64_t live_blocks() noexcept {
    const std::uint64_t freed = sum(kBlocksFreed);
    return sum(kBlocksAllocated) - freed + total(Count::scrap_heaps_built);
}

}  // namespace mp::replace
