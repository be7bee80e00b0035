// Pool arenas (pattern 4) and pool pages (pattern 5). Engine contract A.7 to A.10, B.3.
//
// The original hunts for an arena's address by failing calls and commits every 4 KB page by its own call, under the
// pool's spin lock. Here one look at the page map finds the 16 MB slot, and pages are committed ahead in steps of 64 KB
// to 1 MB and then answered from a bitmap. A page that the game gives back stays committed unless memory is scarce.
//
// Threads: the game holds the pool's lock around every call, and an arena's bits are in words of their own, so pools do
// not disturb each other.
#include <algorithm>
#include <array>
#include <cstdint>

#include "game/call.h"
#include "game/layouts.h"
#include "os/os.h"
#include "replace/counters.h"
#include "replace/hook.h"
#include "replace/kernel_calls.h"
#include "replace/policy.h"
#include "replace/pressure.h"

namespace mp::replace {

namespace {

using game::Addr;
using game::MemoryPool;

constexpr std::uint32_t kGranule = os::kGranule;
constexpr std::uint32_t kGranulesPerSlot = game::kArenaAlignment / kGranule;

/// Which granules of a 16 MB slot are known to be committed.
struct SlotBits {
    std::array<std::uint32_t, kGranulesPerSlot / 32> words{};

    [[nodiscard]] bool test(std::uint32_t granule) const noexcept {
        return (words[granule / 32] >> (granule % 32) & 1) != 0;
    }
    void set(std::uint32_t granule) noexcept { words[granule / 32] |= 1U << (granule % 32); }
    void clear(std::uint32_t granule) noexcept { words[granule / 32] &= ~(1U << (granule % 32)); }
};
constinit std::array<SlotBits, game::kArenaSlots> g_slots{};

SlotBits& slot_of(Addr address) noexcept {
    return g_slots[address / game::kArenaAlignment];
}
std::uint32_t granule_of(Addr address) noexcept {
    return address % game::kArenaAlignment / kGranule;
}

/// Slot after the last arena found: arenas are built one after the other, so the next search starts there.
constinit std::uint32_t g_next_slot = 1;

// --- pattern 4 -----------------------------------------------------------------------------------------------------

/// Lowest slot at or after `first` whose first `size` bytes are free according to the page map; kArenaSlots if none.
std::uint32_t find_free_slot(std::uint32_t first, std::uint32_t size) noexcept {
    std::uint32_t slot = first;
    while (slot < game::kArenaSlots) {
        os::RegionInfo region;
        count(Count::kernel_calls);
        const Addr start = slot * game::kArenaAlignment;
        if (!os::query(game::at<void>(start), &region)) {
            return game::kArenaSlots;
        }
        const std::uint64_t region_end = static_cast<std::uint64_t>(region.base) + region.size;
        if (region.state == os::PageState::free && region_end >= static_cast<std::uint64_t>(start) + size) {
            return slot;
        }
        slot = std::max(slot + 1,
                        static_cast<std::uint32_t>((region_end + game::kArenaAlignment - 1) / game::kArenaAlignment));
    }
    return game::kArenaSlots;
}

/// Reserves in the slots from `first` on; 0 when the page map offers none that can really be had.
Addr reserve_from(std::uint32_t first, std::uint32_t size) noexcept {
    for (std::uint32_t slot = find_free_slot(first, size); slot < game::kArenaSlots;
         slot = find_free_slot(slot + 1, size)) {
        const Addr start = slot * game::kArenaAlignment;
        if (kernel::reserve_at(game::at<void>(start), size) != nullptr) {
            return start;
        }
    }
    return 0;
}

/// The original's own hunt, for systems whose page map shows free space as taken.
Addr hunt(std::uint32_t size) noexcept {
    for (std::uint32_t slot = 1; slot < game::kArenaSlots; ++slot) {
        const Addr start = slot * game::kArenaAlignment;
        if (kernel::reserve_at(game::at<void>(start), size) != nullptr) {
            return start;
        }
    }
    return 0;
}

void MP_FASTCALL reserve_arena(MemoryPool* pool, Unused /*edx*/) noexcept {
    if (pool->arena != 0) {
        return;
    }
    const std::uint32_t size = pool->arena_bytes;
    Addr arena = reserve_from(g_next_slot, size);
    if (arena == 0 && g_next_slot > 1) {
        arena = reserve_from(1, size);
    }
    if (arena == 0) {
        arena = hunt(size);
    }
    const std::uint32_t slot = arena / game::kArenaAlignment;
    count(Count::original_kernel_calls, arena != 0 ? slot : game::kArenaSlots - 1);  // it tries slots 1, 2, 3, ...
    pool->arena = arena;
    if (arena == 0) {
        return;
    }
    count(Count::arenas_reserved);
    g_slots[slot] = {};
    g_next_slot = slot + 1;
}

std::uint32_t MP_FASTCALL release_arena(MemoryPool* pool, Unused /*edx*/) noexcept {
    count(Count::original_kernel_calls);
    if (pool->arena == 0) {
        return 0;
    }
    slot_of(pool->arena) = {};
    g_next_slot = std::min(g_next_slot, pool->arena / game::kArenaAlignment);
    if (!kernel::release(game::at<void>(pool->arena), pool->arena_bytes)) {
        return 0;
    }
    count(Count::arenas_released);
    return 1;
}

// --- pattern 5 -----------------------------------------------------------------------------------------------------

/// How many granules to commit from `first` on: more as the pool grows, never past the slot or into known ones.
std::uint32_t step_from(const MemoryPool& pool, std::uint32_t first) noexcept {
    const std::uint32_t held = pool.committed_pages * game::kPoolPageSize / kGranule;
    const std::uint32_t wanted = std::clamp(held / policy::kPoolGrowth, 1U, policy::kStep);
    const SlotBits& bits = slot_of(pool.arena);
    std::uint32_t granules = 1;
    while (granules < wanted && first + granules < kGranulesPerSlot && !bits.test(first + granules)) {
        ++granules;
    }
    return granules;
}

/// Commits the granule of `page`, and more after it. On a refusal just the page; false when not even that is to be had.
bool commit_ahead(const MemoryPool& pool, Addr page) noexcept {
    const std::uint32_t first = granule_of(page);
    const Addr start = page / kGranule * kGranule;
    const std::uint32_t arena_left = pool.arena + pool.arena_bytes - start;
    const std::uint32_t granules = step_from(pool, first);
    if (!kernel::commit(game::at<void>(start), std::min(granules * kGranule, arena_left))) {
        note_refusal();
        return kernel::commit(game::at<void>(page), game::kPoolPageSize);
    }
    SlotBits& bits = slot_of(pool.arena);
    for (std::uint32_t i = 0; i < granules; ++i) {
        bits.set(first + i);
    }
    return true;
}

/// An arena that starts at a multiple of 16 MB and ends before the next one: the only kind the bitmap describes.
bool has_bits(const MemoryPool& pool) noexcept {
    return pool.arena != 0 && pool.arena % game::kArenaAlignment == 0 && pool.arena_bytes <= game::kArenaAlignment;
}

std::uint32_t MP_FASTCALL commit_page(const MemoryPool* pool, Unused /*edx*/, std::uint32_t index,
                                      Addr* page) noexcept {
    count(Count::pool_page_requests);
    count(Count::original_kernel_calls);
    *page = pool->arena + index * game::kPoolPageSize;
    const bool inside = has_bits(*pool) && index < pool->arena_bytes / game::kPoolPageSize;
    bool ready = inside && slot_of(pool->arena).test(granule_of(*page));
    if (!ready) {
        ready = inside ? commit_ahead(*pool, *page) : kernel::commit(game::at<void>(*page), game::kPoolPageSize);
    }
    if (ready) {
        count(Count::pool_pages_committed);
    }
    return ready ? 1 : 0;
}

std::uint32_t decommit_page(Addr page) noexcept {
    count(Count::pool_page_requests);
    count(Count::original_kernel_calls);
    if (!memory_is_scarce()) {
        return 1;
    }
    slot_of(page).clear(granule_of(page));  // the next commit covers the whole granule again, which harms no other page
    return kernel::decommit(game::at<void>(page), game::kPoolPageSize) ? 1 : 0;
}

std::uint32_t MP_FASTCALL decommit_page_pops_4(MemoryPool* /*pool*/, Unused /*edx*/, Addr page) noexcept {
    return decommit_page(page);
}

std::uint32_t MP_FASTCALL decommit_page_pops_8(MemoryPool* /*pool*/, Unused /*edx*/, Addr page,
                                               std::uint32_t) noexcept {
    return decommit_page(page);
}

}  // namespace

void hooks_of::pool_memory(patch::Hooks& hooks) noexcept {
    g_slots.fill({});  // arenas may have come and gone while an earlier installation was taken out
    // What the decommit pops is told by its own epilogue (engine contract A.20).
    hook(hooks, fn::kDecommitPage, &decommit_page_pops_4).replacement_pops_8 = code(&decommit_page_pops_8);
    hook(hooks, fn::kReleaseArena, &release_arena);
    hook(hooks, fn::kReserveArena, &reserve_arena);
    hook(hooks, fn::kCommitPage, &commit_page);
}

}  // namespace mp::replace
