// The Static heap: a bump allocator that never reuses.
#include "engine.h"

using mp::game::StaticHeap;
using namespace mp::standin;

extern "C" {

// Engine contract B.7: 0 when full; the alignment is not looked at.
void* eng_00AA7530(StaticHeap* self, std::uint32_t size, std::uint32_t /*alignment*/) {
    mark_entered(Entry::static_allocate);
    const std::uint32_t bytes = (size + 3) & ~3U;
    acquire(self->lock, "ZeroOverheadHeap::Allocate");
    void* block = nullptr;
    if (bytes <= self->capacity - self->cursor) {
        block = at<void>(self->base + self->cursor);
        self->cursor += bytes;
        ++self->counter;
    }
    release_inline(self->lock);
    return block;
}

// Engine contract B.7.
std::uint32_t eng_00AA75F0(StaticHeap* self, void* block) {
    return addr_of(block) >= self->base && addr_of(block) < self->base + self->capacity ? 1 : 0;
}

// Engine contract B.7. A heap without headers cannot know the size: an upper bound that is stable and readable.
std::uint32_t eng_00AA7780(StaticHeap* self, void* block, std::uint32_t /*unused*/) {
    return self->base + self->capacity - addr_of(block);
}

}  // extern "C"
