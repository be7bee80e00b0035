// MemoryManager: the game's allocate, free, reallocate and size, and their routing.
#include "engine.h"

using mp::game::MemoryManager;
using mp::game::MemoryPool;
using namespace mp::standin;
namespace game = mp::game;

namespace {

/// Sizes below this look at the pool table (engine contract B.2).
constexpr std::uint32_t kPoolSizeLimit = 0x3FD;
constexpr std::uint32_t kOneFallbackLimit = 300;
constexpr std::uint32_t kTwoFallbacksLimit = 512;
constexpr std::uint32_t kLargestFallback = 576;

constexpr std::uint32_t round_up(std::uint32_t size, std::uint32_t step) {
    return (size + step - 1) & ~(step - 1);
}

MemoryPool* pool_of_size(std::uint32_t size) {
    return at<MemoryPool>(pool_by_size()[size / 4]);
}

bool is_running(const MemoryManager* self) {
    return self->initialised != 0 && self->heap_by_context[context::kDefault] != 0;
}

/// A block of the pool for n bytes, or null when there is none or it is full.
void* allocate_from_pool(const MemoryManager* self, std::uint32_t n, std::uint32_t size) {
    if (self->pools_allowed == 0 || n >= kPoolSizeLimit) {
        return nullptr;
    }
    MemoryPool* pool = pool_of_size(n);
    if (pool == nullptr) {
        pool = fn::kFallbackPool(n);
    }
    return pool != nullptr ? fn::kPoolAllocate(pool, size) : nullptr;
}

void* allocate_from(void* heap, std::uint32_t n) {
    return call_virtual<void*>(heap, slot::kAllocate, n, std::uint32_t{0});
}

/// The call of the memory-problem handler, and what lives across it.
constexpr std::uint32_t kHandleCall = 1;
enum Kept : std::uint8_t { kStage, kSystemAllowed };

/// The heap of the thread's context, then the Default heap; without a block, one stage of the memory-problem handler is
/// to run, and then the C runtime is tried.
std::uint32_t allocate_from_heaps(Step* step, MemoryManager* self, std::uint32_t n) {
    void* const fallback = at<void>(self->heap_by_context[context::kDefault]);
    void* const own = at<void>(self->heap_by_context[thread_context()]);
    void* const heap = own != nullptr ? own : fallback;
    void* block = allocate_from(heap, n);
    if (block == nullptr && heap != fallback) {
        block = allocate_from(fallback, n);
    }
    if (block != nullptr) {
        return step->finish(block);
    }
    step->kept[kSystemAllowed] = 0;
    return step->call(kHandleCall, self, heap, step->kept[kStage], &step->kept[kSystemAllowed]);
}

/// The pool whose arena holds the block, or null.
MemoryPool* pool_of(const void* block) {
    auto* const pool = at<MemoryPool>(pool_by_address()[addr_of(block) / game::kArenaAlignment]);
    const bool inside =
        pool != nullptr && addr_of(block) >= pool->arena && addr_of(block) - pool->arena < pool->arena_bytes;
    return inside ? pool : nullptr;
}

/// The first of `count` heaps that contains the block, or null.
void* find_heap(game::Ptr32 heaps, std::uint32_t heap_count, const void* block) {
    for (std::uint32_t i = 0; i < heap_count; ++i) {
        void* const heap = at<void>(at<const game::Ptr32>(heaps)[i]);
        if ((call_virtual<std::uint32_t>(heap, slot::kContains, block) & 0xFF) != 0) {
            return heap;
        }
    }
    return nullptr;
}

/// Both reallocate entries: always moves, a block of unknown size belongs to the C runtime.
void* reallocate(MemoryManager* self, void* block, std::uint32_t size) {
    mark_entered(Entry::reallocate);
    const auto old_size = fn::kSize(self, block);
    if (old_size == 0) {
        return fn::kCrtRealloc(block, size);
    }
    void* const moved = fn::kAllocate(self, size);
    std::memcpy(moved, block, old_size < size ? old_size : size);
    fn::kFree(self, block);
    return moved;
}

}  // namespace

extern "C" {

// Engine contract B.2: never NULL.
std::uint32_t eng_00AA3E40(Step* step, MemoryManager* self, std::uint32_t size) {
    const std::uint32_t n = size <= game::kSmallestBlock ? game::kSmallestBlock : round_up(size, 4);
    if (step->number == kHandleCall) {
        step->kept[kStage] = step->result;
        void* const block = (step->kept[kSystemAllowed] & 0xFF) != 0 ? fn::kCrtMalloc(n) : nullptr;
        return block != nullptr ? step->finish(block) : allocate_from_heaps(step, self, n);
    }
    mark_entered(Entry::allocate);
    if (!is_running(self)) {
        return step->finish(fn::kCrtMalloc(size));
    }
    if (void* const block = allocate_from_pool(self, n, size)) {
        return step->finish(block);
    }
    step->kept[kStage] = 0;
    return allocate_from_heaps(step, self, n);
}

// Engine contract B.2.
void eng_00AA4060(MemoryManager* self, void* block) {
    mark_entered(Entry::free);
    if (block == nullptr) {
        return;
    }
    if (!is_running(self)) {
        return fn::kCrtFree(block);
    }
    if (MemoryPool* const pool = pool_of(block)) {
        return fn::kPoolFree(pool, block);
    }
    if (void* const heap = fn::kHeapOf(self, block)) {
        return call_virtual<void>(heap, slot::kFree, block, std::uint32_t{0});
    }
    fn::kCrtFree(block);
}

// Engine contract B.2.
void* eng_00AA4150(MemoryManager* self, void* block, std::uint32_t size) {
    return reallocate(self, block, size);
}
void* eng_00AA4200(MemoryManager* self, void* block, std::uint32_t size) {
    return reallocate(self, block, size);
}

// Engine contract B.2.
std::uint32_t eng_00AA44C0(MemoryManager* self, const void* block) {
    mark_entered(Entry::size);
    if (const MemoryPool* const pool = pool_of(block)) {
        return pool->block_size;
    }
    void* heap = fn::kHeapOf(self, block);
    if (heap == nullptr) {
        heap = fn::kPhysicalHeapOf(self, block);
    }
    return heap != nullptr ? call_virtual<std::uint32_t>(heap, slot::kSize, block, std::uint32_t{0})
                           : fn::kCrtMsize(block);
}

// Engine contract B.2: the first heap that says it contains the block.
void* eng_00AA45A0(MemoryManager* self, const void* block) {
    return find_heap(self->heaps, self->heap_count, block);
}
void* eng_00AA4610(MemoryManager* self, const void* block) {
    return find_heap(self->physical_heaps, self->physical_heap_count, block);
}

// Engine contract B.2: a size without a pool of its own.
MemoryPool* eng_00AA4960(std::uint32_t size) {
    if (size < kOneFallbackLimit) {
        return pool_of_size(round_up(size, 16));
    }
    if (size < kTwoFallbacksLimit) {
        MemoryPool* const pool = pool_of_size(round_up(size, 16));
        return pool != nullptr ? pool : pool_of_size(round_up(size, 32));
    }
    return size < kLargestFallback ? pool_of_size(kLargestFallback) : nullptr;
}

// The engine's operator new and delete (engine contract B.2).
void* eng_00401000(std::uint32_t size) {
    return fn::kAllocate(&manager(), size);
}
void eng_00401030(void* block) {
    fn::kFree(&manager(), block);
}

}  // extern "C"
