// Bookkeeping of the small-block heap, for the functions in the image (image/runtime_functions.cpp). Each call is made
// under the CRT's lock 4, and only while the heap selector is kSmallBlocks.
#include "crt/small_blocks.h"

#include "crt/crt.h"
#include "memory/engine.h"

#include <bit>

namespace mp::standin::small_blocks {
namespace {

using game::SmallBlockHeader;

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
    return spare != nullptr ? spare : fn::kNewSmallBlockRegion();
}

/// A group of `header` with a free entry in one of the wanted bins; commits one when there is none. -1: no memory.
std::int32_t choose_group(SmallBlockHeader& header, std::uint64_t wanted) {
    Region& region = region_of(header);
    if ((header_bins(header) & wanted) == 0) {
        const auto fresh = fn::kNewSmallBlockGroup(&header);
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

// --- the lock -------------------------------------------------------------------------------------------------------

enum LockState : std::uint32_t { kUnbuilt, kBeingBuilt, kBuilt };

constinit game::CriticalSection32 crt_lock_4{};
constinit std::uint32_t crt_lock_4_state = kUnbuilt;

game::CriticalSection32& built_lock() {
    std::uint32_t seen = kUnbuilt;
    if (__atomic_compare_exchange_n(&crt_lock_4_state, &seen, kBeingBuilt, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        sys::initialize(crt_lock_4);
        __atomic_store_n(&crt_lock_4_state, kBuilt, __ATOMIC_RELEASE);
    }
    while (__atomic_load_n(&crt_lock_4_state, __ATOMIC_ACQUIRE) != kBuilt) {
        sys::sleep(0);
    }
    return crt_lock_4;
}

/// Usable bytes of a taken block.
std::uint32_t usable(const void* block) {
    return (entry_of(block)->size & ~kTaken) - 2 * static_cast<std::uint32_t>(sizeof(std::uint32_t));
}

/// What eng_crt_small_give_back tells the function in the image.
enum GivenBack : std::int32_t { kWasFree = -1, kDone = 0, kGroupIsEmpty = 1 };

}  // namespace

extern "C" {

/// The runtime has many locks; the heap's is number 4, the only one here.
void eng_crt_lock(std::int32_t /*number*/) {
    sys::enter(built_lock());
}
void eng_crt_unlock(std::int32_t /*number*/) {
    sys::leave(crt_lock_4);
}

/// nullptr: no block of this heap.
SmallBlockHeader* eng_crt_small_find(const void* block) {
    for (SmallBlockHeader* h = headers(); h != headers() + header_count(); ++h) {
        if (addr_of(block) - h->region_data < kRegionBytes) {
            return h;
        }
    }
    return nullptr;
}

/// nullptr: out of memory. `size` up to kLargest.
void* eng_crt_small_allocate(std::uint32_t size) {
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

/// malloc's half of this heap: takes the lock itself. nullptr: too large for this heap, or out of memory.
void* eng_crt_small_malloc(std::uint32_t size) {
    if (size > kLargest) {
        return nullptr;
    }
    eng_crt_lock(4);
    void* block = eng_crt_small_allocate(size);
    eng_crt_unlock(4);
    return block;
}

/// 1 when the block is large enough as it is. A block never grows in place.
std::int32_t eng_crt_small_resize(SmallBlockHeader* /*header*/, const void* block, std::uint32_t size) {
    return size <= usable(block) ? 1 : 0;
}

/// Bookkeeping of __sbh_free_block. A block that is free already is left alone.
std::int32_t eng_crt_small_give_back(SmallBlockHeader* header, void* block) {
    Entry* entry = entry_of(block);
    if ((entry->size & kTaken) == 0) {
        return kWasFree;
    }
    const std::uint32_t group = (addr_of(block) - header->region_data) / kGroupBytes;
    std::uint32_t size = entry->size & ~kTaken;
    entry = merge(*header, group, entry, size);
    insert(*header, group, entry, size);
    return --region_of(*header).groups[group].taken_entries == 0 ? kGroupIsEmpty : kDone;
}

/// The deferred group was decommitted. 1 when its whole region is uncommitted now.
std::int32_t eng_crt_small_group_gone() {
    SmallBlockHeader* header = deferred_header();
    const std::uint32_t group = deferred_group();
    Region& region = region_of(*header);
    header->uncommitted_groups |= kTopBit >> group;
    bin_emptied(*header, group, kBins - 1);  // an empty group has whole pages only
    if (region.group_in_use == group) {
        region.group_in_use = kGroups;
    }
    return header->uncommitted_groups == kAllUncommitted ? 1 : 0;
}

/// The deferred header's region was released: the list of headers moves up. Returns where `current` stands now.
SmallBlockHeader* eng_crt_small_region_gone(SmallBlockHeader* current) {
    SmallBlockHeader* gone = deferred_header();
    SmallBlockHeader* last = headers() + header_count() - 1;
    std::memmove(gone, gone + 1, static_cast<std::size_t>(last - gone) * sizeof *gone);
    --header_count();
    return current > gone ? current - 1 : current;
}

/// Room for 16 more headers; 0 when there is no memory for them. The library makes the first list elsewhere, where the
/// small-block heap is chosen.
std::int32_t eng_crt_small_grow_list() {
    const auto bytes = static_cast<std::uint32_t>((header_capacity() + kHeadersPerStep) * sizeof(SmallBlockHeader));
    void* list = headers() == nullptr
                     ? sys::call_slot<void*>(game::import_slot::kHeapAlloc, crt_heap(), 0U, bytes)
                     : sys::call_slot<void*>(import_slot_of("HeapReAlloc"), crt_heap(), 0U, headers(), bytes);
    if (list == nullptr) {
        return 0;
    }
    if (deferred_header() != nullptr) {
        deferred_header() = static_cast<SmallBlockHeader*>(list) + (deferred_header() - headers());
    }
    headers() = static_cast<SmallBlockHeader*>(list);
    header_capacity() += kHeadersPerStep;
    return 1;
}

}  // extern "C"

}  // namespace mp::standin::small_blocks
