#include "guard/guarded_blocks.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>

#include "os/os.h"

namespace mp::guard {

namespace detail {
constinit std::uintptr_t g_base = 0;
constinit std::size_t g_size = 0;
}  // namespace detail

namespace {

constexpr std::uint32_t kNone = 0xFFFFFFFF;
/// What lies beside a block in its own pages.
constexpr std::uint8_t kBeside = 0xFD;
/// One block of so many lies at the start of its pages.
constexpr std::uint32_t kAtStart = 4;

enum class State : std::uint8_t {
    never,  ///< its pages are not committed
    busy,   ///< somebody makes a block there, or frees it
    live,
    freed,
};

struct Slot {
    std::atomic<State> state{State::never};
    std::atomic<bool> is_open_behind{false};  ///< the closed page behind it can be used
    std::uint32_t next = kNone;               ///< in the list of those that can be used again; under the lock
    std::uint32_t start = 0;                  ///< of the block in its pages, bytes
    std::uint32_t size = 0;
    Moment allocated;
    Moment freed;
};

/// Slots of one size: each has pages of its own and behind them a closed one; before the first lies a closed one, too.
struct Area {
    std::uint32_t pages = 1;     ///< of a slot, without the closed one
    std::uint32_t quarters = 1;  ///< of the address space
    std::uintptr_t base = 0;     ///< of the first slot's pages
    std::uint32_t count = 0;
    Slot* slots = nullptr;
    std::atomic<std::uint32_t> live{0};
    // Under the lock.
    std::uint32_t begun = 0;       ///< slots that have been used
    std::uint32_t oldest = kNone;  ///< of those that can be used again, first the one that has waited longest
    std::uint32_t newest = kNone;

    [[nodiscard]] std::size_t bytes() const noexcept { return pages * os::kPage; }
    [[nodiscard]] std::size_t stride() const noexcept { return bytes() + os::kPage; }
    [[nodiscard]] std::uintptr_t start_of(std::uint32_t index) const noexcept { return base + index * stride(); }
    [[nodiscard]] std::uintptr_t block_of(std::uint32_t index) const noexcept {
        return start_of(index) + slots[index].start;
    }
    /// From the closed page before the first slot to the end of the one behind the last.
    [[nodiscard]] bool holds(std::uintptr_t address) const noexcept {
        return count != 0 && address - (base - os::kPage) < os::kPage + count * stride();
    }
};

constinit std::array<Area, 2> g_areas{{{.pages = 1, .quarters = 3}, {.pages = kLargest / os::kPage, .quarters = 1}}};
constinit os::ColdLock g_lock;
constinit const void* g_freed_word = nullptr;
constinit std::atomic<std::uint32_t> g_made{0};
constinit std::atomic<std::uint32_t> g_not_made{0};
constinit std::atomic<std::uint32_t> g_freed{0};

Area& area_for(std::size_t size) noexcept {
    return g_areas[size > g_areas[0].bytes() ? 1 : 0];
}

Area* area_of(std::uintptr_t address) noexcept {
    const auto area = std::ranges::find_if(g_areas, [address](const Area& one) { return one.holds(address); });
    return area == g_areas.end() ? nullptr : area;
}

std::uint8_t* pages_of(const Area& area, std::uint32_t index) noexcept {
    return reinterpret_cast<std::uint8_t*>(area.start_of(index));
}

// --- lists, under the lock -------------------------------------------------------------------------------------------

std::uint32_t take_oldest(Area& area) noexcept {
    const std::uint32_t index = area.oldest;
    if (index != kNone) {
        area.oldest = area.slots[index].next;
        area.newest = area.oldest == kNone ? kNone : area.newest;
        g_freed.fetch_sub(1, std::memory_order_relaxed);
    }
    return index;
}

void append(Area& area, std::uint32_t index) noexcept {
    area.slots[index].next = kNone;
    (area.newest == kNone ? area.oldest : area.slots[area.newest].next) = index;
    area.newest = index;
    g_freed.fetch_add(1, std::memory_order_relaxed);
}

struct Taken {
    std::uint32_t index = kNone;
    State before = State::never;
};

/// A slot for the caller alone: one that was never used as long as there is one.
Taken take(Area& area) noexcept {
    const os::ColdLockGuard guard(g_lock);
    if (!g_lock.intact()) {
        return {};
    }
    const std::uint32_t index = area.begun < area.count ? area.begun++ : take_oldest(area);
    if (index == kNone) {
        return {};
    }
    return {index, area.slots[index].state.exchange(State::busy, std::memory_order_acq_rel)};
}

void put_back(Area& area, std::uint32_t index, State state = State::freed) noexcept {
    const os::ColdLockGuard guard(g_lock);
    area.slots[index].state.store(state, std::memory_order_release);
    if (g_lock.intact()) {
        append(area, index);
    }
}

// --- one slot, the caller's ------------------------------------------------------------------------------------------

/// Closes the page behind a slot again when somebody was let in.
void close_behind(const Area& area, std::uint32_t index) noexcept {
    if (area.slots[index].is_open_behind.exchange(false)) {
        os::protect(pages_of(area, index) + area.bytes(), os::kPage, os::Protection::none, nullptr);
    }
}

bool make_usable(const Area& area, const Taken& taken) noexcept {
    std::uint8_t* const pages = pages_of(area, taken.index);
    close_behind(area, taken.index);
    if (taken.index != 0) {
        close_behind(area, taken.index - 1);
    }
    return taken.before == State::never ? os::commit(pages, area.bytes())
                                        : os::protect(pages, area.bytes(), os::Protection::read_write, nullptr);
}

/// The bytes of the slot's pages that are not the block's.
template <typename Take>
bool each_beside(const Area& area, std::uint32_t index, Take take) noexcept {
    const Slot& slot = area.slots[index];
    std::uint8_t* const pages = pages_of(area, index);
    const std::size_t end = slot.start + slot.size;
    // Of what lies far away only the nearest page: to fill and to look at everything costs more than it tells.
    const std::size_t near_start = slot.start > os::kPage ? slot.start - os::kPage : 0;
    const std::size_t near_end = std::min(end + os::kPage, area.bytes());
    return take(pages + near_start, slot.start - near_start) && take(pages + end, near_end - end);
}

void place(const Area& area, std::uint32_t index, std::size_t size) noexcept {
    static constinit std::atomic<std::uint32_t> placed{0};
    Slot& slot = area.slots[index];
    const std::size_t alignment = size % 16 == 0 ? 16 : 8;
    const bool at_start = placed.fetch_add(1, std::memory_order_relaxed) % kAtStart == kAtStart - 1;
    slot.size = static_cast<std::uint32_t>(size);
    slot.start = at_start ? 0 : static_cast<std::uint32_t>((area.bytes() - size) & ~(alignment - 1));
}

/// Where a fault at `address` lies: the slot whose pages hold it, or those before and behind a closed page.
struct Place {
    std::uint32_t before = kNone;
    std::uint32_t behind = kNone;
};

Place place_of(const Area& area, std::uintptr_t address) noexcept {
    const std::size_t offset = address - (area.base - os::kPage);
    if (offset < os::kPage) {
        return {.behind = 0};
    }
    const auto index = static_cast<std::uint32_t>((offset - os::kPage) / area.stride());
    if ((offset - os::kPage) % area.stride() < area.bytes()) {
        return {.before = index, .behind = index};
    }
    return {.before = index, .behind = index + 1 < area.count ? index + 1 : kNone};
}

std::optional<History> history_of(const Area& area, std::uint32_t index) noexcept {
    if (index == kNone) {
        return std::nullopt;
    }
    const Slot& slot = area.slots[index];
    const State state = slot.state.load(std::memory_order_acquire);
    if (state != State::live && state != State::freed) {
        return std::nullopt;
    }
    return History{.address = area.block_of(index),
                   .size = slot.size,
                   .is_freed = state == State::freed,
                   .allocated = slot.allocated,
                   .freed = slot.freed};
}

Found found(Kind kind, const History& block, std::uintptr_t address) noexcept {
    return {kind, block, static_cast<std::ptrdiff_t>(address - block.address)};
}

std::size_t distance(const History& block, std::uintptr_t address) noexcept {
    return address < block.address ? block.address - address : address - (block.address + block.size);
}

/// A free of what is no live block: why.
Freed refused(const Area& area, std::uintptr_t address) noexcept {
    const Place place = place_of(area, address);
    const auto block = place.before == place.behind ? history_of(area, place.before) : std::nullopt;
    if (!block) {
        return {.found = Found{.kind = Kind::unknown_free, .block = {.address = address}}};
    }
    const bool is_start = block->address == address;
    return {.found = found(is_start && block->is_freed ? Kind::double_free : Kind::interior_free, *block, address)};
}

}  // namespace

bool start(std::size_t bytes, const void* freed_word) noexcept {
    std::size_t slot_bytes = 0;
    for (Area& area : g_areas) {
        area.count = static_cast<std::uint32_t>((bytes / 4 * area.quarters - os::kPage) / area.stride());
        slot_bytes += area.count * sizeof(Slot);
    }
    auto* const memory = static_cast<std::uint8_t*>(os::reserve(bytes));
    auto* slots = memory != nullptr ? static_cast<Slot*>(os::reserve_commit(slot_bytes)) : nullptr;
    if (slots == nullptr) {
        if (memory != nullptr) {
            os::release(memory, bytes);
        }
        return false;
    }
    auto base = reinterpret_cast<std::uintptr_t>(memory);
    for (Area& area : g_areas) {
        area.base = base + os::kPage;
        area.slots = slots;
        for (std::uint32_t i = 0; i < area.count; ++i) {
            new (&slots[i]) Slot;
        }
        slots += area.count;
        base = area.start_of(area.count);
    }
    g_freed_word = freed_word;
    detail::g_base = reinterpret_cast<std::uintptr_t>(memory);
    detail::g_size = bytes;
    return true;
}

bool has_room(std::size_t size) noexcept {
    if (size > kLargest) {
        return false;
    }
    const Area& area = area_for(size);
    const bool has = area.live.load(std::memory_order_relaxed) < area.count;
    if (!has) {
        g_not_made.fetch_add(1, std::memory_order_relaxed);
    }
    return has;
}

void* allocate(std::size_t size, const Moment& moment) noexcept {
    size = std::max<std::size_t>(size, 1);
    if (size > kLargest || detail::g_size == 0) {
        return nullptr;
    }
    Area& area = area_for(size);
    const Taken taken = take(area);
    if (taken.index == kNone) {
        g_not_made.fetch_add(1, std::memory_order_relaxed);
        return nullptr;
    }
    if (!make_usable(area, taken)) {
        g_not_made.fetch_add(1, std::memory_order_relaxed);
        put_back(area, taken.index, taken.before);
        return nullptr;
    }
    Slot& slot = area.slots[taken.index];
    place(area, taken.index, size);
    each_beside(area, taken.index, [](std::uint8_t* bytes, std::size_t length) {
        std::memset(bytes, kBeside, length);
        return true;
    });
    auto* const block = pages_of(area, taken.index) + slot.start;
    std::memset(block, 0, size);
    slot.allocated = moment;
    slot.state.store(State::live, std::memory_order_release);
    g_made.fetch_add(1, std::memory_order_relaxed);
    area.live.fetch_add(1, std::memory_order_relaxed);
    return block;
}

std::size_t size_of(const void* block) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    const Area* area = area_of(address);
    if (area == nullptr) {
        return 0;
    }
    const Place place = place_of(*area, address);
    if (place.before != place.behind) {
        return 0;
    }
    const Slot& slot = area->slots[place.before];
    const bool is_live = slot.state.load(std::memory_order_acquire) == State::live;
    return is_live && area->block_of(place.before) == address ? slot.size : 0;
}

Freed free(void* block, const Moment& moment) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    Area* area = area_of(address);
    if (area == nullptr) {
        return {.found = Found{.kind = Kind::unknown_free, .block = {.address = address}}};
    }
    const std::uint32_t index = place_of(*area, address).before;
    State live = State::live;
    if (size_of(block) == 0 ||
        !area->slots[index].state.compare_exchange_strong(live, State::busy, std::memory_order_acq_rel)) {
        return refused(*area, address);
    }
    Slot& slot = area->slots[index];
    Freed freed{.done = true};
    slot.freed = moment;
    const auto is_untouched = [](const std::uint8_t* bytes, std::size_t length) {
        return std::all_of(bytes, bytes + length, [](std::uint8_t byte) { return byte == kBeside; });
    };
    const History history{address, slot.size, true, slot.allocated, slot.freed};
    if (!each_beside(*area, index, is_untouched)) {
        freed.found = found(Kind::written_around, history, address);
    } else if (slot.allocated.door != moment.door) {
        freed.found = found(Kind::mismatched_free, history, address);
    }
    if (slot.size >= 2 * sizeof g_freed_word) {
        static_cast<const void**>(block)[1] = g_freed_word;
    }
    // When the system refuses, the block stays readable: nothing is found then, and nothing breaks.
    os::protect(pages_of(*area, index), area->bytes(), os::Protection::none, nullptr);
    put_back(*area, index);
    area->live.fetch_sub(1, std::memory_order_relaxed);
    return freed;
}

std::optional<Found> explain(std::uintptr_t address) noexcept {
    const Area* area = area_of(address);
    if (area == nullptr) {
        return std::nullopt;
    }
    const Place place = place_of(*area, address);
    const auto before = history_of(*area, place.before);
    if (place.before == place.behind) {
        return before && before->is_freed ? std::optional(found(Kind::use_after_free, *before, address)) : std::nullopt;
    }
    const auto behind = history_of(*area, place.behind);
    const bool is_behind = before && (!behind || distance(*before, address) <= distance(*behind, address));
    if (is_behind) {
        return found(Kind::overrun, *before, address);
    }
    return behind ? std::optional(found(Kind::underrun, *behind, address)) : std::nullopt;
}

bool open(std::uintptr_t address) noexcept {
    const Area* area = area_of(address);
    if (area == nullptr) {
        return false;
    }
    auto* const page = reinterpret_cast<void*>(address & ~(os::kPage - 1));
    const Place place = place_of(*area, address);
    if (place.before == place.behind) {
        if (area->slots[place.before].state.load(std::memory_order_acquire) == State::never) {
            return false;
        }
    } else {
        if (place.before != kNone) {
            area->slots[place.before].is_open_behind.store(true);
        }
        if (!os::commit(page, os::kPage)) {
            return false;
        }
    }
    return os::protect(page, os::kPage, os::Protection::read_write, nullptr);
}

void each_live(void (*take)(const History& block, void* context), void* context) noexcept {
    for (const Area& area : g_areas) {
        for (std::uint32_t index = 0; index < area.count; ++index) {
            if (const auto block = history_of(area, index); block && !block->is_freed) {
                take(*block, context);
            }
        }
    }
}

Counts counts() noexcept {
    return {.live = g_areas[0].live.load(std::memory_order_relaxed) + g_areas[1].live.load(std::memory_order_relaxed),
            .freed = g_freed.load(std::memory_order_relaxed),
            .made = g_made.load(std::memory_order_relaxed),
            .not_made = g_not_made.load(std::memory_order_relaxed)};
}

}  // namespace mp::guard
