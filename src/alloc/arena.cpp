#include "alloc/arena.h"

#include "alloc/span_layout.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace mp::alloc {
namespace {

constinit Arena g_arena;

// In the place of a reservation's length: no run is as long, so none counts as the whole reservation.
constexpr Granule kNotToRelease = std::numeric_limits<Granule>::max();

// Calls visit(first, count) for each stretch of granules in the run whose committed state is `committed`; visit returns
// false to stop.
template <typename Visit>
bool for_each_stretch(std::size_t first, std::size_t count, bool committed, Visit visit) noexcept {
    const std::size_t end = first + count;
    while (first < end) {
        if (is_committed(first) != committed) {
            ++first;
            continue;
        }
        std::size_t last = first + 1;
        while (last < end && is_committed(last) == committed) {
            ++last;
        }
        if (!visit(first, last - first)) {
            return false;
        }
        first = last;
    }
    return true;
}

std::size_t committed_in(std::size_t first, std::size_t count) noexcept {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        sum += is_committed(first + i) ? 1 : 0;
    }
    return sum;
}

// Committed granules from `first` on.
std::size_t committed_front(std::size_t first, std::size_t count) noexcept {
    std::size_t length = 0;
    while (length < count && is_committed(first + length)) {
        ++length;
    }
    return length;
}

// Bits of `count` granules of the reserve, at most 32, from number `first` on.
std::uint32_t stock_bits(std::size_t first, std::size_t count) noexcept {
    const std::uint32_t bits = count < policy::kReserve ? (std::uint32_t{1} << count) - 1 : ~std::uint32_t{0};
    return bits << first % policy::kReserve;
}

bool is_free_neighbour(std::size_t granule) noexcept {
    return kind_of(granule) == MP_GRANULE_FREE;
}

}  // namespace

Arena& arena() noexcept {
    return g_arena;
}

// --- handing out -----------------------------------------------------------------------------------------------------

Arena::Grant Arena::allocate(std::size_t count, RunKinds kinds, bool from_stock) noexcept {
    if (abandoned_) {
        return allocate_alone(count, kinds);
    }
    if (kinds.head == MP_GRANULE_LARGE_HEAD) {
        if (const std::size_t first = kept_.take(count); first != 0) {
            publish(first, count, kinds);
            return {.address = address_of(first), .zeroed = false};
        }
    }
    if (const std::size_t first = take(count, kinds.zone); first != 0) {
        if (const Grant grant = commit_and_publish(first, count, kinds); grant.address != nullptr) {
            return grant;
        }
    }
    return from_stock || kinds.head == MP_GRANULE_INTERNAL ? allocate_from_stock(count, kinds) : Grant{};
}

Arena::Grant Arena::allocate_some(std::size_t least, std::size_t most, RunKinds kinds, std::size_t* count,
                                  bool from_stock) noexcept {
    const std::size_t first = abandoned_ ? 0 : take_some(least, most, kinds.zone, count);
    if (first != 0) {
        if (const Grant grant = commit_and_publish(first, *count, kinds); grant.address != nullptr) {
            return grant;
        }
    }
    *count = least;
    return allocate(least, kinds, from_stock);
}

// A run of `count` granules of kind MP_GRANULE_BUSY, committed in part; 0 when there is no address space.
std::size_t Arena::take(std::size_t count, Zone zone) noexcept {
    {
        const os::ColdLockGuard guard(lock_);
        if (const std::size_t first = take_from_runs(count, zone); first != 0) {
            return first;
        }
    }
    release_kept();
    std::size_t first = 0;
    bool measures = false;
    {
        const os::ColdLockGuard guard(lock_);
        first = take_from_runs(count, zone);
        if (first == 0) {
            first = take_from_new(count, zone);
            measures = is_measure_due();
        }
    }
    if (measures) {
        follow_free_space();
    }
    return first;
}

std::size_t Arena::take_some(std::size_t least, std::size_t most, Zone zone, std::size_t* count) noexcept {
    {
        const os::ColdLockGuard guard(lock_);
        if (const std::size_t first = runs_of(zone).best_fit(least); first != 0) {
            const std::size_t length = std::min(length_of(first), most);
            *count = std::max(least, committed_front(first, length));
            if (*count == least && !is_committed(first)) {
                *count = length;  // to be committed anyway
            }
            take_front(first, *count);
            return first;
        }
    }
    *count = most;
    return take(most, zone);
}

std::size_t Arena::take_from_runs(std::size_t count, Zone zone) noexcept {
    const std::size_t first = runs_of(zone).best_fit(count);
    if (first != 0) {
        take_front(first, count);
    }
    return first;
}

// Cuts the first granules off a free run; they become the caller's.
void Arena::take_front(std::size_t run, std::size_t count) noexcept {
    const std::size_t length = length_of(run);
    FreeRuns& runs = runs_of(run);
    runs.erase(run);
    if (length > count) {
        runs.insert(run + count, length - count);
    }
    set_kinds(run, count, MP_GRANULE_BUSY);
    free_committed_ -= committed_in(run, count);
}

// The run is the caller's alone: its notes need no lock, only the sums do.
Arena::Grant Arena::commit_and_publish(std::size_t first, std::size_t count, RunKinds kinds) noexcept {
    const bool zeroed = committed_in(first, count) == 0;
    const bool is_short = count < policy::kStep && kinds.zone != Zone::internal;
    const std::size_t ahead = is_short && !is_committed(first + count - 1) ? take_ahead(first + count) : 0;
    bool done = commit_missing(first, count + ahead);
    if (ahead != 0) {
        give_back(first + count, ahead);
        done = done || commit_missing(first, count);
    }
    if (!done) {
        give_back(first, count);
        return {};
    }
    publish(first, count, kinds);
    return {.address = address_of(first), .zeroed = zeroed};
}

void Arena::publish(std::size_t first, std::size_t count, RunKinds kinds) noexcept {
    set_length(first, count);
    set_kinds(first + 1, count - 1, kinds.rest);
    set_kind(first, kinds.head);
}

// Uncommitted free granules behind a short run that has to be committed anyway: one kernel call then serves the next
// runs as well. Returns how many were taken (kind MP_GRANULE_BUSY).
std::size_t Arena::take_ahead(std::size_t after) noexcept {
    const os::ColdLockGuard guard(lock_);
    if (!is_free_neighbour(after) || note(after).reservation != 0) {
        return 0;
    }
    const std::size_t length = length_of(after);
    const std::size_t wanted = std::min(length, policy::kStep);
    std::size_t count = 0;
    while (count < wanted && !is_committed(after + count)) {
        ++count;
    }
    if (count == 0) {
        return 0;
    }
    take_front(after, count);
    return count;
}

// From the first to the last granule that is not committed: what lies between stays as it is, and a refusal costs one
// call however much is in pieces.
bool Arena::commit_missing(std::size_t first, std::size_t count) noexcept {
    while (count != 0 && is_committed(first)) {
        ++first;
        --count;
    }
    while (count != 0 && is_committed(first + count - 1)) {
        --count;
    }
    if (count == 0) {
        return true;
    }
    const bool done = os::commit(address_of(first), count * kGranuleSize);
    const std::size_t missing = done ? count - committed_in(first, count) : 0;
    if (done) {
        set_committed(first, count, true);
    }
    const os::ColdLockGuard guard(lock_);
    ++map_calls_;
    count_committed(missing);
    return done;
}

void Arena::count_committed(std::size_t count) noexcept {
    committed_ += count;
    peak_committed_ = std::max(peak_committed_, committed_);
}

// --- address space ---------------------------------------------------------------------------------------------------

// Large blocks come and go: they may use gaps between spans. Spans stay: only when no reservation of the usual size is
// to be had do they use the other zone, before smaller ones are tried.
std::size_t Arena::take_from_new(std::size_t count, Zone zone) noexcept {
    if (zone == Zone::large) {
        if (const std::size_t first = take_from_runs(count, Zone::small); first != 0) {
            return first;
        }
    }
    const std::size_t usual =
        zone == Zone::internal ? std::min(policy::kReservationForGood, reservation_) : reservation_;
    std::size_t size = std::max(count, usual);
    if (reserve(size, zone)) {
        if (size == reservation_ && zone != Zone::internal) {
            reservation_ = std::min(policy::kReservation, size + policy::eighth(size));
        }
        return take_from_runs(count, zone);
    }
    for (const Zone other : {Zone::large, Zone::small}) {
        if (const std::size_t first = take_from_runs(count, other); first != 0) {
            return first;
        }
    }
    for (std::size_t attempt = 2; attempt <= policy::kAttempts && size > count; ++attempt) {
        size = std::max(count, size - policy::eighth(size));
        reservation_ = zone == Zone::internal ? reservation_ : std::min(reservation_, size);
        if (reserve(attempt < policy::kAttempts ? size : count, zone)) {
            return take_from_runs(count, zone);
        }
    }
    expect_scarcity();
    return 0;
}

void Arena::expect_scarcity() noexcept {
    most_kept_ = policy::kKeptWhenScarce;
    measure_at_ = reserved_ + 1;
}

bool Arena::reserve(std::size_t count, Zone zone) noexcept {
    if (count > SIZE_MAX / kGranuleSize / 2) {
        return false;
    }
    if (take_spare(count, zone)) {
        return true;
    }
    const std::size_t first = note_reservation(os::reserve(count * kGranuleSize), count, zone, MP_GRANULE_FREE);
    if (first == 0) {
        return false;
    }
    runs_of(zone).insert(first, count);
    return true;
}

// Of what the system has just answered: its first granule, 0 when it refused or there is no memory for the notes.
std::size_t Arena::note_reservation(void* address, std::size_t count, Zone zone, Kind kind) noexcept {
    ++map_calls_;
    const std::size_t first = granule_of(address);
    if (address == nullptr) {
        return 0;
    }
    if (!ensure_notes(first, count)) {
        ++unmap_calls_;
        os::release(address, count * kGranuleSize);
        return 0;
    }
    note(first).reservation = static_cast<Granule>(count);
    set_zone(first, count, zone);
    set_kinds(first, count, kind);
    count_reserved(count);
    return first;
}

void Arena::count_reserved(std::size_t count) noexcept {
    reserved_ += count;
    peak_reserved_ = std::max(peak_reserved_, reserved_);
}

bool Arena::adopt(std::size_t first, std::size_t count, std::size_t committed) noexcept {
    if (abandoned_ || !ensure_notes(first, count)) {
        return false;
    }
    const os::ColdLockGuard guard(lock_);
    add_foreign(first, committed, Zone::small);
    set_committed(first, committed, true);
    count_committed(committed);
    free_committed_ += committed;
    add_foreign(first + committed, count - committed, Zone::spare);
    count_reserved(count);
    return true;
}

// Free granules, not committed, of a reservation that is not the arena's: a reservation of their own from now on.
void Arena::add_foreign(std::size_t first, std::size_t count, Zone zone) noexcept {
    if (count == 0) {
        return;
    }
    note(first).reservation = kNotToRelease;
    set_zone(first, count, zone);
    set_kinds(first, count, MP_GRANULE_FREE);
    runs_of(zone).insert(first, count);
}

// Spare address space instead of a reservation.
bool Arena::take_spare(std::size_t count, Zone zone) noexcept {
    const std::size_t first = runs_of(Zone::spare).best_fit(count);
    if (first == 0) {
        return false;
    }
    const std::size_t rest = length_of(first) - count;
    runs_of(Zone::spare).erase(first);
    add_foreign(first, count, zone);
    add_foreign(first + count, rest, Zone::spare);
    return true;
}

// Releases the free run that starts at `first` when it is a whole reservation.
bool Arena::release_if_whole(std::size_t first) noexcept {
    const std::size_t count = length_of(first);
    if (note(first).reservation != count) {
        return false;
    }
    const std::size_t committed = committed_in(first, count);
    runs_of(first).erase(first);
    note(first).reservation = 0;
    set_kinds(first, count, MP_GRANULE_RETURNED);  // before the system can hand the addresses to somebody else
    ++unmap_calls_;
    if (!os::release(address_of(first), count * kGranuleSize)) {
        note(first).reservation = static_cast<Granule>(count);
        set_kinds(first, count, MP_GRANULE_FREE);
        runs_of(first).insert(first, count);
        return false;
    }
    reserved_ -= count;
    committed_ -= committed;
    free_committed_ -= committed;
    return true;
}

bool Arena::release_unused_reservations() noexcept {
    bool any = false;
    for (const FreeRuns& runs : free_) {
        for (std::size_t run = runs.longest(); run != 0;) {
            const std::size_t next = runs.below(run);
            any = release_if_whole(run) || any;
            run = next;
        }
    }
    return any;
}

// --- taking back -----------------------------------------------------------------------------------------------------

void Arena::free(void* address, std::size_t count) noexcept {
    give_back(granule_of(address), count);
}

bool Arena::free_large(void* address) noexcept {
    const std::size_t first = granule_of(address);
    if (address != address_of(first) || !exchange_kind(first, MP_GRANULE_LARGE_HEAD, MP_GRANULE_BUSY)) {
        return false;
    }
    const std::size_t count = length_of(first);
    if (!keep_whole(first, count)) {
        give_back(first, count);
    }
    return true;
}

// The run is the caller's alone; false when it stays so.
bool Arena::keep_whole(std::size_t first, std::size_t count) noexcept {
    if (abandoned_ || count > policy::kLongestKept) {
        return false;
    }
    set_kinds(first + 1, count - 1, MP_GRANULE_BUSY);
    return kept_.put(first, count);
}

void Arena::release_kept() noexcept {
    kept_.release_all([this](std::size_t first, std::size_t count) noexcept { give_back(first, count); });
}

void Arena::give_back(std::size_t first, std::size_t count) noexcept {
    if (abandoned_) {
        return;
    }
    if (count > policy::kReservation) {
        decommit_long(first, count);
    }
    set_freed_now(first, count);
    const os::ColdLockGuard guard(lock_);
    if (is_in_stock(first)) {
        set_kinds(first, count, MP_GRANULE_INTERNAL);
        stock_free_ |= stock_bits(first - stock_, count);
        return;
    }
    free_committed_ += committed_in(first, count);
    insert_free(first, count);
}

// The run is the caller's alone.
void Arena::decommit_long(std::size_t first, std::size_t count) noexcept {
    std::size_t calls = 0;
    std::size_t given = 0;
    for_each_stretch(first, count, true, [&](std::size_t begin, std::size_t length) noexcept {
        ++calls;
        if (os::decommit(address_of(begin), length * kGranuleSize)) {
            set_committed(begin, length, false);
            given += length;
        }
        return true;
    });
    const os::ColdLockGuard guard(lock_);
    unmap_calls_ += calls;
    committed_ -= given;
}

// Joins the run with free neighbours inside the same reservation.
void Arena::insert_free(std::size_t first, std::size_t count) noexcept {
    set_kinds(first, count, MP_GRANULE_FREE);
    FreeRuns& runs = runs_of(first);
    const std::size_t after = first + count;
    if (is_free_neighbour(after) && note(after).reservation == 0) {
        count += length_of(after);
        runs.erase(after);
    }
    if (note(first).reservation == 0 && is_free_neighbour(first - 1)) {
        const std::size_t length = length_of(first - 1);
        first -= length;
        count += length;
        runs.erase(first);
    }
    runs.insert(first, count);
    if (note(first).reservation == count && committed_in(first, count) == 0) {
        release_if_whole(first);
    }
}

// Granules that are free and committed beyond what is kept.
std::size_t Arena::surplus() const noexcept {
    const std::size_t kept = policy::kept(committed_ - free_committed_, most_kept_);
    return abandoned_ || free_committed_ <= kept ? 0 : free_committed_ - kept;
}

std::size_t Arena::give_back_aged(std::uint32_t age) noexcept {
    release_kept();
    std::size_t given = 0;
    for (bool done = true; done;) {
        Run run;
        {
            const os::ColdLockGuard guard(lock_);
            run = take_aged(age, std::min(surplus(), policy::kReservation / 4));
        }
        done = run.count != 0 && os::decommit(address_of(run.first), run.count * kGranuleSize);
        if (done) {
            set_committed(run.first, run.count, false);
            given += run.count;
        }
        const os::ColdLockGuard guard(lock_);
        if (run.count != 0) {
            ++unmap_calls_;
            committed_ -= done ? run.count : 0;
            free_committed_ += done ? 0 : run.count;
            insert_free(run.first, run.count);
        }
    }
    return given;
}

Arena::Run Arena::take_aged(std::uint32_t age, std::size_t most) noexcept {
    for (const Zone zone : {Zone::large, Zone::small}) {
        const FreeRuns& runs = runs_of(zone);
        for (std::size_t run = most == 0 ? 0 : runs.longest(); run != 0; run = runs.below(run)) {
            if (const Run part = aged_part(run, age, most); part.count != 0) {
                take_part(run, part);
                return part;
            }
        }
    }
    return {};
}

// The first stretch of committed granules in the free run that have been free for so long.
Arena::Run Arena::aged_part(std::size_t run, std::uint32_t age, std::size_t most) noexcept {
    const auto is_aged = [age](std::size_t granule) noexcept {
        return is_committed(granule) && is_free_since(granule, age);
    };
    const std::size_t end = run + length_of(run);
    std::size_t first = run;
    while (first < end && !is_aged(first)) {
        ++first;
    }
    std::size_t last = first;
    while (last < end && last - first < most && is_aged(last)) {
        ++last;
    }
    return {.first = first, .count = last - first};
}

// Cuts committed granules out of the middle of a free run; they become the caller's.
void Arena::take_part(std::size_t run, Run part) noexcept {
    const std::size_t end = run + length_of(run);
    const std::size_t after = part.first + part.count;
    FreeRuns& runs = runs_of(run);
    runs.erase(run);
    if (part.first > run) {
        runs.insert(run, part.first - run);
    }
    if (after < end) {
        runs.insert(after, end - after);
    }
    set_kinds(part.first, part.count, MP_GRANULE_BUSY);
    free_committed_ -= part.count;
}

std::size_t Arena::purge(std::size_t keep, std::size_t budget) noexcept {
    std::size_t given = 0;
    // Free in the internal zone is what two threads took for the same live bits.
    for (const Zone zone : {Zone::large, Zone::small, Zone::internal}) {
        given += purge_zone(zone, keep, budget - given);
    }
    return given;
}

// The longest runs first: they are the least likely to be asked for as they are, and the cheapest to give back.
std::size_t Arena::purge_zone(Zone zone, std::size_t keep, std::size_t budget) noexcept {
    const FreeRuns& runs = runs_of(zone);
    std::size_t given = 0;
    for (std::size_t run = runs.longest(); run != 0 && free_committed_ > keep && given < budget;) {
        const std::size_t next = runs.below(run);
        given += purge_run(run, std::min(budget - given, free_committed_ - keep));
        run = next;
    }
    return given;
}

std::size_t Arena::purge_run(std::size_t first, std::size_t budget) noexcept {
    const std::size_t count = length_of(first);
    const std::size_t before = committed_in(first, count);
    if (before <= budget && release_if_whole(first)) {
        return before;
    }
    std::size_t given = 0;
    for_each_stretch(first, count, true, [&](std::size_t begin, std::size_t length) noexcept {
        const std::size_t part = std::min(length, budget - given);
        if (part == 0) {
            return false;
        }
        ++unmap_calls_;
        if (!os::decommit(address_of(begin), part * kGranuleSize)) {
            return true;
        }
        set_committed(begin, part, false);
        given += part;
        return true;
    });
    committed_ -= given;
    free_committed_ -= given;
    if (given == before) {
        release_if_whole(first);
    }
    return given;
}

std::size_t Arena::trim(std::size_t keep) noexcept {
    if (abandoned_) {
        return 0;
    }
    release_kept();
    std::size_t given = 0;
    {
        const os::ColdLockGuard guard(lock_);
        given = purge(keep, SIZE_MAX);
    }
    follow_free_space();
    return given;
}

void Arena::give_all_back() noexcept {
    if (abandoned_) {
        return;
    }
    release_kept();
    const os::ColdLockGuard guard(lock_);
    purge(0, SIZE_MAX);
    release_unused_reservations();
    expect_scarcity();
}

// --- the reserve -----------------------------------------------------------------------------------------------------

// Its free granules are of kind MP_GRANULE_INTERNAL and in no list: nothing grows into them, and nothing purges them.
bool Arena::fill_stock() noexcept {
    static_assert(policy::kReserve == 32, "a bit of a word for each granule");
    if (abandoned_) {
        return false;
    }
    const os::ColdLockGuard guard(lock_);
    if (static_cast<std::size_t>(std::popcount(stock_free_)) >= policy::kReserve / 2) {
        return true;
    }
    void* const address = os::reserve_commit(policy::kReserve * kGranuleSize);
    const std::size_t first = note_reservation(address, policy::kReserve, Zone::small, MP_GRANULE_INTERNAL);
    if (first == 0) {
        return false;
    }
    set_committed(first, policy::kReserve, true);
    count_committed(policy::kReserve);
    hand_stock_over();
    stock_ = first;
    stock_free_ = ~std::uint32_t{0};
    return true;
}

std::size_t Arena::stock() noexcept {
    const os::ColdLockGuard guard(lock_);
    return stock_;
}

// What is in use becomes ordinary memory, what is free an ordinary free run. Lock held.
void Arena::hand_stock_over() noexcept {
    while (stock_free_ != 0) {
        const auto first = static_cast<std::size_t>(std::countr_zero(stock_free_));
        const auto count = static_cast<std::size_t>(std::countr_one(stock_free_ >> first));
        stock_free_ &= ~stock_bits(first, count);
        free_committed_ += count;
        insert_free(stock_ + first, count);
    }
}

Arena::Grant Arena::allocate_from_stock(std::size_t count, RunKinds kinds) noexcept {
    if (count > policy::kReserve) {
        return {};
    }
    std::size_t first = 0;
    {
        const os::ColdLockGuard guard(lock_);
        std::uint32_t starts = stock_free_;
        for (std::size_t i = 1; i < count; ++i) {
            starts &= stock_free_ >> i;
        }
        if (starts == 0) {
            return {};
        }
        const auto index = static_cast<std::size_t>(std::countr_zero(starts));
        stock_free_ &= ~stock_bits(index, count);
        first = stock_ + index;
        set_kinds(first, count, MP_GRANULE_BUSY);
    }
    publish(first, count, kinds);
    return {.address = address_of(first), .zeroed = false};
}

// --- free address space ----------------------------------------------------------------------------------------------

// Whether the caller shall call follow_free_space, without the lock.
bool Arena::is_measure_due() noexcept {
    if (reserved_ < measure_at_) {
        return false;
    }
    measure_at_ = reserved_ + 4 * policy::kReservation;
    return true;
}

void Arena::follow_free_space() noexcept {
    os::AddressSpace space;
    // Where the map is no help, a refused reservation is the sign that space is scarce.
    if (os::page_map_overstates() || !os::measure_address_space(&space)) {
        return;
    }
    const os::ColdLockGuard guard(lock_);
    most_kept_ = policy::most_kept(space.free, space.largest);
    reservation_ =
        std::clamp<std::size_t>(static_cast<std::size_t>(space.largest / kGranuleSize), 1, policy::kReservation);
    measure_at_ = reserved_ + 4 * policy::kReservation;
}

// --- large blocks in place -------------------------------------------------------------------------------------------

bool Arena::resize_large(void* address, std::size_t count) noexcept {
    const std::size_t first = granule_of(address);
    const std::size_t old_count = length_of(first);
    if (count > old_count) {
        return !abandoned_ && grow_large(first, old_count, count);
    }
    if (count < old_count && !abandoned_) {
        set_length(first, count);
        set_kinds(first + count, old_count - count, MP_GRANULE_BUSY);
        give_back(first + count, old_count - count);
    }
    return true;
}

bool Arena::grow_large(std::size_t first, std::size_t old_count, std::size_t count) noexcept {
    const std::size_t after = first + old_count;
    const std::size_t more = count - old_count;
    {
        const os::ColdLockGuard guard(lock_);
        if (!is_free_neighbour(after) || note(after).reservation != 0 || length_of(after) < more) {
            return false;
        }
        take_front(after, more);
    }
    if (!commit_missing(after, more)) {
        give_back(after, more);
        return false;
    }
    set_kinds(after, more, MP_GRANULE_LARGE_INSIDE);
    set_length(first, count);
    return true;
}

// --- the process's end, sums -----------------------------------------------------------------------------------------

void Arena::process_end() noexcept {
    abandoned_ = !lock_.intact();
}

// Without the free runs: each run is a reservation of its own.
Arena::Grant Arena::allocate_alone(std::size_t count, RunKinds kinds) noexcept {
    void* const address = count > SIZE_MAX / kGranuleSize / 2 ? nullptr : os::reserve_commit(count * kGranuleSize);
    const std::size_t first = granule_of(address);
    if (address == nullptr || !ensure_notes(first, count)) {
        return {};
    }
    publish(first, count, kinds);
    return {.address = address, .zeroed = true};
}

void Arena::stats(mp_alloc_stats* out) noexcept {
    const os::ColdLockGuard guard(lock_);
    out->reserved_bytes = std::uint64_t{reserved_} * kGranuleSize;
    out->committed_bytes = std::uint64_t{committed_} * kGranuleSize;
    out->peak_reserved_bytes = std::uint64_t{peak_reserved_} * kGranuleSize;
    out->peak_committed_bytes = std::uint64_t{peak_committed_} * kGranuleSize;
    out->reserve_bytes = std::uint64_t{static_cast<unsigned>(std::popcount(stock_free_))} * kGranuleSize;
    out->free_bytes = std::uint64_t{free_committed_ + kept_.units()} * kGranuleSize + out->reserve_bytes;
    out->map_calls = map_calls_;
    out->unmap_calls = unmap_calls_;
}

// A span may be set up anew meanwhile, for blocks of another size: either size will do.
MP_UNORDERED std::uint32_t Arena::span_block_size(std::size_t granule) noexcept {
    if (!lock_.intact() || kind_of(granule) != MP_GRANULE_SPAN) {
        return 0;
    }
    return *reinterpret_cast<const std::uint32_t*>(static_cast<const unsigned char*>(address_of(granule)) +
                                                   MP_SPAN_BLOCK_SIZE_OFFSET);
}

}  // namespace mp::alloc
