// Lists of a MemoryHeap: the chain of all blocks in address order, and the bins of the free ones.
#include "heap_lists.h"

using mp::game::HeapBin;
using mp::game::HeapBlock;
using mp::game::MemoryHeap;
using namespace mp::standin;
namespace game = mp::game;

namespace {

/// Takes a block that was merged into its predecessor, or trimmed, out of the physical chain.
void set_previous_of_next(MemoryHeap* heap, HeapBlock* merged, HeapBlock* next) {
    if (next != nullptr) {
        next->previous = addr_of(merged);
    } else {
        heap->last_block = addr_of(merged);
    }
}

/// Merges two free neighbours; the result goes to the end of its bin.
void merge(MemoryHeap* self, HeapBlock* block, HeapBlock* next) {
    HeapBlock* const after = next_block(self, next);
    fn::kHeapRemoveFree(self, block);
    fn::kHeapRemoveFree(self, next);
    block->size_and_flags += game::kHeapHeaderSize + payload(next);
    block->size_and_flags |= next->size_and_flags & HeapBlock::kDecommitted;
    set_previous_of_next(self, block, after);
    --self->block_count;
    fn::kHeapInsertFree(self, block);
}

/// Takes the last block out of the physical chain and lowers the heap's end.
void drop_last(MemoryHeap* self, HeapBlock* last) {
    fn::kHeapRemoveFree(self, last);
    self->end -= game::kHeapHeaderSize + payload(last);
    self->last_block = last->previous;
    if (last->previous == 0) {
        self->first_block = 0;
    }
    --self->block_count;
}

bool ends_at_top(const MemoryHeap* self, const HeapBlock* block) {
    return addr_of(block) + game::kHeapHeaderSize + payload(block) == self->base + self->end;
}

/// Committed bytes behind the end, as far as they lie above the first commit.
std::uint32_t surplus_of(const MemoryHeap* self) {
    const std::uint32_t surplus = self->committed - self->end;
    const std::uint32_t above_first = self->committed - self->initial_commit;
    return surplus < above_first ? surplus : above_first;
}

}  // namespace

extern "C" {

// Engine contract B.6: marks a block free and appends it at the tail of its list.
void eng_00AA9D30(MemoryHeap* self, HeapBlock* block) {
    block->size_and_flags |= HeapBlock::kFree;
    HeapBin& list = list_of(self, payload(block));
    block->previous_free = list.tail;
    block->next_free = 0;
    (list.tail != 0 ? at<HeapBlock>(list.tail)->next_free : list.head) = addr_of(block);
    list.tail = addr_of(block);
    ++self->free_block_count;
    if (payload(block) <= kLargestBinned) {
        ++self->groups[group_of(payload(block))].free_count;
    }
}

// Engine contract B.6: takes a free block out of its list.
void eng_00AA9E50(MemoryHeap* self, HeapBlock* block) {
    HeapBin& list = list_of(self, payload(block));
    (block->previous_free != 0 ? at<HeapBlock>(block->previous_free)->next_free : list.head) = block->next_free;
    (block->next_free != 0 ? at<HeapBlock>(block->next_free)->previous_free : list.tail) = block->previous_free;
    --self->free_block_count;
    if (payload(block) <= kLargestBinned) {
        --self->groups[group_of(payload(block))].free_count;
    }
    block->size_and_flags &= ~HeapBlock::kFree;
}

// Engine contract B.6: appends a block to the physical chain.
void eng_00AA9CA0(MemoryHeap* self, HeapBlock* block) {
    block->previous = self->last_block;
    if (self->first_block == 0) {
        self->first_block = addr_of(block);
    }
    self->last_block = addr_of(block);
    ++self->block_count;
}

// Engine contract B.6: merges a free block with free predecessors, then with free successors, then gives the tail back.
void eng_00AA9BD0(MemoryHeap* self, HeapBlock* block) {
    while (block->previous != 0 && is_free(at<HeapBlock>(block->previous))) {
        auto* const previous = at<HeapBlock>(block->previous);
        merge(self, previous, block);
        block = previous;
    }
    for (HeapBlock* next = next_block(self, block); next != nullptr && is_free(next); next = next_block(self, block)) {
        merge(self, block, next);
    }
    fn::kHeapTrimTail(self);
}

// Engine contract B.6: lowers the end over free blocks and decommits whole steps of what is too much.
std::uint32_t eng_00AA9A70(Step* step, MemoryHeap* self) {
    constexpr std::uint32_t kDecommitCall = 1;
    if (step->number == kDecommitCall) {
        self->committed -= step->result;
        return step->finish();
    }
    for (auto* last = at<HeapBlock>(self->last_block); last != nullptr && is_free(last) && ends_at_top(self, last);
         last = at<HeapBlock>(self->last_block)) {
        drop_last(self, last);
    }
    const std::uint32_t surplus = surplus_of(self);
    return surplus >= game::kHeapStep ? step->call(kDecommitCall, self, self->base, self->committed, surplus)
                                      : step->finish();
}

}  // extern "C"
