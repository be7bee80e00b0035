// Life of a MemoryHeap object, its check and its statistics.
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
        fn::kHeapRemoveFree(self, at<HeapBlock>(list.head));
    }
}

/// Figures of the blocks, from the heap's fields.
void count_from_fields(const MemoryHeap* self, game::HeapStatistics* out) {
    out->used_bytes = self->live_bytes;
    out->free_bytes = self->end - self->live_bytes;
}

/// The same from a walk of the physical chain.
void count_blocks(const MemoryHeap* self, game::HeapStatistics* out) {
    for (const HeapBlock* block = at<const HeapBlock>(self->first_block); block != nullptr;
         block = next_block(self, block)) {
        const std::uint32_t bytes = payload(block) + game::kHeapHeaderSize;
        if (!is_free(block)) {
            out->used_bytes += bytes;
            continue;
        }
        out->free_bytes += bytes;
        out->smallest_free = bytes < out->smallest_free ? bytes : out->smallest_free;
        out->largest_free = bytes > out->largest_free ? bytes : out->largest_free;
    }
}

game::HeapStatistics statistics_without_blocks(const MemoryHeap* self) {
    using game::HeapStatistics;
    return {.name = self->name,
            .reserve = self->reserve,
            .committed = self->committed,
            .end = self->end,
            .block_count = self->block_count,
            .free_block_count = self->free_block_count,
            .free_bytes = 0,
            .used_bytes = 0,
            .smallest_free = HeapStatistics::kNoSmallest,
            .largest_free = 0,
            .object_bytes = HeapStatistics::kObjectBytes,
            .list_bytes = HeapStatistics::kListBytes,
            .header_bytes = self->block_count * game::kHeapHeaderSize,
            .zero = 0,
            .available = 0};
}

}  // namespace

extern "C" {

// Constructor (engine contract B.6).
MemoryHeap* eng_00AA78A0(MemoryHeap* self, std::uint32_t reserve, std::uint32_t commit, const char* name,
                         std::uint32_t mode) {
    fn::kHeapInitialise(self, reserve, commit, name, game::kHeapStep);
    self->vtable = game::data::kMemoryHeapVtable;
    self->mode = static_cast<std::uint8_t>(mode);
    fn::kHeapReserve(self);
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

// Destructor (engine contract B.6).
void eng_00AA7930(MemoryHeap* self) {
    self->vtable = game::data::kMemoryHeapVtable;
    fn::kHeapDropBacking(self);
    fn::kHeapDeleteLock(self);
    self->destroyed = 1;
}

// Engine contract A.12, B.6: unlinks all blocks and releases the backing.
std::uint32_t eng_00AA8EA0(Step* step, MemoryHeap* self) {
    constexpr std::uint32_t kReleaseCall = 1;
    if (step->number == kReleaseCall) {
        self->base = 0;
        self->reserve = 0;
        return step->finish();
    }
    for (const HeapBin& bin : self->bins) {
        unlink_all(self, bin);
    }
    unlink_all(self, self->large);
    self->first_block = 0;
    self->last_block = 0;
    self->block_count = 0;
    return step->call(kReleaseCall, self, self->base);
}

// Engine contract B.6.
void eng_00AA8DA0(MemoryHeap* self) {
    sys::destroy(self->lock);
}

// Engine contract B.5: statistics.
std::uint32_t eng_00AA7C60(MemoryHeap* self, game::HeapStatistics* out, std::uint32_t walk) {
    const std::uint32_t allowed = (walk & 0xFF) != 0 && self->mode == 0 ? 1 : 0;
    fn::kHeapStatisticsLocked(self, out, allowed);
    return 0;  // what it returns is not known
}

// Engine contract B.5: the same, under the heap's lock.
void eng_00AAA0E0(MemoryHeap* self, game::HeapStatistics* out, std::uint32_t walk) {
    sys::enter(self->lock);
    *out = statistics_without_blocks(self);
    if ((walk & 0xFF) != 0) {
        count_blocks(self, out);
    } else {
        count_from_fields(self, out);
    }
    out->available = out->reserve - out->end + out->free_bytes;
    sys::leave(self->lock);
}

}  // extern "C"
