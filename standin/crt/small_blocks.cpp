#include "crt/small_blocks.h"

#include "crt/crt.h"
#include "memory/engine.h"

#include <bit>

namespace mp::standin::small_blocks {
namespace {

using game::SmallBlockHeader;

constexpr std::uint32_t kZeroMemory = 8;  // HEAP_ZERO_MEMORY
constexpr std::uint32_t kTopBit = 0x80000000;

std::uint32_t& header_count() {
    return *at<std::uint32_t>(kSmallBlockHeaderCount);
}
std::uint32_t& header_capacity() {
    return *at<std::uint32_t>(kSmallBlockHeaderCapacity);
}
SmallBlockHeader*& headers() {
    return *at<SmallBlockHeader*>(kSmallBlockHeaders);
}
SmallBlockHeader*& deferred_header() {
    return *at<SmallBlockHeader*>(kSmallBlockDeferredHeader);
}
std::uint32_t& deferred_group() {
    return *at<std::uint32_t>(kSmallBlockDeferredGroup);
}

Region& region_of(const SmallBlockHeader& header) {
    return *at<Region>(header.region);
}
void* crt_heap() {
    return *at<void*>(game::data::kCrtHeap);
}

Entry* as_entry(Ring& ring) {
    return reinterpret_cast<Entry*>(byte_at(&ring, 0) - offsetof(Entry, next));
}
Entry* entry_of(const void* block) {
    return reinterpret_cast<Entry*>(byte_at(block, 0) - sizeof(std::uint32_t));
}
std::uint32_t& size_at_end(Entry* entry, std::uint32_t size) {
    return *reinterpret_cast<std::uint32_t*>(byte_at(entry, size) - sizeof(std::uint32_t));
}
void set_size(Entry* entry, std::uint32_t size, std::uint32_t flag) {
    entry->size = size | flag;
    size_at_end(entry, size) = size | flag;
}

std::uint32_t bin_of(std::uint32_t entry_size) {
    const std::uint32_t bin = entry_size / kParagraph - 1;
    return bin < kBins ? bin : kBins - 1;
}

/// Bins 0..31 are the bits of the high word from the top, 32..63 those of the low word.
std::uint64_t bin_bit(std::uint32_t bin) {
    return std::uint64_t{1} << (63 - bin);
}
std::uint64_t bins(std::uint32_t high, std::uint32_t low) {
    return (std::uint64_t{high} << 32) | low;
}
std::uint64_t header_bins(const SmallBlockHeader& h) {
    return bins(h.entry_high, h.entry_low);
}
std::uint64_t group_bins(const Region& r, std::uint32_t group) {
    return bins(r.bins_high[group], r.bins_low[group]);
}

void set_bins(std::uint32_t& high, std::uint32_t& low, std::uint64_t value) {
    high = static_cast<std::uint32_t>(value >> 32);
    low = static_cast<std::uint32_t>(value);
}

void bin_filled(SmallBlockHeader& header, std::uint32_t group, std::uint32_t bin) {
    Region& region = region_of(header);
    if ((group_bins(region, group) & bin_bit(bin)) != 0) {
        return;
    }
    set_bins(region.bins_high[group], region.bins_low[group], group_bins(region, group) | bin_bit(bin));
    if (region.groups_with[bin]++ == 0) {
        set_bins(header.entry_high, header.entry_low, header_bins(header) | bin_bit(bin));
    }
}

void bin_emptied(SmallBlockHeader& header, std::uint32_t group, std::uint32_t bin) {
    Region& region = region_of(header);
    set_bins(region.bins_high[group], region.bins_low[group], group_bins(region, group) & ~bin_bit(bin));
    if (--region.groups_with[bin] == 0) {
        set_bins(header.entry_high, header.entry_low, header_bins(header) & ~bin_bit(bin));
    }
}

void insert(SmallBlockHeader& header, std::uint32_t group, Entry* entry, std::uint32_t size) {
    set_size(entry, size, 0);
    const std::uint32_t bin = bin_of(size);
    Entry* ring = as_entry(region_of(header).groups[group].rings[bin]);
    entry->next = ring->next;
    entry->previous = ring;
    ring->next->previous = entry;
    ring->next = entry;
    bin_filled(header, group, bin);
}

void remove(SmallBlockHeader& header, std::uint32_t group, Entry* entry) {
    const std::uint32_t bin = bin_of(entry->size);
    entry->previous->next = entry->next;
    entry->next->previous = entry->previous;
    Ring& ring = region_of(header).groups[group].rings[bin];
    if (ring.next == as_entry(ring)) {
        bin_emptied(header, group, bin);
    }
}

/// The header that can serve an entry of this bin at once, else one with an uncommitted group, else a new region's.
SmallBlockHeader* choose_header(std::uint64_t wanted) {
    SmallBlockHeader* spare = nullptr;
    for (SmallBlockHeader* h = headers(); h != headers() + header_count(); ++h) {
        if ((header_bins(*h) & wanted) != 0) {
            return h;
        }
        spare = spare == nullptr && h->uncommitted_groups != 0 ? h : spare;
    }
    return spare != nullptr ? spare : call_cdecl<SmallBlockHeader*>(game::site(0x00EDE579).va);
}

/// A group of `header` with a free entry in one of the wanted bins; commits one when there is none. -1: no memory.
std::int32_t choose_group(SmallBlockHeader& header, std::uint64_t wanted) {
    Region& region = region_of(header);
    if ((header_bins(header) & wanted) == 0) {
        const auto fresh = call_cdecl<std::int32_t>(game::site(0x00EDE629).va, &header);
        region.group_in_use = static_cast<std::uint32_t>(fresh);
        return fresh;
    }
    std::uint32_t group = region.group_in_use;
    if (group >= kGroups || (group_bins(region, group) & wanted) == 0) {
        group = 0;
        while ((group_bins(region, group) & wanted) == 0) {
            ++group;
        }
        region.group_in_use = group;
    }
    return static_cast<std::int32_t>(group);
}

void* take(SmallBlockHeader& header, std::uint32_t group, std::uint64_t wanted, std::uint32_t size) {
    Region& region = region_of(header);
    const auto bin = static_cast<std::uint32_t>(std::countl_zero(group_bins(region, group) & wanted));
    Entry* entry = region.groups[group].rings[bin].next;
    const std::uint32_t whole = entry->size;
    remove(header, group, entry);
    if (whole > size) {
        insert(header, group, reinterpret_cast<Entry*>(byte_at(entry, size)), whole - size);
    }
    set_size(entry, size, kTaken);
    if (region.groups[group].taken_entries++ == 0 && deferred_header() == &header && deferred_group() == group) {
        deferred_header() = nullptr;
    }
    return byte_at(entry, sizeof(std::uint32_t));
}

// --- giving memory back ---------------------------------------------------------------------------------------------

void drop_region(SmallBlockHeader* header) {
    sys::virtual_free(at<void>(header->region_data), 0, sys::kRelease);
    sys::call_slot<std::int32_t>(game::import_slot::kHeapFree, crt_heap(), 0U, at<void>(header->region));
    SmallBlockHeader* last = headers() + header_count() - 1;
    std::memmove(header, header + 1, static_cast<std::size_t>(last - header) * sizeof *header);
    --header_count();
}

/// Decommits the group that became empty before this one. Returns where `current` stands afterwards: the list of
/// headers moves up when a whole region goes.
SmallBlockHeader* drop_deferred(SmallBlockHeader* current) {
    SmallBlockHeader* old = deferred_header();
    const std::uint32_t group = deferred_group();
    Region& region = region_of(*old);
    sys::virtual_free(at<void>(old->region_data + group * kGroupBytes), kGroupBytes, sys::kDecommit);
    old->uncommitted_groups |= kTopBit >> group;
    bin_emptied(*old, group, kBins - 1);  // an empty group has whole pages only
    if (region.group_in_use == group) {
        region.group_in_use = kGroups;
    }
    if (old->uncommitted_groups != kAllUncommitted) {
        return current;
    }
    drop_region(old);
    return current > old ? current - 1 : current;
}

/// Merges a free entry with its free neighbours, in both directions. Returns the merged entry, which is in no ring.
Entry* merge(SmallBlockHeader& header, std::uint32_t group, Entry* entry, std::uint32_t& size) {
    auto* next = reinterpret_cast<Entry*>(byte_at(entry, size));
    if ((next->size & kTaken) == 0) {
        size += next->size;
        remove(header, group, next);
    }
    const std::uint32_t before = *(reinterpret_cast<std::uint32_t*>(entry) - 1);
    if ((before & kTaken) == 0) {
        entry = reinterpret_cast<Entry*>(byte_at(entry, 0) - before);
        remove(header, group, entry);
        size += before;
    }
    return entry;
}

// --- new memory
// -------------------------------------------------------------------------------------------------------

bool room_for_header() {
    if (header_count() < header_capacity()) {
        return true;
    }
    const auto bytes = static_cast<std::uint32_t>((header_capacity() + kHeadersPerStep) * sizeof(SmallBlockHeader));
    void* list = headers() == nullptr
                     ? sys::call_slot<void*>(game::import_slot::kHeapAlloc, crt_heap(), 0U, bytes)
                     : sys::call_slot<void*>(import_slot_of("HeapReAlloc"), crt_heap(), 0U, headers(), bytes);
    if (list == nullptr) {
        return false;
    }
    if (deferred_header() != nullptr) {
        deferred_header() = static_cast<SmallBlockHeader*>(list) + (deferred_header() - headers());
    }
    headers() = static_cast<SmallBlockHeader*>(list);
    header_capacity() += kHeadersPerStep;
    return true;
}

void format_page(Ring& ring, std::uint8_t* page) {
    *reinterpret_cast<std::uint32_t*>(page + kEntryOffset - 4) = kSentinel;
    *reinterpret_cast<std::uint32_t*>(page + kPageBytes - 4) = kSentinel;
    auto* entry = reinterpret_cast<Entry*>(page + kEntryOffset);
    set_size(entry, kWholePage, 0);
    entry->next = as_entry(ring);
    entry->previous = ring.previous;
    ring.previous->next = entry;
    ring.previous = entry;
}

game::CriticalSection32 crt_lock_4;
bool crt_lock_4_ready = false;

}  // namespace

void build_lock() {
    if (!crt_lock_4_ready) {
        sys::initialize(crt_lock_4);
        crt_lock_4_ready = true;
    }
}

void lock() {
    sys::enter(crt_lock_4);
}

void unlock() {
    sys::leave(crt_lock_4);
}

SmallBlockHeader* find(const void* block) {
    for (SmallBlockHeader* h = headers(); h != headers() + header_count(); ++h) {
        if (addr_of(block) - h->region_data < kRegionBytes) {
            return h;
        }
    }
    return nullptr;
}

void* allocate(std::uint32_t size) {
    const std::uint32_t whole = (size + 2 * sizeof(std::uint32_t) + kParagraph - 1) & ~(kParagraph - 1);
    const std::uint32_t bin = bin_of(whole);
    const std::uint64_t wanted = ~std::uint64_t{0} >> bin;
    SmallBlockHeader* header = choose_header(wanted);
    if (header == nullptr) {
        return nullptr;
    }
    const std::int32_t group = choose_group(*header, wanted);
    return group < 0 ? nullptr : take(*header, static_cast<std::uint32_t>(group), wanted, whole);
}

std::uint32_t size(const void* block) {
    return (entry_of(block)->size & ~kTaken) - 2 * static_cast<std::uint32_t>(sizeof(std::uint32_t));
}

extern "C" {

/// __sbh_free_block. A block that is free already is left alone.
void eng_00EDE263(game::SmallBlockHeader* header, void* block) {
    Entry* entry = entry_of(block);
    if ((entry->size & kTaken) == 0) {
        return;
    }
    const std::uint32_t group = (addr_of(block) - header->region_data) / kGroupBytes;
    std::uint32_t size = entry->size & ~kTaken;
    entry = merge(*header, group, entry, size);
    insert(*header, group, entry, size);
    if (--region_of(*header).groups[group].taken_entries != 0) {
        return;
    }
    if (deferred_header() != nullptr) {
        header = drop_deferred(header);
    }
    deferred_header() = header;
    deferred_group() = group;
}

/// __sbh_alloc_new_region
game::SmallBlockHeader* eng_00EDE579() {
    if (!room_for_header()) {
        return nullptr;
    }
    auto* region = sys::call_slot<Region*>(game::import_slot::kHeapAlloc, crt_heap(), kZeroMemory,
                                           static_cast<std::uint32_t>(sizeof(Region)));
    if (region == nullptr) {
        return nullptr;
    }
    void* data = sys::virtual_alloc(nullptr, kRegionBytes, sys::kReserve);
    if (data == nullptr) {
        sys::call_slot<std::int32_t>(game::import_slot::kHeapFree, crt_heap(), 0U, region);
        return nullptr;
    }
    region->group_in_use = kGroups;
    game::SmallBlockHeader& header = headers()[header_count()++];
    header = {0, 0, kAllUncommitted, addr_of(data), addr_of(region)};
    return &header;
}

/// __sbh_alloc_new_group. Returns its index, or -1 when it could not be committed. The header has an uncommitted group.
std::int32_t eng_00EDE629(game::SmallBlockHeader* header) {
    Region& region = region_of(*header);
    const auto group = static_cast<std::uint32_t>(std::countl_zero(header->uncommitted_groups));
    void* base = at<void>(header->region_data + group * kGroupBytes);
    if (group >= kGroups || sys::virtual_alloc(base, kGroupBytes, sys::kCommit) == nullptr) {
        return -1;
    }
    for (Ring& ring : region.groups[group].rings) {
        ring = {as_entry(ring), as_entry(ring)};
    }
    region.groups[group].taken_entries = 0;
    for (std::uint32_t offset = 0; offset < kGroupBytes; offset += kPageBytes) {
        format_page(region.groups[group].rings[kBins - 1], byte_at(base, offset));
    }
    bin_filled(*header, group, kBins - 1);
    header->uncommitted_groups &= ~(kTopBit >> group);
    return static_cast<std::int32_t>(group);
}

}  // extern "C"

}  // namespace mp::standin::small_blocks
