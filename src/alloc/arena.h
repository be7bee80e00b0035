// Address space in runs of 64 KB granules: big reservations, best fit at low addresses, coalescing, memory committed as
// it is first needed and kept committed for reuse within a limit. Every function may be called by any thread; kernel
// calls for committing run outside the lock.
#pragma once

#include "alloc/free_runs.h"
#include "alloc/granules.h"
#include "alloc/kept_runs.h"
#include "alloc/mp_alloc.h"
#include "alloc/policy.h"
#include "os/os.h"

namespace mp::alloc {

/// What a run is handed out for: the kind of its first granule and of the others, and the zone it is taken from.
/// Reservations belong to a zone, so that long-lived spans do not cut the room of large blocks into pieces.
struct RunKinds {
    Kind head;
    Kind rest;
    Zone zone;
};
inline constexpr RunKinds kInternalRun{MP_GRANULE_INTERNAL, MP_GRANULE_INTERNAL, Zone::internal};
inline constexpr RunKinds kLargeRun{MP_GRANULE_LARGE_HEAD, MP_GRANULE_LARGE_INSIDE, Zone::large};
inline constexpr RunKinds kBusyRun{MP_GRANULE_BUSY, MP_GRANULE_BUSY, Zone::small};

class Arena {
public:
    struct Grant {
        void* address = nullptr;
        bool zeroed = false;  ///< every byte is zero
    };

    /// `count` granules, committed. address == nullptr when memory is out: one attempt, at most policy::kAttempts
    /// reservations and two commits. `from_stock`: the reserve may serve it then. What the arena keeps for the
    /// allocator itself (kInternalRun) always comes from there when nothing else is left.
    Grant allocate(std::size_t count, RunKinds kinds, bool from_stock = false) noexcept;
    /// The same with `most` granules, or fewer when that spares a reservation, but never fewer than `least`.
    Grant allocate_some(std::size_t least, std::size_t most, RunKinds kinds, std::size_t* count,
                        bool from_stock = false) noexcept;
    /// Takes free memory of somebody else's reservation for good: decommitted like its own, never released. The first
    /// `committed` granules of it are committed. False when there is no memory for notes about it.
    bool adopt(std::size_t first, std::size_t count, std::size_t committed) noexcept;
    /// Takes back a whole run that the caller owns (kind MP_GRANULE_BUSY, or one nobody else can name).
    void free(void* address, std::size_t count) noexcept;
    /// Claims and takes back the large block that starts at `address`; false when none does. One of at most
    /// policy::kLongestKept is kept whole for the next one of its length.
    bool free_large(void* address) noexcept;
    /// Resizes the caller's live large block where it is; false when there is no room or memory behind it.
    bool resize_large(void* address, std::size_t count) noexcept;

    /// Gives memory back that has been free for `age` milliseconds, as far as more is free than is kept. The kernel
    /// calls run outside the lock. Returns the granules given back. For one thread at a time.
    std::size_t give_back_aged(std::uint32_t age) noexcept;
    /// Gives free memory back until at most `keep` granules of it are committed. Returns the granules given back.
    std::size_t trim(std::size_t keep) noexcept;
    /// Everything that is free, after a refusal: little is kept from then on until there is room again.
    void give_all_back() noexcept;
    /// Takes the reserve, or a new one when more than half of it is in use: what is in use then is ordinary memory.
    /// False when the system refuses; the old one stays.
    bool fill_stock() noexcept;
    /// First granule of the reserve, once there is one.
    [[nodiscard]] std::size_t stock() noexcept;
    void stats(mp_alloc_stats* out) noexcept;
    /// Gives `look` the size of the blocks of the span that is this granule, if it is one. Any granule: what is a span
    /// now cannot be taken back while the lock is held, so its memory can be read meanwhile. `look` must not allocate.
    template <typename Look>
    void look_into_span(std::size_t granule, Look look) noexcept {
        const os::ColdLockGuard guard(lock_);
        if (const std::uint32_t size = span_block_size(granule); size != 0) {
            look(size);
        }
    }
    /// No other thread runs any more, and one may have died inside the arena.
    void process_end() noexcept;

private:
    [[nodiscard]] std::uint32_t span_block_size(std::size_t granule) noexcept;
    std::size_t take(std::size_t count, Zone zone) noexcept;
    bool keep_whole(std::size_t first, std::size_t count) noexcept;
    void release_kept() noexcept;
    std::size_t take_some(std::size_t least, std::size_t most, Zone zone, std::size_t* count) noexcept;
    Grant commit_and_publish(std::size_t first, std::size_t count, RunKinds kinds) noexcept;
    bool commit_missing(std::size_t first, std::size_t count) noexcept;
    std::size_t take_ahead(std::size_t after) noexcept;
    void give_back(std::size_t first, std::size_t count) noexcept;
    void follow_free_space() noexcept;
    bool grow_large(std::size_t first, std::size_t old_count, std::size_t count) noexcept;
    Grant allocate_alone(std::size_t count, RunKinds kinds) noexcept;
    Grant allocate_from_stock(std::size_t count, RunKinds kinds) noexcept;
    static void publish(std::size_t first, std::size_t count, RunKinds kinds) noexcept;

    // Lock held.
    std::size_t take_from_runs(std::size_t count, Zone zone) noexcept;
    std::size_t take_from_new(std::size_t count, Zone zone) noexcept;
    bool reserve(std::size_t count, Zone zone) noexcept;
    std::size_t note_reservation(void* address, std::size_t count, Zone zone, Kind kind) noexcept;
    void count_reserved(std::size_t count) noexcept;
    void add_foreign(std::size_t first, std::size_t count, Zone zone) noexcept;
    bool take_spare(std::size_t count, Zone zone) noexcept;
    void insert_free(std::size_t first, std::size_t count) noexcept;
    std::size_t purge(std::size_t keep, std::size_t budget) noexcept;
    std::size_t purge_zone(Zone zone, std::size_t keep, std::size_t budget) noexcept;
    std::size_t purge_run(std::size_t first, std::size_t budget) noexcept;
    bool release_if_whole(std::size_t first) noexcept;
    bool release_unused_reservations() noexcept;
    [[nodiscard]] bool is_in_stock(std::size_t granule) const noexcept { return granule - stock_ < policy::kReserve; }
    void hand_stock_over() noexcept;
    void expect_scarcity() noexcept;
    [[nodiscard]] bool is_measure_due() noexcept;
    void take_front(std::size_t run, std::size_t count) noexcept;
    void count_committed(std::size_t count) noexcept;
    struct Run {
        std::size_t first = 0;
        std::size_t count = 0;
    };
    [[nodiscard]] std::size_t surplus() const noexcept;
    Run take_aged(std::uint32_t age, std::size_t most) noexcept;
    static Run aged_part(std::size_t run, std::uint32_t age, std::size_t most) noexcept;
    void take_part(std::size_t run, Run part) noexcept;
    void decommit_long(std::size_t first, std::size_t count) noexcept;

    KeptRuns<kGranuleSize, policy::kLongestKept> kept_;
    os::ColdLock lock_;
    FreeRuns& runs_of(std::size_t granule) noexcept { return runs_of(zone_of(granule)); }
    FreeRuns& runs_of(Zone zone) noexcept { return free_[static_cast<std::size_t>(zone)]; }

    FreeRuns free_[kZones];
    // In granules.
    std::size_t reserved_ = 0;
    std::size_t peak_reserved_ = 0;
    std::size_t committed_ = 0;
    std::size_t peak_committed_ = 0;
    std::size_t free_committed_ = 0;
    std::size_t most_kept_ = policy::kMostKept;
    std::size_t measure_at_ = 4 * policy::kReservation;  // reserved_ from which on to measure
    std::size_t reservation_ = policy::kReservation;     // the last size that was not refused
    std::uint64_t map_calls_ = 0;
    std::uint64_t unmap_calls_ = 0;
    std::size_t stock_ = SIZE_MAX - policy::kReserve;  // first granule of the reserve; no granule has this number
    std::uint32_t stock_free_ = 0;                     // its free granules, bit by bit
    bool abandoned_ = false;                           // after process_end: the free runs cannot be trusted
};

/// The process's arena; constant-initialised, so usable before any constructor has run.
Arena& arena() noexcept;

}  // namespace mp::alloc
