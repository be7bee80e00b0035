// Scrap heaps: stack allocators, one a thread and some shared ones.
#include "engine.h"

using mp::game::MemoryManager;
using mp::game::ScrapBlock;
using mp::game::ScrapHeap;
using namespace mp::standin;
namespace game = mp::game;

namespace {

constexpr std::uint32_t kFirstCommit = 0x10000;

std::uint32_t size_of(const ScrapBlock* block) {
    return block->size_and_freed & ~ScrapBlock::kFreed;
}
bool is_freed(const ScrapBlock* block) {
    return (block->size_and_freed & ScrapBlock::kFreed) != 0;
}

/// What to add to the committed part, by doubling, so that it holds `past_end` more bytes (B.8).
std::uint32_t growth(const ScrapHeap* self, std::uint32_t past_end) {
    const std::uint32_t total = self->end - self->base;
    std::uint32_t add = total;
    std::uint32_t doubled = total * 2;
    while (add < past_end) {
        doubled *= 2;
        add = doubled - total;
    }
    return add;
}

/// Puts a block of `size` bytes at `user`, or answers 0 when the committed part is too small for it.
std::uint32_t place(Step* step, ScrapHeap* self, std::uint32_t user, std::uint32_t size) {
    if (user + size >= self->end) {
        return step->finish();
    }
    const std::uint32_t header = user - std::uint32_t{sizeof(ScrapBlock)};
    *at<ScrapBlock>(header) = {size, self->last};
    self->last = header;
    self->cursor = user + size;
    return step->finish(user);
}

/// Forgets freed blocks on top of the stack and sets the cursor behind the last live one.
void drop_freed(ScrapHeap* self) {
    const ScrapBlock* last = at<const ScrapBlock>(self->last);
    while (last != nullptr && is_freed(last)) {
        self->last = last->previous;
        last = at<const ScrapBlock>(self->last);
    }
    self->cursor = last == nullptr ? self->base : self->last + std::uint32_t{sizeof(ScrapBlock)} + size_of(last);
}

/// The one call that the bodies of this file ask for: of 0xAA5E30 and of 0xAA5E90.
constexpr std::uint32_t kBufferCall = 1;

ThreadHeapMap& thread_map(MemoryManager* self) {
    return *at<ThreadHeapMap>(addr_of(self->thread_heap_map));
}

game::Ptr32& bucket(ThreadHeapMap& map, std::uint32_t thread) {
    return at<game::Ptr32>(map.buckets)[thread % map.bucket_count];
}

ScrapHeap* find(ThreadHeapMap& map, std::uint32_t thread) {
    for (game::Ptr32 node = bucket(map, thread); node != 0; node = at<ThreadHeapNode>(node)->next) {
        if (at<ThreadHeapNode>(node)->thread == thread) {
            return at<ScrapHeap>(at<ThreadHeapNode>(node)->heap);
        }
    }
    return nullptr;
}

/// Not locked, like the map itself: two threads that insert at once may lose an entry.
void insert(ThreadHeapMap& map, std::uint32_t thread, ScrapHeap* heap) {
    auto* const node = static_cast<ThreadHeapNode*>(fn::kOperatorNew(sizeof(ThreadHeapNode)));
    game::Ptr32& first = bucket(map, thread);
    *node = {first, thread, addr_of(heap)};
    first = addr_of(node);
    ++map.count;
}

}  // namespace

extern "C" {

// Engine contract B.8: rounds up to 64 KB.
ScrapHeap* eng_00AA5410(ScrapHeap* self, std::uint32_t size) {
    const std::uint32_t rounded = (size & 0xFFFF) != 0 ? (size & 0xFFFF0000) + kFirstCommit : size;
    fn::kScrapConstruct(self, rounded);
    return self;
}

// Engine contract B.8: the end is left as it was.
void eng_00AA5460(ScrapHeap* self) {
    fn::kReleaseBuffer(fn::kScrapManager(), self->base, self->end - self->base);
    self->base = 0;
    self->cursor = 0;
}

// Engine contract B.8.
std::uint32_t eng_00AA54A0(Step* step, ScrapHeap* self, std::uint32_t size, std::uint32_t alignment) {
    std::uint32_t& user = step->kept[0];
    std::uint32_t& add = step->kept[1];
    if (step->number == kBufferCall) {
        self->end += add;
        return place(step, self, user, size);
    }
    mark_entered(Entry::scrap_allocate);
    user = self->cursor + std::uint32_t{sizeof(ScrapBlock)};
    if (alignment > 1 && (user & (alignment - 1)) != 0) {
        user += alignment - (user & (alignment - 1));
    }
    const std::uint32_t total = self->end - self->base;
    if (user + size >= self->end && total < game::kScrapReserve) {
        add = growth(self, user + size - self->end);
        return step->call(kBufferCall, fn::kScrapManager(), self->base, total, add);
    }
    return place(step, self, user, size);
}

// Engine contract B.8: halves the committed part once when less than half of it is in use.
std::uint32_t eng_00AA5610(Step* step, ScrapHeap* self, void* block) {
    const std::uint32_t total = self->end - self->base;
    if (step->number == kBufferCall) {
        self->end -= total / 2;
        return step->finish();
    }
    mark_entered(Entry::scrap_free);
    if (block == nullptr) {
        return step->finish();
    }
    auto* const header = at<ScrapBlock>(addr_of(block) - std::uint32_t{sizeof(ScrapBlock)});
    if (is_freed(header)) {
        return step->finish();
    }
    header->size_and_freed |= ScrapBlock::kFreed;
    drop_freed(self);
    if (total > kFirstCommit && self->end - self->cursor > total / 2) {
        return step->call(kBufferCall, fn::kScrapManager(), self->base, total, total / 2);
    }
    return step->finish();
}

// Engine contract B.8.
std::uint32_t eng_00AA5710(ScrapHeap* /*self*/, void* block) {
    return size_of(at<const ScrapBlock>(addr_of(block) - std::uint32_t{sizeof(ScrapBlock)}));
}

// Engine contract B.1: the map's buckets; the vtable is set by the code that builds the map.
ThreadHeapMap* eng_00AA47E0(ThreadHeapMap* self, std::uint32_t bucket_count) {
    self->bucket_count = bucket_count;
    self->count = 0;
    const std::uint32_t bytes = bucket_count * std::uint32_t{sizeof(game::Ptr32)};
    void* const buckets = fn::kOperatorNew(bytes);
    std::memset(buckets, 0, bytes);
    self->buckets = addr_of(buckets);
    return self;
}

// Engine contract B.8: the map is not locked.
ScrapHeap* eng_00AA42E0(MemoryManager* self) {
    mark_entered(Entry::thread_scrap_heap);
    const std::uint32_t thread = sys::current_thread();
    ThreadHeapMap& map = thread_map(self);
    if (ScrapHeap* const known = find(map, thread)) {
        return known;
    }
    auto* const heap = fn::kScrapInit(static_cast<ScrapHeap*>(fn::kAllocate(self, sizeof(ScrapHeap))));
    insert(map, thread, heap);
    count(engine_counters.thread_scrap_heaps_built);
    return heap;
}

}  // extern "C"
