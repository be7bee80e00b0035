#include "alloc/page_blocks.h"

#include "alloc/arena.h"

#include <algorithm>
#include <bit>

namespace mp::alloc {
namespace {

constinit PageBlocks g_page_blocks;

constexpr std::uint32_t kUsedMask = 0xFFFF;
constexpr unsigned kStartShift = 16;

std::size_t granule_of_page(std::size_t page) noexcept {
    return page / kPagesPerGranule;
}

unsigned index_of(std::size_t page) noexcept {
    return static_cast<unsigned>(page % kPagesPerGranule);
}

std::size_t page_of(const void* address) noexcept {
    return reinterpret_cast<std::uintptr_t>(address) / kPageSize;
}

void* page_address(std::size_t page) noexcept {
    return reinterpret_cast<void*>(page * kPageSize);
}

// The first page of a block that waits is not marked as used, but as the start of a block.
std::uint32_t used_in(std::size_t granule) noexcept {
    const std::uint32_t pages = pages_of(granule);
    return (pages | (pages >> kStartShift)) & kUsedMask;
}

// Whether a live block starts at the page of that index.
bool is_live_start(std::uint32_t pages, unsigned index) noexcept {
    const std::uint32_t both = 1u | (1u << kStartShift);
    return ((pages >> index) & both) == both;
}

// Whether a run of pages may reach into this granule from the one before: both are ours, of one reservation.
bool continues(std::size_t granule) noexcept {
    return kind_of(granule) == MP_GRANULE_PAGES && kind_of(granule - 1) == MP_GRANULE_PAGES &&
           note(granule).reservation == 0;
}

// Bits [first, last) of a granule's word.
std::uint32_t bits(unsigned first, unsigned last) noexcept {
    return ((1u << last) - 1u) & ~((1u << first) - 1u);
}

// Calls visit(granule, bits) for each granule that the pages touch.
template <typename Visit>
void for_each_granule(std::size_t page, std::size_t count, Visit visit) noexcept {
    const std::size_t end = page + count;
    while (page < end) {
        const unsigned first = index_of(page);
        const auto taken = std::min<std::size_t>(end - page, kPagesPerGranule - first);
        visit(granule_of_page(page), bits(first, first + static_cast<unsigned>(taken)));
        page += taken;
    }
}

// Free pages from `page` on, which lies in a granule of ours.
std::size_t free_from(std::size_t page) noexcept {
    std::size_t count = 0;
    for (;;) {
        const unsigned first = index_of(page + count);
        const std::uint32_t used = used_in(granule_of_page(page + count)) >> first;
        if (used != 0) {
            return count + static_cast<std::size_t>(std::countr_zero(used));
        }
        count += kPagesPerGranule - first;
        if (!continues(granule_of_page(page + count))) {
            return count;
        }
    }
}

// Free pages behind the block that ends before `page`.
std::size_t free_after(std::size_t page) noexcept {
    return index_of(page) == 0 && !continues(granule_of_page(page)) ? 0 : free_from(page);
}

// Free pages directly before index `index` of the granule, which is ours.
std::size_t free_below(std::size_t granule, unsigned index) noexcept {
    std::size_t count = 0;
    for (;;) {
        const std::uint32_t below = used_in(granule) & bits(0, index);
        if (below != 0) {
            return count + index - static_cast<std::size_t>(std::bit_width(below));
        }
        count += index;
        if (!continues(granule)) {
            return count;
        }
        --granule;
        index = kPagesPerGranule;
    }
}

// Free pages directly before `page`, which lies in a granule of ours.
std::size_t free_before(std::size_t page) noexcept {
    return free_below(granule_of_page(page), index_of(page));
}

// The pages of the granule at which a run of free ones starts, bit by bit.
std::uint32_t run_starts(std::size_t granule) noexcept {
    const std::uint32_t unused = ~used_in(granule) & kUsedMask;
    const bool reached = continues(granule) && (used_in(granule - 1) >> (kPagesPerGranule - 1)) == 0;
    return unused & ~((unused << 1) | (reached ? 1u : 0u));
}

// Calls visit(page, length) for each run of free pages that starts in the granule.
template <typename Visit>
void for_each_run(std::size_t granule, Visit visit) noexcept {
    for (std::uint32_t starts = run_starts(granule); starts != 0; starts &= starts - 1) {
        const std::size_t page = granule * kPagesPerGranule + static_cast<std::size_t>(std::countr_zero(starts));
        visit(page, free_from(page));
    }
}

// Of the block that starts at `page`.
std::size_t block_length(std::size_t page) noexcept {
    std::size_t granule = granule_of_page(page);
    unsigned first = index_of(page) + 1;
    std::size_t before = 0;  // pages of the block in granules passed
    for (;;) {
        const std::uint32_t pages = pages_of(granule);
        const std::uint32_t ends = (~pages | (pages >> kStartShift)) & kUsedMask & ~bits(0, first);
        if (ends != 0) {
            return before + static_cast<std::size_t>(std::countr_zero(ends)) - index_of(page);
        }
        before += kPagesPerGranule;
        ++granule;
        first = 0;
    }
}

bool may_be_block(const void* address) noexcept {
    return (reinterpret_cast<std::uintptr_t>(address) & (kPageSize - 1)) == 0 &&
           kind_of(granule_of(address)) == MP_GRANULE_PAGES;
}

bool is_live(const void* address) noexcept {
    return may_be_block(address) && is_live_start(pages_of(granule_of(address)), index_of(page_of(address)));
}

std::size_t granules_for_pages(std::size_t pages) noexcept {
    return (pages + kPagesPerGranule - 1) / kPagesPerGranule;
}

}  // namespace

PageBlocks& page_blocks() noexcept {
    return g_page_blocks;
}

// --- handing out -----------------------------------------------------------------------------------------------------

void* PageBlocks::allocate(std::size_t pages, bool from_stock) noexcept {
    if (void* const block = revive(kept_.take(pages)); block != nullptr) {
        return block;
    }
    if (const std::size_t page = take_free(pages); page != 0) {
        return page_address(page);
    }
    if (void* const block = revive(kept_.take_longer(pages)); block != nullptr) {
        resize(block, pages);
        return block;
    }
    release_kept();
    const std::size_t page = take_free(pages);
    return page != 0 ? page_address(page) : allocate_from_arena(pages, from_stock);
}

// The kept run that starts there is a block again; nullptr for 0.
void* PageBlocks::revive(std::size_t page) noexcept {
    if (page != 0) {
        add_pages(granule_of_page(page), 1u << index_of(page));
    }
    return page_address(page);
}

void* PageBlocks::allocate_from_arena(std::size_t pages, bool from_stock) noexcept {
    const std::size_t least = granules_for_pages(pages);
    if (abandoned_) {
        return arena().allocate(least, kLargeRun).address;
    }
    std::size_t count = 0;
    const std::size_t most = std::max(least, policy::kStep);
    void* const address = arena().allocate_some(least, most, kBusyRun, &count, from_stock).address;
    if (address == nullptr) {
        return nullptr;
    }
    const os::ColdLockGuard guard(lock_);
    add_granules({.first = granule_of(address), .count = count});
    return page_address(take(pages));
}

// Without taking any more from the arena; 0 when no run of free pages is long enough.
std::size_t PageBlocks::take_free(std::size_t pages) noexcept {
    if (abandoned_) {
        return 0;
    }
    const os::ColdLockGuard guard(lock_);
    return take(pages);
}

// Marks the front of the best run found as a block; 0 when no run is long enough.
std::size_t PageBlocks::take(std::size_t pages) noexcept {
    const std::size_t granule = runs_.best_fit(pages);
    if (granule == 0) {
        return 0;
    }
    std::size_t best = 0;
    std::size_t best_length = SIZE_MAX;
    for_each_run(granule, [&](std::size_t page, std::size_t length) noexcept {
        if (length >= pages && length < best_length) {
            best = page;
            best_length = length;
        }
    });
    mark(best, pages, true);
    refresh_around(best, best + pages);
    return best;
}

void PageBlocks::mark(std::size_t page, std::size_t count, bool starts) noexcept {
    std::uint32_t start = starts ? 1u << (kStartShift + index_of(page)) : 0;
    for_each_granule(page, count, [&](std::size_t granule, std::uint32_t mask) noexcept {
        empty_granules_ -= add_pages(granule, mask | start) == 0 ? 1 : 0;
        start = 0;
    });
    free_pages_ -= count;
}

void PageBlocks::clear(std::size_t page, std::size_t count) noexcept {
    for_each_granule(page, count, [&](std::size_t granule, std::uint32_t mask) noexcept {
        const std::uint32_t both = mask | (mask << kStartShift);
        empty_granules_ += (remove_pages(granule, both) & ~both) == 0 ? 1 : 0;
    });
    free_pages_ += count;
}

// Writes down anew the longest free run that starts in the granule.
void PageBlocks::refresh(std::size_t granule) noexcept {
    std::size_t longest = 0;
    for_each_run(granule,
                 [&longest](std::size_t, std::size_t length) noexcept { longest = std::max(longest, length); });
    if (longest == length_of(granule)) {
        return;
    }
    if (length_of(granule) != 0) {
        runs_.erase(granule);
    }
    if (longest != 0) {
        runs_.insert(granule, longest);
    } else {
        set_length(granule, 0);
    }
}

// After pages [page, end) have changed: the granules in which runs may start or end that touch them.
void PageBlocks::refresh_around(std::size_t page, std::size_t end) noexcept {
    const std::size_t first = granule_of_page(page);
    const std::size_t before = granule_of_page(page - free_before(page));
    if (before != first) {
        refresh(before);
    }
    for (std::size_t granule = first; granule <= granule_of_page(end); ++granule) {
        if (kind_of(granule) == MP_GRANULE_PAGES) {
            refresh(granule);
        }
    }
}

// --- taking back -----------------------------------------------------------------------------------------------------

bool PageBlocks::free(void* address) noexcept {
    const std::size_t pages = claim(address, SIZE_MAX);
    if (pages != 0) {
        keep(page_of(address), pages);
    }
    return pages != 0;
}

std::size_t PageBlocks::end_life(void* address) noexcept {
    return abandoned_ ? 0 : claim(address, kPagesPerGranule) * kPageSize;
}

std::size_t PageBlocks::reuse(void* address) noexcept {
    const std::size_t page = page_of(address);
    const std::size_t pages = block_length(page);
    keep(page, pages);
    return pages * kPageSize;
}

// Ends the life of the block of at most `most` pages at the address: for one of those who try it in the same instant.
// Its pages; 0 when no such block is live there.
std::size_t PageBlocks::claim(void* address, std::size_t most) noexcept {
    if (!may_be_block(address)) {
        return 0;
    }
    const std::size_t page = page_of(address);
    const std::size_t granule = granule_of_page(page);
    for (;;) {
        const std::uint32_t before = pages_of(granule);
        if (!is_live_start(before, index_of(page))) {
            return 0;
        }
        const std::size_t pages = block_length(page);
        if (pages > most) {
            return 0;
        }
        if (exchange_pages(granule, before, before & ~(1u << index_of(page)))) {
            return pages;
        }
    }
}

// The block's life has ended.
void PageBlocks::keep(std::size_t page, std::size_t pages) noexcept {
    if (!abandoned_ && !kept_.put(page, pages)) {
        release(page, pages);
    }
}

void PageBlocks::release(std::size_t page, std::size_t pages) noexcept {
    Run surplus;
    {
        const os::ColdLockGuard guard(lock_);
        surplus = free_pages(page, pages);
    }
    give_back(surplus);
}

void PageBlocks::release_kept() noexcept {
    if (!abandoned_) {
        kept_.release_all([this](std::size_t page, std::size_t pages) noexcept { release(page, pages); });
    }
}

// Returns granules to give back, which are the caller's.
PageBlocks::Run PageBlocks::free_pages(std::size_t page, std::size_t count) noexcept {
    clear(page, count);
    refresh_around(page, page + count);
    const Run surplus = surplus_around(page);
    remove_granules(surplus);
    return surplus;
}

// The empty granules of the free run that holds `page`, when there are more of them in all than are taken at once. Only
// a run of as many goes back to the arena: a gap of a few granules between blocks, together with the free pages on its
// edges, serves the next block, while the arena could use it for spans only. When more than a quarter of all granules
// is empty, short ones go back as well.
PageBlocks::Run PageBlocks::surplus_around(std::size_t page) const noexcept {
    if (empty_granules_ <= policy::kStep) {
        return {};
    }
    const std::size_t begin = page - free_before(page);
    const std::size_t end = page + free_from(page);
    const std::size_t first = granules_for_pages(begin);
    const std::size_t last = granule_of_page(end);
    const std::size_t least = empty_granules_ > granules_ / 4 ? 1 : policy::kStep;
    return first + least <= last ? Run{.first = first, .count = last - first} : Run{};
}

void PageBlocks::give_back(Run granules) noexcept {
    if (granules.count != 0) {
        arena().free(address_of(granules.first), granules.count);
    }
}

void PageBlocks::release_free() noexcept {
    release_kept();
    Run run;
    do {
        {
            const os::ColdLockGuard guard(lock_);
            run = abandoned_ ? Run{} : find_empty();
            remove_granules(run);
        }
        give_back(run);
    } while (run.count != 0);
}

// The empty granules of any free run that has some.
PageBlocks::Run PageBlocks::find_empty() const noexcept {
    Run found;
    std::size_t granule = empty_granules_ == 0 ? 0 : runs_.longest();
    while (granule != 0 && length_of(granule) >= kPagesPerGranule && found.count == 0) {
        for_each_run(granule, [&found](std::size_t page, std::size_t length) noexcept {
            const std::size_t first = granules_for_pages(page);
            const std::size_t last = granule_of_page(page + length);
            if (first < last) {
                found = {.first = first, .count = last - first};
            }
        });
        granule = runs_.below(granule);
    }
    return found;
}

// --- granules --------------------------------------------------------------------------------------------------------

// They are the caller's alone and committed.
void PageBlocks::add_granules(Run granules) noexcept {
    for (std::size_t granule = granules.first; granule < granules.first + granules.count; ++granule) {
        set_length(granule, 0);
        set_pages(granule, 0);
    }
    set_kinds(granules.first, granules.count, MP_GRANULE_PAGES);
    granules_ += granules.count;
    empty_granules_ += granules.count;
    free_pages_ += granules.count * kPagesPerGranule;
    const std::size_t page = granules.first * kPagesPerGranule;
    refresh_around(page, page + granules.count * kPagesPerGranule);
}

// Empty granules become the caller's.
void PageBlocks::remove_granules(Run granules) noexcept {
    if (granules.count == 0) {
        return;
    }
    for (std::size_t granule = granules.first; granule < granules.first + granules.count; ++granule) {
        if (length_of(granule) != 0) {
            runs_.erase(granule);
        }
    }
    set_kinds(granules.first, granules.count, MP_GRANULE_BUSY);
    granules_ -= granules.count;
    empty_granules_ -= granules.count;
    free_pages_ -= granules.count * kPagesPerGranule;
    const std::size_t before = granules.first - 1;
    const std::size_t after = granules.first + granules.count;
    if (kind_of(before) == MP_GRANULE_PAGES) {
        const std::size_t end = granules.first * kPagesPerGranule;
        const std::size_t start = end - free_below(before, kPagesPerGranule);
        refresh(start == end ? before : granule_of_page(start));
    }
    if (kind_of(after) == MP_GRANULE_PAGES) {
        refresh(after);
    }
}

bool PageBlocks::adopt(void* address, std::size_t granules, std::size_t pages) noexcept {
    const std::size_t first = granule_of(address);
    if (abandoned_ || granules_for_pages(pages) != granules) {
        return false;
    }
    const os::ColdLockGuard guard(lock_);
    add_granules({.first = first, .count = granules});
    const std::size_t page = first * kPagesPerGranule;
    mark(page, pages, true);
    refresh_around(page, page + pages);
    return true;
}

// --- blocks in place -------------------------------------------------------------------------------------------------

std::size_t PageBlocks::pages_at(const void* address) const noexcept {
    return is_live(address) ? block_length(page_of(address)) : 0;
}

bool PageBlocks::resize(void* address, std::size_t pages) noexcept {
    Run surplus;
    {
        const os::ColdLockGuard guard(lock_);
        const std::size_t page = page_of(address);
        const std::size_t now = block_length(page);
        if (abandoned_ || pages == now) {
            return pages <= now;
        }
        const std::size_t end = page + std::min(pages, now);
        if (pages > now) {
            if (free_after(end) < pages - now) {
                return false;
            }
            mark(end, pages - now, false);
            refresh_around(end, page + pages);
        } else {
            surplus = free_pages(end, now - pages);
        }
    }
    give_back(surplus);
    return true;
}

// --- sums, the process's end -----------------------------------------------------------------------------------------

std::uint64_t PageBlocks::free_bytes() noexcept {
    const os::ColdLockGuard guard(lock_);
    return std::uint64_t{free_pages_ + kept_.units()} * kPageSize;
}

void PageBlocks::process_end() noexcept {
    abandoned_ = !lock_.intact();
}

}  // namespace mp::alloc
