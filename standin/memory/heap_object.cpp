// Life of a MemoryHeap object, its check and its statistics.
#include <cstdlib>

#include "heap_lists.h"

using mp::game::HeapBin;
using mp::game::HeapBlock;
using mp::game::MemoryHeap;
using namespace mp::standin;
namespace game = mp::game;

namespace {

/// Of the base class, while the fields are filled (engine contract 0).
constexpr game::Addr kAbstractHeapVtable = 0x010A2BBC;
constexpr std::uint32_t kHeapAlignment = 4;
constexpr std::uint32_t kMinimumSplit = 0x10;

void set_up_bins(MemoryHeap* self) {
    self->last_bin = addr_of(&self->bins[game::kHeapBins - 1]);
    for (std::uint32_t i = 0; i < game::kHeapBinGroups; ++i) {
        self->groups[i].first_bin = addr_of(&self->bins[i * kBinsPerGroup]);
    }
}

void unlink_all(MemoryHeap* self, const HeapBin& list) {
    while (list.head != 0) {
        call_this<void>(fn::kHeapRemoveFree, self, at<HeapBlock>(list.head));
    }
}

std::uint32_t largest_free(const MemoryHeap* self) {
    std::uint32_t largest = 0;
    for (const HeapBlock* block = at<const HeapBlock>(self->first_block); block != nullptr;
         block = next_block(self, block)) {
        largest = is_free(block) && payload(block) > largest ? payload(block) : largest;
    }
    return largest;
}

/// Walks the physical chain; true when links, counts and the end agree.
bool chain_is_sound(const MemoryHeap* self) {
    std::uint32_t blocks = 0;
    std::uint32_t free_blocks = 0;
    std::uint32_t bytes = 0;
    game::Ptr32 previous = 0;
    for (const HeapBlock* block = at<const HeapBlock>(self->first_block); block != nullptr;
         block = next_block(self, block)) {
        if (block->previous != previous) {
            return false;
        }
        previous = addr_of(block);
        ++blocks;
        free_blocks += is_free(block) ? 1 : 0;
        bytes += payload(block) + game::kHeapHeaderSize;
    }
    return blocks == self->block_count && free_blocks == self->free_block_count && bytes == self->end;
}

}  // namespace

extern "C" {

// Constructor (engine contract B.6).
MemoryHeap* eng_00AA78A0(MemoryHeap* self, std::uint32_t reserve, std::uint32_t commit, const char* name,
                         std::uint32_t mode) {
    call_this<void>(fn::kHeapInitialise, self, reserve, commit, name, game::kHeapStep);
    self->vtable = game::data::kMemoryHeapVtable;
    self->mode = static_cast<std::uint8_t>(mode);
    call_this<void>(fn::kHeapReserveBacking, self);
    ++engine_counters.heaps_built;
    return self;
}

// Engine contract B.5, B.6: fills the fields.
void eng_00AA8CA0(MemoryHeap* self, std::uint32_t reserve, std::uint32_t commit, const char* name,
                  std::uint32_t granularity) {
    *self = {};
    self->vtable = kAbstractHeapVtable;
    self->name = addr_of(name);
    self->alignment = kHeapAlignment;
    self->minimum_split = kMinimumSplit;
    self->granularity = granularity;
    self->reserve = reserve;
    self->initial_commit = commit;
    self->committed = commit;
    set_up_bins(self);
    sys::initialize(self->lock);
}

// Engine contract A.11, B.6: a heap without backing ends the process.
void eng_00AA8DD0(MemoryHeap* self) {
    void* const base = call_virtual<void*>(self, slot::kReserve, self->reserve, self->committed);
    if (base == nullptr) {
        std::exit(0);
    }
    self->base = addr_of(base);
}

// Destructor (engine contract B.6).
void eng_00AA7930(MemoryHeap* self) {
    self->vtable = game::data::kMemoryHeapVtable;
    call_this<void>(fn::kHeapDropBacking, self);
    call_this<void>(fn::kHeapDeleteLock, self);
    self->destroyed = 1;
}

// Engine contract A.12, B.6: unlinks all blocks and releases the backing.
void eng_00AA8EA0(MemoryHeap* self) {
    for (const HeapBin& bin : self->bins) {
        unlink_all(self, bin);
    }
    unlink_all(self, self->large);
    self->first_block = 0;
    self->last_block = 0;
    self->block_count = 0;
    call_virtual<void>(self, slot::kRelease, at<void>(self->base));
    self->base = 0;
    self->reserve = 0;
}

// Engine contract B.6.
void eng_00AA8DA0(MemoryHeap* self) {
    sys::destroy(self->lock);
}

// Deleting destructor (engine contract B.5).
MemoryHeap* eng_00AA7E20(MemoryHeap* self, std::uint32_t flags) {
    call_this<void>(fn::kHeapDestroy, self);
    if ((flags & 1) != 0) {
        call_cdecl<void>(fn::kOperatorDelete, self);
    }
    return self;
}

// Engine contract B.5.
const char* eng_00AA7E50(MemoryHeap* self) {
    return at<const char>(self->name);
}

// Engine contract B.5: check; under the lock like every walk of the chain.
std::uint32_t eng_00AA9FB0(MemoryHeap* self) {
    sys::enter(self->lock);
    const bool sound = chain_is_sound(self);
    sys::leave(self->lock);
    return sound ? 1 : 0;
}

// Engine contract B.5: statistics.
void eng_00AA7C60(MemoryHeap* self, HeapStatistics* out, std::uint32_t /*unused*/) {
    sys::enter(self->lock);
    *out = {self->reserve,    self->committed,   self->live_bytes,
            self->high_water, self->block_count, self->free_block_count};
    sys::leave(self->lock);
}

// Engine contract B.5, slot +1C: bytes that are not live.
std::uint32_t eng_00AA7CA0(MemoryHeap* self, std::uint32_t /*unused*/) {
    return self->reserve - self->live_bytes;
}

// Engine contract B.5, slot +20: bytes in free blocks, and the largest of them.
std::uint32_t eng_00AA7D00(MemoryHeap* self, std::uint32_t* largest, std::uint32_t /*unused*/) {
    sys::enter(self->lock);
    if (largest != nullptr) {
        *largest = largest_free(self);
    }
    const std::uint32_t bytes = self->end - self->live_bytes;
    sys::leave(self->lock);
    return bytes;
}

// Engine contract B.5, slot +2C: the reservation.
std::uint32_t eng_00AA9D10(MemoryHeap* self) {
    return self->reserve;
}

// Engine contract B.5, slot +44: not established; answers 0.
std::uint32_t eng_00B02710(MemoryHeap* /*self*/) {
    return 0;
}

}  // extern "C"
