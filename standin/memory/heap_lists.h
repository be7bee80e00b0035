// Arithmetic of a MemoryHeap's blocks and lists (engine contract B.5).
#pragma once

#include "engine.h"

namespace mp::standin {

inline constexpr std::uint32_t kLargestBinned = 4096;  ///< larger payloads share one list
inline constexpr std::uint32_t kBinsPerGroup = game::kHeapBins / game::kHeapBinGroups;

inline std::uint32_t payload(const game::HeapBlock* block) {
    return block->size_and_flags & game::HeapBlock::kSizeMask;
}
inline bool is_free(const game::HeapBlock* block) {
    return (block->size_and_flags & game::HeapBlock::kFree) != 0;
}

inline std::uint32_t bin_index(std::uint32_t size) {
    return size / 4 - 1;
}
inline std::uint32_t group_of(std::uint32_t size) {
    return bin_index(size) / kBinsPerGroup;
}

inline game::HeapBin& list_of(game::MemoryHeap* heap, std::uint32_t size) {
    return size <= kLargestBinned ? heap->bins[bin_index(size)] : heap->large;
}

/// The block behind `block` in memory, or null for the last one.
inline game::HeapBlock* next_block(const game::MemoryHeap* heap, const game::HeapBlock* block) {
    return addr_of(block) == heap->last_block
               ? nullptr
               : at<game::HeapBlock>(addr_of(block) + game::kHeapHeaderSize + payload(block));
}

inline game::HeapBlock* block_of(const void* user) {
    return at<game::HeapBlock>(addr_of(user) - game::kHeapHeaderSize);
}

}  // namespace mp::standin
