// Blocks of whole 4 KB pages that share granules: the sizes for which a run of granules of their own would waste more
// than an eighth. A granule of pages has two bits per page, kept outside the memory itself: used, and first page of a
// block; the first page of a block whose life has ended, and that waits or is kept whole for the next one of its
// length, has the second alone. Free pages are found by the longest free run that starts in a granule. Any thread may
// call any function; what is kept is taken and put without a lock.
#pragma once

#include "alloc/free_runs.h"
#include "alloc/granules.h"
#include "alloc/kept_runs.h"
#include "os/os.h"

namespace mp::alloc {

inline constexpr std::size_t kPageSize = os::kPage;
static_assert(kPageSize * kPagesPerGranule == kGranuleSize);

class PageBlocks {
public:
    /// From here on a run of granules wastes at most an eighth.
    static constexpr std::size_t kMaxPages = 128;

    /// A page-aligned block; nullptr when memory is out.
    void* allocate(std::size_t pages, bool from_stock = false) noexcept;
    /// False when no live block starts at `address`, of whatever kind of memory.
    bool free(void* address) noexcept;
    /// The two halves of it for blocks of at most a granule's pages, as mp_end_life and mp_reuse. Both return bytes,
    /// the first one 0 when no such block is live at `address`.
    std::size_t end_life(void* address) noexcept;
    std::size_t reuse(void* address) noexcept;
    /// Resizes the caller's live block where it is; false when the pages behind it are not free.
    bool resize(void* address, std::size_t pages) noexcept;
    /// Pages of the live block that starts at `address`; 0 when none does. Takes no lock; exact for the caller's live
    /// block.
    [[nodiscard]] std::size_t pages_at(const void* address) const noexcept;

    /// The caller's run of granules (kind MP_GRANULE_LARGE_HEAD) becomes a block of `pages` pages at the same address;
    /// no granule may be left over. False: nothing has changed.
    bool adopt(void* address, std::size_t granules, std::size_t pages) noexcept;

    /// What is kept becomes free pages.
    void release_kept() noexcept;
    /// Gives every granule without a used page, and what is kept, back to the arena.
    void release_free() noexcept;
    /// Bytes of free pages, the kept ones included.
    std::uint64_t free_bytes() noexcept;
    /// No other thread runs any more, and one may have died in here.
    void process_end() noexcept;

private:
    struct Run {
        std::size_t first = 0;
        std::size_t count = 0;
    };

    void* allocate_from_arena(std::size_t pages, bool from_stock) noexcept;
    static std::size_t claim(void* address, std::size_t most) noexcept;
    static void* revive(std::size_t page) noexcept;
    std::size_t take_free(std::size_t pages) noexcept;
    void keep(std::size_t page, std::size_t pages) noexcept;
    void release(std::size_t page, std::size_t pages) noexcept;
    static void give_back(Run granules) noexcept;

    // Lock held. Pages are named by number: address / 4 KB.
    std::size_t take(std::size_t pages) noexcept;
    Run free_pages(std::size_t page, std::size_t count) noexcept;
    void add_granules(Run granules) noexcept;
    void mark(std::size_t page, std::size_t count, bool starts) noexcept;
    void clear(std::size_t page, std::size_t count) noexcept;
    [[nodiscard]] Run surplus_around(std::size_t page) const noexcept;
    [[nodiscard]] Run find_empty() const noexcept;
    void remove_granules(Run granules) noexcept;
    void refresh(std::size_t granule) noexcept;
    void refresh_around(std::size_t page, std::size_t end) noexcept;

    KeptRuns<kPageSize, policy::kLongestKeptPages> kept_;
    os::ColdLock lock_;
    LengthTree runs_;
    std::size_t granules_ = 0;
    std::size_t empty_granules_ = 0;
    std::size_t free_pages_ = 0;
    bool abandoned_ = false;  // after process_end: the bits cannot be trusted
};

/// The process's; constant-initialised, so usable before any constructor has run.
PageBlocks& page_blocks() noexcept;

}  // namespace mp::alloc
