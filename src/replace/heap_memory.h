// Memory of the game's general heaps that they do not use once their blocks are ours, taken for the allocator.
#pragma once

#include <cstdint>

#include "game/layouts.h"
#include "patch/hooks.h"

namespace mp::replace {

/// What was taken of the heaps, bytes.
struct HeapMemory {
    std::uint32_t reserved = 0;
    std::uint32_t committed = 0;  ///< of those
};

/// Takes what every MemoryHeap that the manager knows has reserved and not handed out: a block of its committed rest,
/// from its own allocation, and the address space behind it, which it will not be able to commit any more. Unless
/// the groups heap blocks, heap tail and heap backing stand, and for a heap that looks otherwise than the contract says
/// (B.5), nothing happens. Once, by the main thread, when the heaps have been built; no lock of ours held.
HeapMemory take_heap_memory(const patch::Hooks& hooks) noexcept;

/// Whether memory of the heap with this base was taken: its backing then stays as it is. Any thread.
bool is_taken(game::Addr base) noexcept;
/// Of the heap's own figures: bytes that it counts as used and the allocator as its own. Any thread.
std::uint32_t taken_of(const game::MemoryHeap& heap) noexcept;
/// Whether anything was taken. Any thread.
bool has_heap_memory() noexcept;

/// A block of the game's own heap, by the function that we replaced; nullptr when it refuses or is not replaced. The
/// heap's section may be held. (heap_blocks.cpp)
void* allocate_from_original(game::MemoryHeap& heap, std::uint32_t bytes) noexcept;

}  // namespace mp::replace
