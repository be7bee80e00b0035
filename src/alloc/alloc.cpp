// The slow side of the interface: start-up of the library and of threads, large blocks, sizes that change.
#include "alloc/arena.h"
#include "alloc/core.h"
#include "alloc/live_bits.h"
#include "alloc/mp_alloc.h"
#include "alloc/page_blocks.h"
#include "os/os.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

namespace mp::alloc {
namespace {

// --- start-up --------------------------------------------------------------------------------------------------------

enum class Phase : std::uint8_t { untouched, ready, unusable };

constinit std::atomic<Phase> g_phase{Phase::untouched};
// Held while the library starts, and while threads get their heaps, return them or empty the common caches: rpmalloc
// itself would let them spin on each other.
constinit os::ColdLock g_heaps_lock;
constinit std::atomic<mp_give_back_fn*> g_give_back{nullptr};
constinit thread_local int t_when_refused = MP_ORDINARY;

bool may_use_reserve() noexcept {
    return t_when_refused == MP_RESERVE;
}

constinit std::atomic<std::uint32_t> g_failures{0};
constinit std::atomic<std::uint32_t> g_refused_frees{0};

// After mp_thread_end. Nobody would ever return what the thread took now.
constinit thread_local bool t_ended = false;

bool is_ready() noexcept {
    return g_phase.load(std::memory_order_acquire) == Phase::ready;
}

// False when there is no memory for a heap, or the thread has ended.
bool start_thread() noexcept {
    if (mp_core_thread_started() != 0) {
        return true;
    }
    if (t_ended) {
        return false;
    }
    const os::ColdLockGuard guard(g_heaps_lock);
    if (g_phase.load(std::memory_order_relaxed) == Phase::untouched) {
        mp_core_initialize();
        g_phase.store(Phase::ready, std::memory_order_release);
    }
    return g_phase.load(std::memory_order_relaxed) == Phase::ready && mp_core_thread_start() != 0;
}

void empty_caches() noexcept {
    if (is_ready()) {
        const os::ColdLockGuard guard(g_heaps_lock);
        mp_core_flush();
    }
    page_blocks().release_free();
}

// The only place that gives memory back for a request and tries again.
template <typename Attempt>
Arena::Grant with_second_attempt(Attempt attempt) noexcept {
    Arena::Grant grant = attempt();
    if (grant.address == nullptr && t_when_refused == MP_ORDINARY) {
        empty_caches();
        if (mp_give_back_fn* const give_back = g_give_back.load(std::memory_order_acquire); give_back != nullptr) {
            give_back();
        }
        arena().give_all_back();
        grant = attempt();
    }
    if (grant.address == nullptr) {
        g_failures.fetch_add(1, std::memory_order_relaxed);
    }
    return grant;
}

void* failed() noexcept {
    g_failures.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
}

// --- large blocks ----------------------------------------------------------------------------------------------------

constexpr std::size_t kMaxSize = SIZE_MAX / 2;

std::size_t granules_for(std::size_t size) noexcept {
    return std::max<std::size_t>(1, (size + kGranuleSize - 1) / kGranuleSize);
}

std::size_t pages_for(std::size_t size) noexcept {
    return std::max<std::size_t>(1, (size + kPageSize - 1) / kPageSize);
}

constexpr std::size_t kSharedLimit = PageBlocks::kMaxPages * kPageSize;

Arena::Grant allocate_once(std::size_t size, std::size_t alignment) noexcept {
    if (size <= kSharedLimit && alignment <= kPageSize) {
        return {.address = page_blocks().allocate(pages_for(size), may_use_reserve())};
    }
    return arena().allocate(granules_for(size), kLargeRun, may_use_reserve());
}

Arena::Grant allocate_large(std::size_t size, std::size_t alignment = kPageSize) noexcept {
    if (size > kMaxSize) {
        failed();
        return {};
    }
    return with_second_attempt([=]() noexcept { return allocate_once(size, alignment); });
}

// Of the block of whole granules or pages at `block`; 0 when none starts there.
std::size_t large_size(const void* block) noexcept {
    const std::size_t granule = granule_of(block);
    const Kind kind = mp_granule_kind_at(block);
    if (kind == MP_GRANULE_LARGE_HEAD && block == address_of(granule)) {
        return length_of(granule) * kGranuleSize;
    }
    return kind == MP_GRANULE_PAGES ? page_blocks().pages_at(block) * kPageSize : 0;
}

// --- live bits -------------------------------------------------------------------------------------------------------

static_assert((std::size_t{1} << (MP_LIVE_REGION_SHIFT - MP_LIVE_PAIR_SHIFT)) * sizeof(mp_live_pair) == kGranuleSize);

// Makes the bits around a span that is about to be used; false when there is no memory for them.
bool ensure_live_bits(const void* span) noexcept {
    const std::atomic_ref place(*mp_live_region(mp_address_value(span)));
    if (place.load(std::memory_order_acquire) != nullptr) {
        return true;
    }
    const Arena::Grant grant = arena().allocate(1, kInternalRun);
    if (grant.address == nullptr) {
        return false;
    }
    if (!grant.zeroed) {
        std::memset(grant.address, 0, kGranuleSize);
    }
    mp_live_pair* none = nullptr;
    if (!place.compare_exchange_strong(none, static_cast<mp_live_pair*>(grant.address), std::memory_order_acq_rel)) {
        arena().free(grant.address, 1);  // another thread was faster
    }
    return true;
}

// From now on no block is live until one is handed out. One thread only, at the process's end.
void forget_live_bits() noexcept {
    each_live_region([](mp_live_pair* pairs) { std::memset(static_cast<void*>(pairs), 0, kGranuleSize); });
}

// --- blocks in spans -------------------------------------------------------------------------------------------------

// A thread that cannot have a heap gets whole pages per block instead.
void* allocate_small(std::size_t size) noexcept {
    if (!start_thread()) {
        return allocate_large(size).address;
    }
    return with_second_attempt([size]() noexcept { return Arena::Grant{.address = mp_core_allocate(size)}; }).address;
}

void* allocate_any(std::size_t size) noexcept {
    return size > MP_CORE_LIMIT ? allocate_large(size).address : allocate_small(size);
}

// --- resizing --------------------------------------------------------------------------------------------------------

// Whether moving to a smaller block is worth the copy: at least half of what the block holds, and more than 1 KB.
bool shrinks_much(std::size_t usable, std::size_t size) noexcept {
    return usable > 1024 && size < usable / 2;
}

// Runs of granules shrink in place down to any size; what is then too short for whole granules becomes a block of
// pages.
bool resize_granules(void* block, std::size_t size) noexcept {
    const std::size_t granules = granules_for(size);
    if (!arena().resize_large(block, granules)) {
        return false;
    }
    if (size <= kSharedLimit) {
        page_blocks().adopt(block, granules, pages_for(size));
    }
    return true;
}

bool resize_in_place(void* block, std::size_t usable, std::size_t size) noexcept {
    const Kind kind = mp_granule_kind_at(block);
    if (kind != MP_GRANULE_LARGE_HEAD && kind != MP_GRANULE_PAGES) {
        return size <= usable && !shrinks_much(usable, size);
    }
    if (size <= MP_CORE_LIMIT || size > kMaxSize) {
        return false;
    }
    return kind == MP_GRANULE_PAGES ? page_blocks().resize(block, pages_for(size)) : resize_granules(block, size);
}

void* move_block(void* block, std::size_t usable, std::size_t size) noexcept {
    void* const fresh = mp_malloc(size);
    if (fresh == nullptr) {
        return size <= usable ? block : nullptr;
    }
    std::memcpy(fresh, block, std::min(usable, size));
    mp_free(block);
    return fresh;
}

bool is_valid_alignment(std::size_t alignment) noexcept {
    return alignment != 0 && (alignment & (alignment - 1)) == 0 && alignment <= kGranuleSize;
}

}  // namespace
}  // namespace mp::alloc

using namespace mp::alloc;

extern "C" {

// --- seam to core.c --------------------------------------------------------------------------------------------------

void* mp_core_map(size_t size) {
    const bool is_span = size == kGranuleSize;
    void* const mapped =
        arena().allocate(size / kGranuleSize, is_span ? kBusyRun : kInternalRun, may_use_reserve()).address;
    if (is_span && mapped != nullptr && !ensure_live_bits(mapped)) {
        mp_core_unmap(mapped, size);
        return nullptr;
    }
    return mapped;
}

void mp_core_unmap(void* address, size_t size) {
    arena().free(address, size / kGranuleSize);
}

void* mp_malloc_slow(size_t size) {
    return allocate_any(size);
}

void mp_count_refused_free(void) {
    g_refused_frees.fetch_add(1, std::memory_order_relaxed);
}

int mp_free_slow(void* block) {
    const Kind kind = mp_granule_kind_at(block);
    if (mp_granule_is_ours(kind) == 0) {
        return 0;
    }
    const bool freed = kind == MP_GRANULE_RETIRED || (kind == MP_GRANULE_PAGES && page_blocks().free(block)) ||
                       (kind == MP_GRANULE_LARGE_HEAD && arena().free_large(block));
    if (!freed) {
        mp_count_refused_free();
    }
    return freed ? 1 : 0;
}

size_t mp_end_life_of_pages(void* block) {
    static_assert(MP_PAGE_SIZE == kPageSize);
    return mp_granule_kind_at(block) == MP_GRANULE_PAGES ? page_blocks().end_life(block) : 0;
}

size_t mp_reuse_pages(void* block) {
    return page_blocks().reuse(block);
}

// --- interface -------------------------------------------------------------------------------------------------------

void* mp_calloc(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        return failed();
    }
    const std::size_t total = count * size;
    if (total > MP_CORE_LIMIT) {
        const Arena::Grant grant = allocate_large(total);
        if (grant.address != nullptr && !grant.zeroed) {
            std::memset(grant.address, 0, total);
        }
        return grant.address;
    }
    void* const block = mp_malloc(total);
    if (block != nullptr) {
        std::memset(block, 0, total);
    }
    return block;
}

void* mp_realloc(void* block, size_t size) {
    if (block == nullptr) {
        return mp_malloc(size);
    }
    const std::size_t usable = mp_usable_size(block);
    if (usable == 0) {
        return failed();
    }
    return resize_in_place(block, usable, size) ? block : move_block(block, usable, size);
}

int mp_resize_in_place(void* block, size_t size) {
    const std::size_t usable = mp_usable_size(block);
    return usable != 0 && resize_in_place(block, usable, size) ? 1 : 0;
}

void* mp_aligned_alloc(size_t alignment, size_t size) {
    if (!is_valid_alignment(alignment)) {
        return failed();
    }
    if (size > kMaxSize) {
        return failed();
    }
    // Size classes up to 1 KB are exact and start at multiples of their size, beyond a header of 128 bytes; the larger
    // ones are multiples of 512.
    if (alignment <= 128) {
        return mp_malloc(std::max(alignment, (size + alignment - 1) & ~(alignment - 1)));
    }
    return allocate_large(size, alignment).address;
}

size_t mp_usable_size(const void* block) {
    const std::size_t small = mp_core_usable_size(block);
    if (small != 0) {
        return small;
    }
    return mp_granule_kind_at(block) == MP_GRANULE_RETIRED ? mp_core_retired_size(block) : large_size(block);
}

int mp_when_refused(int wanted) {
    return std::exchange(t_when_refused, wanted);
}

void mp_set_give_back(mp_give_back_fn* give_back) {
    g_give_back.store(give_back, std::memory_order_release);
}

int mp_adopt(void* address, size_t bytes, size_t committed) {
    const bool is_whole = reinterpret_cast<std::uintptr_t>(address) % kGranuleSize == 0 && bytes % kGranuleSize == 0 &&
                          committed % kGranuleSize == 0;
    if (!is_whole || address == nullptr || bytes == 0 || committed > bytes) {
        return 0;
    }
    return arena().adopt(granule_of(address), bytes / kGranuleSize, committed / kGranuleSize) ? 1 : 0;
}

int mp_fill_reserve(void) {
    if (!arena().fill_stock()) {
        return 0;
    }
    // The live bits of what spans it may hold, so that they need not be taken from it.
    const std::size_t first = arena().stock();
    static_cast<void>(ensure_live_bits(address_of(first)));
    static_cast<void>(ensure_live_bits(address_of(first + policy::kReserve - 1)));
    return 1;
}

size_t mp_trim(size_t keep_bytes) {
    empty_caches();
    return arena().trim(keep_bytes / kGranuleSize) * kGranuleSize;
}

size_t mp_give_back(uint32_t milliseconds) {
    page_blocks().release_kept();
    return arena().give_back_aged(std::min(milliseconds, policy::kLongestDelayMs)) * kGranuleSize;
}

void mp_set_clock(mp_clock_fn* milliseconds) {
    set_clock(milliseconds);
}

void mp_stats(mp_alloc_stats* out) {
    arena().stats(out);
    // Counted a moment later, when other threads may have freed more than was committed before.
    out->free_bytes = std::min(out->free_bytes + page_blocks().free_bytes(), out->committed_bytes);
    out->failures = g_failures.load(std::memory_order_relaxed);
    out->refused_frees = g_refused_frees.load(std::memory_order_relaxed);
}

void mp_thread_end(void) {
    t_ended = true;
    if (mp_core_thread_started() != 0) {
        const mp::os::ColdLockGuard guard(g_heaps_lock);
        mp_core_thread_end();
    }
}

void mp_process_end(void) {
    mp::os::note_process_end();
    arena().process_end();
    page_blocks().process_end();
    each_noted_granule([](std::size_t granule) { exchange_kind(granule, MP_GRANULE_SPAN, MP_GRANULE_RETIRED); });
    forget_live_bits();
    if (is_ready()) {
        mp_core_process_end();
    } else if (!g_heaps_lock.intact()) {
        g_phase.store(Phase::unusable, std::memory_order_release);
    }
}
}
