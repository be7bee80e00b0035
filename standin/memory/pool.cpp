// A pool of equal blocks: allocation, free, and the order of its free list.
#include "engine.h"

using mp::game::MemoryPool;
using namespace mp::standin;
namespace game = mp::game;

namespace {

constexpr std::int32_t kNoPage = -1;

std::int16_t& live_on_page_of(const MemoryPool* pool, const void* block) {
    return at<std::int16_t>(pool->page_live)[(addr_of(block) - pool->arena) / game::kPoolPageSize];
}

AllocatorEntries& entries_of(const MemoryPool* pool) {
    return engine_counters.pools[pool->block_size / 4 % 256];
}

/// Pushes every block of a fresh page, from the lowest to the highest address.
void push_page(MemoryPool* self, const void* page) {
    const std::uint32_t blocks = game::kPoolPageSize / self->block_size;
    for (std::uint32_t i = 0; i < blocks; ++i) {
        fn::kPoolPush(self, at<PoolLink>(addr_of(page) + i * self->block_size));
    }
}

/// Puts a page that was committed on the list.
void add_page(MemoryPool* self, const void* page) {
    live_on_page_of(self, page) = 0;
    push_page(self, page);
    ++self->committed_pages;
    self->peak_pages = self->committed_pages > self->peak_pages ? self->committed_pages : self->peak_pages;
}

/// Pops the head of the list, which is not empty.
PoolLink* pop(MemoryPool* self) {
    auto* const block = at<PoolLink>(self->free_head);
    fn::kPoolRemove(self, block);
    ++live_on_page_of(self, block);
    ++entries_of(self).allocations;
    return block;
}

/// Cuts the list behind its first half and returns the second half.
PoolLink* cut_in_half(PoolLink* head) {
    PoolLink* slow = head;
    for (PoolLink* fast = at<PoolLink>(head->next); fast != nullptr;) {
        fast = at<PoolLink>(fast->next);
        if (fast != nullptr) {
            fast = at<PoolLink>(fast->next);
            slow = at<PoolLink>(slow->next);
        }
    }
    PoolLink* const second = at<PoolLink>(slow->next);
    slow->next = 0;
    return second;
}

/// Merges two lists sorted by address; both links are written.
PoolLink* merge(PoolLink* left, PoolLink* right) {
    game::Ptr32 head = 0;
    game::Ptr32* link = &head;
    game::Ptr32 previous = 0;
    while (left != nullptr && right != nullptr) {
        PoolLink*& lower = addr_of(left) < addr_of(right) ? left : right;
        *link = addr_of(lower);
        lower->previous = previous;
        previous = addr_of(lower);
        link = &lower->next;
        lower = at<PoolLink>(lower->next);
    }
    PoolLink* const rest = left != nullptr ? left : right;
    *link = addr_of(rest);
    if (rest != nullptr) {
        rest->previous = previous;
    }
    return at<PoolLink>(head);
}

}  // namespace

extern "C" {

// Engine contract B.3: contents are not cleared; the requested size is not looked at. The image's code has taken the
// lock. Without a free block one more page is committed; NULL when arena or memory is used up.
std::uint32_t eng_00AA6AA0(Step* step, MemoryPool* self, std::uint32_t /*size*/) {
    constexpr std::uint32_t kCommitCall = 1;
    std::uint32_t& page = step->kept[0];
    if (step->number == kCommitCall && step->result != 0) {
        add_page(self, at<void>(page));
    } else if (step->number == 0 && self->free_head == 0) {
        const std::int32_t index = fn::kPoolFindPage(self);
        if (index != kNoPage) {
            return step->call(kCommitCall, self, static_cast<std::uint32_t>(index), &page);
        }
    }
    PoolLink* const block = self->free_head != 0 ? pop(self) : nullptr;
    release_inline(self->lock);
    return step->finish(block);
}

// Engine contract B.3: no page is given back, nothing is validated. The image's code has looked for NULL and taken the
// lock.
void eng_00AA6C70(MemoryPool* self, void* block) {
    fn::kPoolPush(self, static_cast<PoolLink*>(block));
    --live_on_page_of(self, block);
    ++entries_of(self).frees;
    release_inline(self->lock);
}

// Engine contract B.3: pushes a block at the head; both words of it are written.
void eng_00AA6E00(MemoryPool* self, PoolLink* block) {
    block->previous = 0;
    block->next = self->free_head;
    if (self->free_head != 0) {
        at<PoolLink>(self->free_head)->previous = addr_of(block);
    }
    self->free_head = addr_of(block);
    ++self->free_blocks;
}

// Engine contract B.3: takes a block out of the list.
void eng_00AA6E60(MemoryPool* self, PoolLink* block) {
    (block->previous != 0 ? at<PoolLink>(block->previous)->next : self->free_head) = block->next;
    if (block->next != 0) {
        at<PoolLink>(block->next)->previous = block->previous;
    }
    --self->free_blocks;
}

// Engine contract B.3: recursive merge sort by address, lowest first.
PoolLink* eng_00AA70C0(PoolLink* head) {
    if (head == nullptr || head->next == 0) {
        return head;
    }
    PoolLink* const second = cut_in_half(head);
    PoolLink* const left = fn::kSortList(head);
    PoolLink* const right = fn::kSortList(second);
    return merge(left, right);
}

// Engine contract B.3.
void eng_00AA7260(MemoryPool* self) {
    if (self->free_blocks > 1) {
        self->free_head = addr_of(fn::kSortList(at<PoolLink>(self->free_head)));
    }
}

// Engine contract B.3: the main loop sorts one pool at a time.
void eng_00AA7290(std::uint32_t index) {
    if (pool_by_size()[index] == 0) {
        return;
    }
    auto* const pool = at<MemoryPool>(pool_by_size()[index]);
    acquire(pool->lock, "MemoryPool::SortOne");
    fn::kSortFreeList(pool);
    release_inline(pool->lock);
}

// Engine contract B.3: debug walk of the free list; the volatile read keeps the walk. The image's code has taken the
// lock.
void eng_00AA7300(MemoryPool* self) {
    for (game::Ptr32 block = self->free_head; block != 0;) {
        block = *at<const volatile game::Ptr32>(block + offsetof(PoolLink, next));
    }
    release_inline(self->lock);
}

}  // extern "C"
