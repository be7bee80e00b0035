#include "replace/original_calls.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <utility>

#include "alloc/mp_alloc.h"
#include "game/addresses.h"
#include "game/pools.h"
#include "replace/block_sizes.h"
#include "replace/counters.h"

namespace mp::replace::original {

using game::Addr;

// --- scrap heaps ---------------------------------------------------------------------------------------------------

namespace detail {

constinit std::array<std::uint8_t, 0x10000> g_scrap_granules{};

namespace {

constexpr std::uint32_t kMostGranules = game::kScrapReserve / os::kGranule;

/// One commit or decommit.
void count_step() noexcept {
    count(Count::scrap_steps);
    count(Count::original_kernel_calls);
}

}  // namespace

MP_NOINLINE void double_scrap(Addr base, std::uint32_t used) noexcept {
    std::uint8_t& granules = scrap_granules(base);
    const std::uint32_t doubled = std::min(std::bit_ceil(used / os::kGranule + 1), kMostGranules);
    if (granules != 0 && doubled > granules) {  // 0: a buffer from before us
        count_step();
    }
    granules = static_cast<std::uint8_t>(doubled);
}

MP_NOINLINE void halve_scrap(Addr base) noexcept {
    scrap_granules(base) /= 2;
    count_step();
}

}  // namespace detail

namespace {

/// The original's cache of freed buffers: what each has committed, in granules.
struct Cache {
    static constexpr std::size_t kCapacity = 64;
    os::ColdLock lock;
    std::array<std::uint8_t, kCapacity> granules{};
    std::size_t count = 0;
};
constinit Cache g_cache;

}  // namespace

void scrap_stack_taken(Addr base) noexcept {
    constexpr std::uint32_t kCreate = 2;  // reserve, commit
    const os::ColdLockGuard guard(g_cache.lock);
    if (!g_cache.lock.intact()) {
        return;
    }
    if (g_cache.count == 0) {
        detail::scrap_granules(base) = 1;
        count(Count::original_kernel_calls, kCreate);
        return;
    }
    // Every buffer is large enough for a heap's first 64 KB: the first one goes, the last one takes its place.
    detail::scrap_granules(base) = g_cache.granules[0];
    g_cache.granules[0] = g_cache.granules[--g_cache.count];
}

void scrap_stack_returned(Addr base) noexcept {
    constexpr std::uint32_t kFullCache = 2;  // the same buffer is released twice
    const std::uint8_t granules = std::exchange(detail::scrap_granules(base), std::uint8_t{0});
    const os::ColdLockGuard guard(g_cache.lock);
    if (granules == 0 || !g_cache.lock.intact()) {
        return;
    }
    if (g_cache.count == Cache::kCapacity) {
        count(Count::original_kernel_calls, kFullCache);
        return;
    }
    g_cache.granules[g_cache.count++] = granules;
}

// --- pools and general heaps ---------------------------------------------------------------------------------------

namespace {

/// Sizes of our blocks up to here may hold requests that a pool served.
constexpr std::uint32_t kLastPoolClass = 608;
constexpr std::size_t kClasses = kLastPoolClass / kSizeStep + 1;
static_assert(kSizeStep == MP_CENSUS_STEP);

/// What the requests that our blocks of one size hold would have been, every one as often as the others.
struct Requests {
    double pool_pages = 0;  ///< of a pool, by a live block
    double heap = 1;        ///< part that the general heaps served
};

constexpr std::array<Requests, kClasses> kRequests = [] {
    std::array<Requests, kClasses> all{};
    for (std::uint32_t size = kSizeStep; size <= kLastPoolClass; size += kSizeStep) {
        Requests sum{.pool_pages = 0, .heap = 0};
        std::uint32_t requests = 0;
        each_request(size, [&sum, &requests](std::uint32_t request) {
            ++requests;
            if (const std::uint32_t pool = game::pool_for(request); pool != 0) {
                const std::uint32_t blocks_a_page = game::kPoolPageSize / pool;
                sum.pool_pages += 1.0 / blocks_a_page;
            } else {
                sum.heap += 1;
            }
        });
        all[size / kSizeStep] = {.pool_pages = sum.pool_pages / requests, .heap = sum.heap / requests};
    }
    return all;
}();

/// Of the blocks that live when a general heap is at its fullest, the part that came from the heap's end, by a call
/// each; the others stand where some had been before. Fitted to the eight scenarios of the stand-in (docs/commands.md).
constexpr double kFromTheTail = 0.71;

struct Marks {
    os::ColdLock lock;
    mp_census census{};
    std::array<double, kClasses> pool_pages{};  ///< the most so far, by size of our blocks
    double heap_blocks = 0;
};
constinit Marks g_marks;
constinit std::atomic<std::uint32_t> g_pool_pages{0};
constinit std::atomic<std::uint32_t> g_heap_blocks{0};
constinit std::atomic<std::uint32_t> g_live_granules{0};

double live(Count allocated, Count freed) noexcept {
    const std::uint64_t ended = total(freed);
    return static_cast<double>(total(allocated) - ended);
}

/// Of all live blocks, the part that the game's front doors handed out.
double games_part() noexcept {
    const double game = live(Count::game_blocks_allocated, Count::game_blocks_freed);
    const double others = live(Count::crt_blocks_allocated, Count::crt_blocks_freed) +
                          live(Count::heap_blocks_allocated, Count::heap_blocks_freed);
    return game == 0 ? 0 : game / (game + others);
}

/// Lock held.
void raise_marks() noexcept {
    const double part = games_part();
    double pages = 0;
    double heap = live(Count::heap_blocks_allocated, Count::heap_blocks_freed) + part * g_marks.census.larger_blocks;
    for (std::size_t i = 0; i < MP_CENSUS_SIZES; ++i) {
        const double blocks = part * g_marks.census.blocks[i];
        if (i >= kClasses) {
            heap += blocks;
            continue;
        }
        heap += blocks * kRequests[i].heap;
        g_marks.pool_pages[i] = std::max(g_marks.pool_pages[i], blocks * kRequests[i].pool_pages);
        pages += g_marks.pool_pages[i];
    }
    g_marks.heap_blocks = std::max(g_marks.heap_blocks, heap);
    g_pool_pages.store(static_cast<std::uint32_t>(pages), std::memory_order_relaxed);
    g_heap_blocks.store(static_cast<std::uint32_t>(g_marks.heap_blocks), std::memory_order_relaxed);
}

}  // namespace

void look_at_live_blocks() noexcept {
    if (!g_marks.lock.try_lock()) {
        return;
    }
    mp_take_census(&g_marks.census);
    raise_marks();
    g_live_granules.store(static_cast<std::uint32_t>(g_marks.census.bytes / os::kGranule), std::memory_order_relaxed);
    g_marks.lock.unlock();
}

Estimate estimate() noexcept {
    return {.pool_pages = g_pool_pages.load(std::memory_order_relaxed),
            .heap_calls = static_cast<std::uint32_t>(kFromTheTail * g_heap_blocks.load(std::memory_order_relaxed)),
            .live_bytes = std::uint64_t{g_live_granules.load(std::memory_order_relaxed)} * os::kGranule};
}

}  // namespace mp::replace::original
