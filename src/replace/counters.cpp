#include "replace/counters.h"

#include <new>
#include <span>

#include "alloc/mp_alloc.h"
#include "os/os.h"

namespace mp::replace {

namespace detail {

thread_local constinit CounterBlock* t_counters = nullptr;

namespace {

constinit std::atomic<CounterBlock*> g_blocks{nullptr};
constinit CounterBlock g_shared_block;
constinit os::ColdLock g_claim_lock;

CounterBlock* take_abandoned_block() noexcept {
    for (CounterBlock* block = g_blocks.load(std::memory_order_acquire); block != nullptr; block = block->next) {
        if (block->taken.load(std::memory_order_relaxed) == 0) {
            block->taken.store(1, std::memory_order_relaxed);
            return block;
        }
    }
    return nullptr;
}

/// Adds a granule's worth of blocks to the list. Blocks are never returned: readers walk the list without a lock.
bool add_blocks() noexcept {
    void* memory = os::reserve_commit(os::kGranule);
    if (memory == nullptr) {
        return false;
    }
    auto* blocks = static_cast<CounterBlock*>(memory);
    for (std::size_t i = 0; i < os::kGranule / sizeof(CounterBlock); ++i) {
        auto* block = new (&blocks[i]) CounterBlock;
        block->next = g_blocks.load(std::memory_order_relaxed);
        g_blocks.store(block, std::memory_order_release);
    }
    return true;
}

}  // namespace

CounterBlock& claim_counters() noexcept {
    const os::ColdLockGuard guard(g_claim_lock);
    CounterBlock* block = take_abandoned_block();
    if (block == nullptr && add_blocks()) {
        block = take_abandoned_block();
    }
    if (block == nullptr) {
        return g_shared_block;
    }  // not remembered: the next call tries again
    t_counters = block;
    return *block;
}

}  // namespace detail

std::uint64_t total(Count kind) noexcept {
    const auto index = static_cast<std::size_t>(kind);
    std::uint64_t sum = detail::g_shared_block.values[index].load(std::memory_order_relaxed);
    for (const detail::CounterBlock* block = detail::g_blocks.load(std::memory_order_acquire); block != nullptr;
         block = block->next) {
        sum += block->values[index].load(std::memory_order_relaxed);
    }
    return sum;
}

void release_thread_counters() noexcept {
    if (detail::t_counters == nullptr) {
        return;
    }
    const os::ColdLockGuard guard(detail::g_claim_lock);
    detail::t_counters->taken.store(0, std::memory_order_relaxed);
    detail::t_counters = nullptr;
}

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
constexpr Count kPageRequests[] = {Count::scrap_requests, Count::pool_page_requests, Count::heap_tail_requests,
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
    s.aligned_allocations = total(Count::media_buffers_allocated);
    s.large_allocations = total(Count::large_blocks_allocated);
    s.pool_allocations = total(Count::arenas_reserved) + total(Count::pool_pages_committed);
    s.region_allocations =
        total(Count::scrap_buffers_created) + total(Count::backings_reserved) + total(Count::small_block_regions);
    s.page_ops = sum(kPageRequests);
    // Frees are read before allocations: what was counted as freed was counted as allocated, so live is never negative.
    s.total_frees = sum(kBlocksFreed) + sum(kRegionsReturned);
    s.total_allocations = sum(kBlocksAllocated) + sum(kRegionsTaken);
    s.saved_syscalls =
        static_cast<std::int64_t>(total(Count::original_kernel_calls)) -
        static_cast<std::int64_t>(total(Count::kernel_calls) + allocator.map_calls + allocator.unmap_calls);
    return s;
}

std::uint64_t live_blocks() noexcept {
    const std::uint64_t freed = sum(kBlocksFreed);
    return sum(kBlocksAllocated) - freed + total(Count::scrap_heaps_built);
}

}  // namespace mp::replace
