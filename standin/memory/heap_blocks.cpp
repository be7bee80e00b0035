// Blocks of a MemoryHeap: allocation by bins, first fit and bump tail; free with merging.
#include <cstdlib>

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

/// The buffer security check that the engine's compiler puts around a function with local buffers.
class SecurityCheck {
public:
    SecurityCheck() : cookie_(*at<const volatile std::uint32_t>(game::data::kSecurityCookie) ^ addr_of(this)) {}
    ~SecurityCheck() {
        if ((cookie_ ^ addr_of(this)) != *at<const volatile std::uint32_t>(game::data::kSecurityCookie)) {
            std::abort();
        }
    }
    SecurityCheck(const SecurityCheck&) = delete;
    SecurityCheck& operator=(const SecurityCheck&) = delete;

private:
    volatile std::uint32_t cookie_;
};

/// First bin with a block for n + 16 bytes, group by group; null when only the large list is left. The engine reads the
/// limit of the last group from beyond the groups; here it is the last bin.
HeapBin* find_larger_bin(MemoryHeap* self, std::uint32_t n) {
    const std::uint32_t wanted = n + static_cast<std::uint32_t>(kSmallestRemainder);
    if (wanted > kLargestBinned) {
        return nullptr;
    }
    HeapBin* bin = &self->bins[bin_index(wanted)];
    auto* const past_last = at<HeapBin>(self->last_bin) + 1;
    for (std::uint32_t group = group_of(wanted); group < game::kHeapBinGroups; ++group) {
        if (self->groups[group].free_count == 0) {
            continue;
        }
        auto* const first = at<HeapBin>(self->groups[group].first_bin);
        auto* const limit =
            group + 1 < game::kHeapBinGroups ? at<HeapBin>(self->groups[group + 1].first_bin) : past_last;
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

/// Commits the front of a block whose inside was decommitted; never needed in the shipped program (A.15).
bool make_usable(const HeapBlock* block, std::uint32_t n) {
    if ((block->size_and_flags & HeapBlock::kDecommitted) == 0) {
        return true;
    }
    const std::uint32_t bytes = payload(block) == n ? n + 8 : n + 0x18;
    return sys::virtual_alloc(at<void>(addr_of(block)), bytes, sys::kCommit) != nullptr;
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
    call_this<void>(fn::kHeapInsertFree, self, rest);
    set_payload(block, n);
    call_this<void>(fn::kHeapCoalesce, self, rest);
}

/// Takes a free block for n bytes out of its list; null when it cannot be made usable.
HeapBlock* take(MemoryHeap* self, HeapBlock* block, std::uint32_t n) {
    call_this<void>(fn::kHeapRemoveFree, self, block);
    if (!make_usable(block, n)) {
        call_this<void>(fn::kHeapInsertFree, self, block);
        return nullptr;
    }
    if (payload(block) != n) {
        split(self, block, n);
    }
    self->live_bytes += n + game::kHeapHeaderSize;
    return block;
}

/// The message that every tail allocation formats, whether anybody reads it or not (B.6).
void report_tail_block(const MemoryHeap* self, const HeapBlock* block, std::uint32_t n) {
    char message[kMessageCapacity];
    call_cdecl<int>(fn::kFormat, static_cast<char*>(message), kMessageCapacity,
                    "%s: block of %u bytes at %08X, end %u of %u committed bytes", at<const char>(self->name), n,
                    addr_of(block), self->end, self->committed);
    if (void* const logger = at<void>(*at<const game::Ptr32>(game::data::kHeapLogger))) {
        call_virtual<void>(logger, slot::kLoggerPrint, static_cast<const char*>(message));
    }
}

/// Commits further steps when the block does not fit into what is committed.
void commit_for(MemoryHeap* self, std::uint32_t need) {
    const std::uint32_t new_end = self->end + need;
    if (self->granularity != 0 && new_end > self->committed && new_end <= self->reserve) {
        self->committed +=
            call_virtual<std::uint32_t>(self, slot::kCommitTail, at<void>(self->base), self->committed, need);
    }
}

/// A new block at the end of the heap; one kernel call and one formatted message each, also on committed memory.
HeapBlock* extend(MemoryHeap* self, std::uint32_t n) {
    const std::uint32_t need = n + game::kHeapHeaderSize;
    commit_for(self, need);
    const std::uint32_t new_end = self->end + need;
    if (new_end > self->committed) {
        return nullptr;
    }
    auto* const block = at<HeapBlock>(self->base + self->end);
    if (self->granularity != 0) {
        sys::virtual_alloc(block, need, sys::kCommit);
        count(engine_counters.heap_tail_allocations);
        report_tail_block(self, block, n);
    }
    block->size_and_flags = n;
    call_this<void>(fn::kHeapAppend, self, block);
    self->end = new_end;
    self->high_water = new_end > self->high_water ? new_end : self->high_water;
    self->live_bytes += need;
    return block;
}

AllocatorEntries& entries_of(const MemoryHeap* self) {
    return engine_counters.heaps[manager().heap_by_context[context::kDefault] == addr_of(self) ? 0 : 1];
}

}  // namespace

extern "C" {

// Engine contract A.16, B.6: the heap's critical section is held from start to end.
void* eng_00AA8F50(MemoryHeap* self, std::uint32_t size) {
    const SecurityCheck check;
    sys::enter(self->lock);
    ++entries_of(self).allocations;
    const std::uint32_t n = size <= game::kSmallestBlock ? game::kSmallestBlock : (size + 3) & ~3U;
    HeapBlock* block = first_fit(choose_list(self, n), n);
    block = block != nullptr ? take(self, block, n) : extend(self, n);
    sys::leave(self->lock);
    return block != nullptr ? byte_at(block, game::kHeapHeaderSize) : nullptr;
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
    call_this<void>(fn::kHeapInsertFree, self, block);
    call_this<void>(fn::kHeapCoalesce, self, block);
    call_this<void>(fn::kHeapTrim, self);
    sys::leave(self->lock);
}

// Engine contract A.16, B.5: the alignment is dropped.
void* eng_00AA7B20(MemoryHeap* self, std::uint32_t size, std::uint32_t /*alignment*/) {
    return call_this<void*>(fn::kHeapAllocate, self, size);
}

// Engine contract B.5.
void eng_00AA7B40(MemoryHeap* self, void* block, std::uint32_t /*unused*/) {
    if (block != nullptr) {
        call_this<void>(fn::kHeapFree, self, block);
    }
}

// Engine contract B.5.
std::uint32_t eng_00AA7BE0(MemoryHeap* /*self*/, void* block, std::uint32_t /*unused*/) {
    return payload(block_of(block));
}

// Engine contract B.5: the size with its header.
std::uint32_t eng_00AA7C00(MemoryHeap* /*self*/, void* block) {
    return payload(block_of(block)) + game::kHeapHeaderSize;
}

// Engine contract B.5: base <= address < base + reserve.
std::uint32_t eng_00AA7E70(MemoryHeap* self, void* address) {
    return addr_of(address) >= self->base && addr_of(address) < self->base + self->reserve ? 1 : 0;
}

}  // extern "C"
