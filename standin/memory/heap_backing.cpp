// Backing of a MemoryHeap: reservation, committed tail, interior decommit.
#include "engine.h"

using mp::game::HeapBlock;
using mp::game::MemoryHeap;
using namespace mp::standin;
namespace game = mp::game;

extern "C" {

// Engine contract A.11.
void* eng_00AA79A0(MemoryHeap* /*self*/, std::uint32_t reserve, std::uint32_t commit) {
    void* const base = sys::virtual_alloc(nullptr, reserve, sys::kReserve);
    if (base == nullptr) {
        return nullptr;
    }
    if (sys::virtual_alloc(base, commit, sys::kCommit) == nullptr) {
        sys::virtual_free(base, 0, sys::kRelease);
        return nullptr;
    }
    return base;
}

// Engine contract A.12.
void eng_00AA7A30(MemoryHeap* /*self*/, void* base) {
    sys::virtual_free(base, 0, sys::kRelease);
}

// Engine contract A.13: always at least one whole extra step.
std::uint32_t eng_00AA7A50(MemoryHeap* self, void* base, std::uint32_t committed, std::uint32_t wanted) {
    count(engine_counters.heap_tail_commits);
    const std::uint32_t step = self->granularity;
    const std::uint32_t bytes = (wanted + step) & ~(step - 1);
    return sys::virtual_alloc(byte_at(base, committed), bytes, sys::kCommit) != nullptr ? bytes : 0;
}

// Engine contract A.14.
std::uint32_t eng_00AA7AB0(MemoryHeap* self, void* base, std::uint32_t committed, std::uint32_t drop) {
    const std::uint32_t step = self->granularity;
    const std::uint32_t bytes = drop & ~(step - 1);
    if (bytes < step) {
        return 0;
    }
    count(engine_counters.heap_tail_decommits);
    return sys::virtual_free(byte_at(base, committed - bytes), bytes, sys::kDecommit) == 1 ? bytes : 0;
}

// Engine contract A.15: no caller in the game.
void eng_00AA7D60(MemoryHeap* self, HeapBlock* block) {
    const std::uint32_t step = self->granularity;
    const std::uint32_t size = block->size_and_flags & HeapBlock::kSizeMask;
    if (size < step) {
        return;
    }
    const std::uint32_t user = addr_of(block) + game::kHeapHeaderSize;
    const std::uint32_t start = (user + step - 1) & ~(step - 1);
    const std::uint32_t bytes = (size - (start - user)) & ~(step - 1);
    if (bytes >= step) {
        sys::virtual_free(at<void>(start), bytes, sys::kDecommit);
        block->size_and_flags |= HeapBlock::kDecommitted;
    }
}

}  // extern "C"
