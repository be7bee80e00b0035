// The memory system's function bodies, as the image calls them: cdecl, the object first, then the stack arguments in
// their order. bodies.inc says for every function how the engine calls it. A body calls other functions of the engine
// only through their addresses, so that a hook takes effect, and the operating system only through the import slots
// that the game uses for memory.
#pragma once

#include <cstdint>

#include "game/layouts.h"
#include "io_threads.h"
#include "step.h"

namespace mp::standin {

/// The singleton's map from thread id to scrap heap (engine contract B.1, B.8).
struct ThreadHeapMap {
    game::Ptr32 vtable;
    std::uint32_t bucket_count;
    game::Ptr32 buckets;  ///< ThreadHeapNode*[bucket_count]
    std::uint32_t count;
};
static_assert(sizeof(ThreadHeapMap) == 0x10);

struct ThreadHeapNode {
    game::Ptr32 next;
    std::uint32_t thread;
    game::Ptr32 heap;
};

/// Links of a free pool block, inside the block (B.3).
struct PoolLink {
    game::Ptr32 previous;  ///< 0 for the head
    game::Ptr32 next;
};

}  // namespace mp::standin

extern "C" {

// Front doors, text, spin lock.
void* eng_00401000(std::uint32_t size);
void eng_00401030(void* block);
int eng_00406D00(char* buffer, std::uint32_t capacity, const char* format, ...);
void eng_0040FBA0(mp::game::SpinLock* self);
void eng_0040FBF0(mp::game::SpinLock* self, const char* label);

// Start-up and the memory-problem handler.
void eng_00866690();
void eng_00866770(mp::game::MemoryManager* self);
std::int32_t eng_00866A90(mp::game::MemoryManager* self, void* heap, std::int32_t stage, std::uint8_t* allow_system);
mp::game::ScrapHeapManager* eng_00866D10();
std::uint32_t eng_00867100(mp::standin::IoThread* self);
void eng_00867120(mp::standin::IoThread* self);
void eng_00867140(mp::standin::IoThread* self);
void eng_00866E00(mp::game::MemoryManager* self);
void eng_00AA3880(mp::game::MemoryManager* self);
mp::game::MemoryManager* eng_00AA38E8(mp::game::MemoryManager* self);
void eng_00AA39C0(mp::game::MemoryManager* self);
void eng_00AA3CC0(mp::game::MemoryManager* self, std::uint32_t block_size, std::uint32_t arena_bytes, const char* name);

// MemoryManager.
std::uint32_t eng_00AA3E40(mp::standin::Step* step, mp::game::MemoryManager* self, std::uint32_t size);
void* eng_00AA4030(mp::game::MemoryManager* self, std::uint32_t size, std::uint32_t unused1, std::uint32_t unused2,
                   std::uint32_t unused3);
void eng_00AA4060(mp::game::MemoryManager* self, void* block);
void* eng_00AA4150(mp::game::MemoryManager* self, void* block, std::uint32_t size);
void* eng_00AA4200(mp::game::MemoryManager* self, void* block, std::uint32_t size);
mp::game::ScrapHeap* eng_00AA42E0(mp::game::MemoryManager* self);
std::uint32_t eng_00AA44C0(mp::game::MemoryManager* self, void* block);
void* eng_00AA45A0(mp::game::MemoryManager* self, void* block);
void* eng_00AA4610(mp::game::MemoryManager* self, void* block);
mp::standin::ThreadHeapMap* eng_00AA47E0(mp::standin::ThreadHeapMap* self, std::uint32_t bucket_count);
mp::game::MemoryPool* eng_00AA4960(std::uint32_t size);

// Scrap heaps and their buffers.
mp::game::ScrapHeap* eng_00AA5410(mp::game::ScrapHeap* self, std::uint32_t size);
void eng_00AA5460(mp::game::ScrapHeap* self);
std::uint32_t eng_00AA54A0(mp::standin::Step* step, mp::game::ScrapHeap* self, std::uint32_t size,
                           std::uint32_t alignment);
std::uint32_t eng_00AA5610(mp::standin::Step* step, mp::game::ScrapHeap* self, void* block);
std::uint32_t eng_00AA5710(mp::game::ScrapHeap* self, void* block);
mp::game::ScrapHeapManager* eng_00AA5860(mp::game::ScrapHeapManager* self);
void eng_00AA58D0();
std::uint32_t eng_00AA59B0(mp::standin::Step* step, mp::game::ScrapHeapManager* self, std::uint32_t* size);
std::uint32_t eng_00AA5B70(mp::standin::Step* step, mp::game::ScrapHeapManager* self, void* buffer, std::uint32_t size);
std::uint32_t eng_00AA5C80(mp::standin::Step* step, mp::game::ScrapHeapManager* self);
std::uint32_t eng_00AA5D40(mp::standin::Step* step, mp::game::ScrapHeapManager* self, std::uint32_t bytes);
void eng_00AA5F50(mp::game::ScrapHeapManager* self, std::uint32_t index);

// Pools.
std::uint32_t eng_00AA66A0(mp::standin::Step* step, mp::game::MemoryPool* self, std::uint32_t block_size,
                           std::uint32_t arena_bytes, const char* name);
void eng_00AA6800(mp::game::MemoryPool* self);
void eng_00AA68A0();
std::uint32_t eng_00AA6AA0(mp::standin::Step* step, mp::game::MemoryPool* self, std::uint32_t size);
void eng_00AA6C70(mp::game::MemoryPool* self, void* block);
std::int32_t eng_00AA6DB0(mp::game::MemoryPool* self);
void eng_00AA6E00(mp::game::MemoryPool* self, mp::standin::PoolLink* block);
void eng_00AA6E60(mp::game::MemoryPool* self, mp::standin::PoolLink* block);
void eng_00AA6EB0(mp::game::MemoryPool* self, std::uint32_t page, std::uint32_t sort_first);
void eng_00AA6F90(mp::game::MemoryPool* self);
void eng_00AA7030();
mp::standin::PoolLink* eng_00AA70C0(mp::standin::PoolLink* head);
void eng_00AA7260(mp::game::MemoryPool* self);
void eng_00AA7290(std::uint32_t index);
void eng_00AA7300(mp::game::MemoryPool* self);

// Static heap.
void* eng_00AA7530(mp::game::StaticHeap* self, std::uint32_t size, std::uint32_t alignment);
std::uint32_t eng_00AA75F0(mp::game::StaticHeap* self, void* block);
std::uint32_t eng_00AA7780(mp::game::StaticHeap* self, void* block, std::uint32_t unused);
std::uint32_t eng_00AA77B0(mp::game::StaticHeap* self, void* block);

// MemoryHeap.
mp::game::MemoryHeap* eng_00AA78A0(mp::game::MemoryHeap* self, std::uint32_t reserve, std::uint32_t commit,
                                   const char* name, std::uint32_t mode);
void eng_00AA7930(mp::game::MemoryHeap* self);
std::uint32_t eng_00AA7C00(mp::game::MemoryHeap* self, void* block);
void eng_00AA7C60(mp::game::MemoryHeap* self, mp::game::HeapStatistics* out, std::uint32_t walk);
void eng_00AA7CA0(mp::game::MemoryHeap* self, void* stream);
void eng_00AA7D00(mp::game::MemoryHeap* self, void* stream, std::uint32_t unused);
mp::game::MemoryHeap* eng_00AA7E20(mp::game::MemoryHeap* self, std::uint32_t flags);
const char* eng_00AA7E50(mp::game::MemoryHeap* self);
std::uint32_t eng_00AA7E70(mp::game::MemoryHeap* self, void* address);
void eng_00AA8CA0(mp::game::MemoryHeap* self, std::uint32_t reserve, std::uint32_t commit, const char* name,
                  std::uint32_t granularity);
void eng_00AA8DA0(mp::game::MemoryHeap* self);
std::uint32_t eng_00AA8EA0(mp::standin::Step* step, mp::game::MemoryHeap* self);
std::uint32_t eng_00AA8F50(mp::standin::Step* step, mp::game::MemoryHeap* self, std::uint32_t size);
void eng_00AA98F0(mp::game::MemoryHeap* self, void* block);
std::uint32_t eng_00AA9A70(mp::standin::Step* step, mp::game::MemoryHeap* self);
void eng_00AA9BD0(mp::game::MemoryHeap* self, mp::game::HeapBlock* block);
void eng_00AA9CA0(mp::game::MemoryHeap* self, mp::game::HeapBlock* block);
void eng_00AA9D10(mp::game::MemoryHeap* self);
void eng_00AA9D30(mp::game::MemoryHeap* self, mp::game::HeapBlock* block);
void eng_00AA9E50(mp::game::MemoryHeap* self, mp::game::HeapBlock* block);
void eng_00AA9FB0(mp::game::MemoryHeap* self);
void eng_00AAA0E0(mp::game::MemoryHeap* self, mp::game::HeapStatistics* out, std::uint32_t walk);
std::uint32_t eng_00B02710(mp::game::MemoryHeap* self);

}  // extern "C"
