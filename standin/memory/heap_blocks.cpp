// Blocks of a MemoryHeap: allocation by bins, first fit and bump tail; free with merging.
#include "heap_lists.h"

using mp::game::HeapBin;
using mp::game::HeapBlock;
using mp::game::MemoryHeap;
using namespace mp::standin;
namespace game = mp::game;

namespace {

constexpr std::uint32_t kMessageCapacity = 256;
/// A remainder is split off when it holds a header and the smallest payload.
constexpr std::int32_t kSmallestRemainder = 16;

/// The bin with blocks for n + 16 bytes; null when only the large list is left. A search through the groups that ends
/// in the last one is thrown away by the engine, so that only the bin of n + 16 itself can lie there: here that group
/// is not searched at all.
HeapBin* find_larger_bin(MemoryHeap* self, std::uint32_t n) {
    const std::uint32_t wanted = n + static_cast<std::uint32_t>(kSmallestRemainder);
    if (wanted > kLargestBinned) {
        return nullptr;
    }
    HeapBin* bin = &self->bins[bin_index(wanted)];
    if (bin->tail != 0) {
        return bin;
    }
    for (std::uint32_t group = group_of(wanted); group + 1 < game::kHeapBinGroups; ++group) {
        if (self->groups[group].free_count == 0) {
            continue;
        }
        auto* const first = at<HeapBin>(self->groups[group].first_bin);
        auto* const limit = at<HeapBin>(self->groups[group + 1].first_bin);
        for (bin = bin < first ? first : bin; bin < limit; ++bin) {
            if (bin->tail != 0) {
                return bin;
            }
        }
    }
    return nullptr;
}

/// The list to search for a block of n bytes: its own bin, a bin with larger blocks, or the large list.
HeapBin& choose_list(MemoryHeap* self, std::uint32_t n) {
    if (n > kLargestBinned) {
        return self->large;
    }
    HeapBin& own = self->bins[bin_index(n)];
    if (own.tail != 0) {
        return own;
    }
    HeapBin* const larger = find_larger_bin(self, n);
    return larger != nullptr ? *larger : self->large;
}

/// First fit from the list's head: the exact size, or enough for a remainder (signed, as in the engine).
HeapBlock* first_fit(const HeapBin& list, std::uint32_t n) {
    for (auto* block = at<HeapBlock>(list.head); block != nullptr; block = at<HeapBlock>(block->next_free)) {
        if (payload(block) == n || static_cast<std::int32_t>(payload(block) - n) >= kSmallestRemainder) {
            return block;
        }
    }
    return nullptr;
}

void set_payload(HeapBlock* block, std::uint32_t n) {
    block->size_and_flags = (block->size_and_flags & ~HeapBlock::kSizeMask) | n;
}

/// Splits what follows n bytes off into a free block of its own.
void split(MemoryHeap* self, HeapBlock* block, std::uint32_t n) {
    HeapBlock* const after = next_block(self, block);
    auto* const rest = at<HeapBlock>(addr_of(block) + game::kHeapHeaderSize + n);
    rest->previous = addr_of(block);
    rest->size_and_flags =
        (block->size_and_flags & HeapBlock::kDecommitted) | (payload(block) - (n + game::kHeapHeaderSize));
    (after != nullptr ? after->previous : self->last_block) = addr_of(rest);
    ++self->block_count;
    fn::kHeapInsertFree(self, rest);
    set_payload(block, n);
    fn::kHeapCoalesce(self, rest);
}

/// Calls that the body of the allocation asks for.
enum HeapCall : std::uint32_t { kCommitWhole = 1, kCommitFront, kCommitTail, kCommitBlock };

/// Ends the allocation: leaves the lock, answers the user's part of the block or 0.
std::uint32_t finish(Step* step, MemoryHeap* self, const HeapBlock* block) {
    sys::leave(self->lock);
    return step->finish(block != nullptr ? byte_at(block, game::kHeapHeaderSize) : nullptr);
}

/// Hands out a block that is out of its list.
std::uint32_t hand_out(Step* step, MemoryHeap* self, HeapBlock* block, std::uint32_t n) {
    if (payload(block) != n) {
        split(self, block, n);
    }
    self->live_bytes += n + game::kHeapHeaderSize;
    return finish(step, self, block);
}

std::uint32_t commit(Step* step, std::uint32_t call, std::uint32_t address, std::uint32_t bytes) {
    return step->call(call, nullptr, address, bytes, sys::kCommit, sys::kReadWrite);
}

/// Takes a free block for n bytes out of its list. The front of one whose inside was decommitted is committed first;
/// that never happens in the shipped program (A.15).
std::uint32_t take(Step* step, MemoryHeap* self, HeapBlock* block, std::uint32_t n) {
    constexpr std::uint32_t kRestHead = 0x10;
    fn::kHeapRemoveFree(self, block);
    if ((block->size_and_flags & HeapBlock::kDecommitted) == 0) {
        return hand_out(step, self, block, n);
    }
    step->kept[0] = addr_of(block);
    const std::uint32_t need = n + game::kHeapHeaderSize;
    return payload(block) == n ? commit(step, kCommitWhole, addr_of(block), need)
                               : commit(step, kCommitFront, addr_of(block), need + kRestHead);
}

/// The message that every tail allocation formats, whether anybody reads it or not (B.6).
void report_tail_block(const MemoryHeap* self, std::uint32_t n) {
    constexpr std::uint32_t kChannel = 2;
    constexpr std::uint32_t kNothing = 0;
    char message[kMessageCapacity];
    fn::kFormat(static_cast<char*>(message), kMessageCapacity, "%s: %u bytes from the end", at<const char>(self->name),
                n);
    if (void* const logger = at<void>(*at<const game::Ptr32>(game::data::kHeapLogger))) {
        call_virtual<void>(logger, slot::kLoggerPrint, kChannel, static_cast<const char*>(message), kNothing, kNothing,
                           kNothing);
    }
}

/// Writes the header of a new block at the end of the heap.
std::uint32_t append(Step* step, MemoryHeap* self, std::uint32_t n) {
    const std::uint32_t need = n + game::kHeapHeaderSize;
    auto* const block = at<HeapBlock>(self->base + self->end);
    block->size_and_flags = n;
    fn::kHeapAppend(self, block);
    self->end += need;
    self->high_water = self->end > self->high_water ? self->end : self->high_water;
    self->live_bytes += need;
    return finish(step, self, block);
}

/// A new block at the end of the committed part: its own range is committed once more, without need.
std::uint32_t extend_in_committed(Step* step, MemoryHeap* self, std::uint32_t n) {
    const std::uint32_t need = n + game::kHeapHeaderSize;
    if (self->end + need > self->committed) {
        return finish(step, self, nullptr);
    }
    return self->granularity != 0 ? commit(step, kCommitBlock, self->base + self->end, need) : append(step, self, n);
}

/// A new block at the end of the heap; further steps are committed when it does not fit into what is committed.
std::uint32_t extend(Step* step, MemoryHeap* self, std::uint32_t n) {
    const std::uint32_t need = n + game::kHeapHeaderSize;
    const std::uint32_t new_end = self->end + need;
    if (self->granularity != 0 && new_end > self->committed && new_end <= self->reserve) {
        return step->call(kCommitTail, self, self->base, self->committed, need);
    }
    return extend_in_committed(step, self, n);
}

/// Behind the commit of a block whose inside was decommitted.
std::uint32_t take_committed(Step* step, MemoryHeap* self, std::uint32_t n) {
    auto* const block = at<HeapBlock>(step->kept[0]);
    if (step->result == 0) {
        fn::kHeapInsertFree(self, block);
        return finish(step, self, nullptr);
    }
    return hand_out(step, self, block, n);
}

/// Behind the commit of a tail block's own range.
std::uint32_t append_committed(Step* step, MemoryHeap* self, std::uint32_t n) {
    if (step->result == 0) {
        return finish(step, self, nullptr);
    }
    count(engine_counters.heap_tail_allocations);
    report_tail_block(self, n);
    return append(step, self, n);
}

AllocatorEntries& entries_of(const MemoryHeap* self) {
    return engine_counters.heaps[manager().heap_by_context[context::kDefault] == addr_of(self) ? 0 : 1];
}

}  // namespace

extern "C" {

// Engine contract A.16, B.6: the heap's critical section is held from start to end.
std::uint32_t eng_00AA8F50(Step* step, MemoryHeap* self, std::uint32_t size) {
    const std::uint32_t n = size <= game::kSmallestBlock ? game::kSmallestBlock : (size + 3) & ~3U;
    switch (step->number) {
    case kCommitWhole:
    case kCommitFront:
        return take_committed(step, self, n);
    case kCommitTail:
        self->committed += step->result;
        return extend_in_committed(step, self, n);
    case kCommitBlock:
        return append_committed(step, self, n);
    default:
        break;
    }
    sys::enter(self->lock);
    ++entries_of(self).allocations;
    HeapBlock* const block = first_fit(choose_list(self, n), n);
    return block != nullptr ? take(step, self, block, n) : extend(step, self, n);
}

// Engine contract B.6.
void eng_00AA98F0(MemoryHeap* self, void* user) {
    if (user == nullptr) {
        return;
    }
    sys::enter(self->lock);
    ++entries_of(self).frees;
    HeapBlock* const block = block_of(user);
    self->live_bytes -= payload(block) + game::kHeapHeaderSize;
    fn::kHeapInsertFree(self, block);
    fn::kHeapCoalesce(self, block);
    sys::leave(self->lock);
}

// Engine contract B.5: the size with its header.
std::uint32_t eng_00AA7C00(MemoryHeap* /*self*/, const void* block) {
    return payload(block_of(block)) + game::kHeapHeaderSize;
}

// Engine contract B.5: base <= address < base + reserve.
std::uint32_t eng_00AA7E70(MemoryHeap* self, const void* address) {
    return addr_of(address) >= self->base && addr_of(address) < self->base + self->reserve ? 1 : 0;
}

}  // extern "C"
