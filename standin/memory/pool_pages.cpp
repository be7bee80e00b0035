// Pages of a pool: its arena, commit and decommit of one page, the purge of empty pages.
#include "engine.h"

using mp::game::CriticalSection32;
using mp::game::MemoryPool;
using namespace mp::standin;
namespace game = mp::game;

namespace {

constexpr std::int16_t kUncommitted = -1;

std::int16_t* page_live(const MemoryPool* pool) {
    return at<std::int16_t>(pool->page_live);
}

bool lies_in(const PoolLink* block, std::uint32_t page) {
    return addr_of(block) - page < game::kPoolPageSize;
}

/// First block of the free list that lies in the page, or null: a walk of the list.
PoolLink* first_of_page(const MemoryPool* pool, std::uint32_t page) {
    PoolLink* block = at<PoolLink>(pool->free_head);
    while (block != nullptr && !lies_in(block, page)) {
        block = at<PoolLink>(block->next);
    }
    return block;
}

/// Cuts the run of the page's blocks, which starts at `first`, out of the sorted list. Returns how many it held.
std::uint32_t cut_run(MemoryPool* pool, PoolLink* first, std::uint32_t page) {
    std::uint32_t blocks = 1;
    const game::Ptr32 before = first->previous;
    PoolLink* after = at<PoolLink>(first->next);
    for (; after != nullptr && lies_in(after, page); after = at<PoolLink>(after->next)) {
        ++blocks;
    }
    (before != 0 ? at<PoolLink>(before)->next : pool->free_head) = addr_of(after);
    if (after != nullptr) {
        after->previous = before;
    }
    return blocks;
}

/// Built on first use, like a function's static object.
CriticalSection32& purge_lock() {
    auto& ready = *at<std::uint32_t>(game::data::kPurgeLockReady);
    auto& lock = *at<CriticalSection32>(game::data::kPurgeLock);
    if ((ready & 1) == 0) {
        ready |= 1;
        sys::initialize(lock);
    }
    return lock;
}

}  // namespace

extern "C" {

// Engine contract B.3: linear scan for a page that is not committed, -1 when there is none.
std::int32_t eng_00AA6DB0(MemoryPool* self) {
    for (std::uint32_t i = 0; i < self->page_count; ++i) {
        if (page_live(self)[i] == kUncommitted) {
            return static_cast<std::int32_t>(i);
        }
    }
    return -1;
}

// Engine contract B.3: needs the list sorted by address; called with the pool's spin lock held.
void eng_00AA6EB0(MemoryPool* self, std::uint32_t page, std::uint32_t sort_first) {
    if ((sort_first & 0xFF) != 0) {
        fn::kSortFreeList(self);
    }
    const std::uint32_t address = self->arena + page * game::kPoolPageSize;
    if (PoolLink* const first = first_of_page(self, address)) {
        self->free_blocks -= cut_run(self, first, address);
    }
    fn::kDecommitPage(self, address);
    page_live(self)[page] = kUncommitted;
    --self->committed_pages;
}

// Engine contract B.3: sorts once, and only when there is an empty page. The image's code has taken the lock.
void eng_00AA6F90(MemoryPool* self) {
    bool sorted = false;
    for (std::uint32_t i = 0; i < self->page_count; ++i) {
        if (page_live(self)[i] != 0) {
            continue;
        }
        if (!sorted) {
            fn::kSortFreeList(self);
            sorted = true;
        }
        fn::kPoolDropPage(self, i, 0);
    }
    release_inline(self->lock);
}

// Engine contract B.3: all pools, under one critical section.
void eng_00AA7030() {
    CriticalSection32& lock = purge_lock();
    sys::enter(lock);
    for (std::uint32_t i = 0; i < game::kArenaSlots; ++i) {
        if (pool_by_size()[i] != 0) {
            fn::kPurgeEmptyPages(at<MemoryPool>(pool_by_size()[i]));
        }
    }
    sys::leave(lock);
}

}  // extern "C"
