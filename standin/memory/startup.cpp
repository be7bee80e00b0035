// Start of the memory system: constructor of the singleton, the three heaps.
#include <windows.h>

#include <array>
#include <cstdlib>

#include "engine.h"

using mp::game::MemoryHeap;
using mp::game::MemoryManager;
using mp::game::StaticHeap;
using namespace mp::standin;
namespace game = mp::game;

namespace {

constexpr std::uint64_t kSmallestPageFile = 512ULL << 20;
constexpr std::uint32_t kDefaultHeapCommit = 0x05500000;
constexpr std::uint32_t kFileHeapCommit = 0x00200000;
constexpr std::uint32_t kStaticHeapBytes = 0x183800;
constexpr std::uint16_t kHeapCount = 3;

/// A dword inside the code, at any alignment.
std::uint32_t immediate(game::Addr address) {
    std::uint32_t value = 0;
    std::memcpy(&value, at<const void>(address), sizeof value);
    return value;
}

MemoryHeap* create_heap(std::uint32_t reserve, std::uint32_t commit, const char* name) {
    return fn::kHeapConstruct(static_cast<MemoryHeap*>(fn::kOperatorNew(sizeof(MemoryHeap))), reserve, commit, name, 0);
}

StaticHeap* create_static_heap() {
    auto* const heap = static_cast<StaticHeap*>(fn::kOperatorNew(sizeof(StaticHeap)));
    *heap = {};
    heap->vtable = game::data::kStaticHeapVtable;
    heap->name = addr_of("Static Heap");
    heap->capacity = kStaticHeapBytes;
    heap->base = addr_of(fn::kCrtMalloc(kStaticHeapBytes));
    ++engine_counters.heaps_built;
    return heap;
}

void assign_contexts(MemoryManager* self, game::Ptr32 default_heap, game::Ptr32 static_heap, game::Ptr32 file_heap) {
    self->heap_by_context[context::kNone] = static_heap;
    self->heap_by_context[context::kPools] = static_heap;
    self->heap_by_context[context::kSettings] = static_heap;
    self->heap_by_context[context::kFileBuffers] = file_heap;
    self->heap_by_context[context::kDefault] = default_heap;
}

}  // namespace

extern "C" {

// First part of the constructor 0xAA3880 (engine contract B.1).
void eng_00AA3880(MemoryManager* self) {
    *self = {};
    self->special_heaps = 1;
    self->pools_allowed = 1;
}

// The rest of it, after the thread map was built (engine contract B.1).
MemoryManager* eng_00AA38E8(MemoryManager* self) {
    MEMORYSTATUSEX memory{};
    memory.dwLength = sizeof memory;
    sys::call_slot<int>(import_slot_of("GlobalMemoryStatusEx"), &memory);
    if (memory.ullTotalPageFile < kSmallestPageFile) {
        std::exit(0);
    }
    fn::kSetUp(self);
    fn::kSceneGraphBridge();
    fn::kCreateScrapManager();
    return self;
}

// Engine contract B.1.
void eng_00AA39C0(MemoryManager* self) {
    fn::kZeroPoolTables();
    fn::kCreateHeaps(self);
    self->initialised = 1;
    fn::kCreatePools(self);
    thread_context() = context::kNone;
}

// Engine contract B.5: the reserves are operands of the code, where xNVSE writes its settings.
void eng_00866E00(MemoryManager* self) {
    auto* const default_heap =
        create_heap(immediate(game::data::kDefaultHeapReserve), kDefaultHeapCommit, "Default Heap");
    StaticHeap* const static_heap = create_static_heap();
    auto* const file_heap = create_heap(immediate(game::data::kFileHeapReserve), kFileHeapCommit, "File Heap");
    auto* const heaps = static_cast<game::Ptr32*>(fn::kOperatorNew(kHeapCount * sizeof(game::Ptr32)));
    heaps[0] = addr_of(default_heap);
    heaps[1] = addr_of(static_heap);
    heaps[2] = addr_of(file_heap);
    self->heaps = addr_of(heaps);
    self->heap_count = kHeapCount;
    assign_contexts(self, heaps[0], heaps[1], heaps[2]);
}

// The scene-graph library's allocator object (engine contract B.1); its class is not part of the memory system, so only
// the order of the start is kept.
void eng_00866690() {}

}  // extern "C"
