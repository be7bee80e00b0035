// Allocation for callers that never look at NULL: they write through its result at once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::replace {

/// No stretch of a 32-bit process's address space can hold a larger block, however long one waits: the original waits
/// for ever.
inline constexpr std::size_t kLargestServable = 0x7FF00000;

/// A block of at least `size` bytes after the allocator has refused it, whatever it takes: the game's out-of-memory
/// stages one at a time with an attempt after each (engine contract B.2, B.10). Inside a stage, where none may be
/// started, the reserve is asked and then the C runtime's own heap: such a block is not ours (mp_knows), and the game's
/// free knows whose it is. nullptr only above kLargestServable. Cold; no lock of ours may be held.
void* allocate_or_run_protocol(std::size_t size) noexcept;

/// A block from the reserve when the system refuses; nullptr when it has none left.
void* allocate_from_reserve(std::size_t size) noexcept;

/// As allocate_or_run_protocol, with an alignment (a power of two of at most 64 KB) for scrap heaps: the reserve first,
/// then the stages.
void* allocate_from_reserve_or_run_protocol(std::size_t alignment, std::size_t size) noexcept;

/// A block of the C runtime's own heap, which is not asked before it exists: then, and when it refuses, nullptr.
/// crt_heap.cpp.
void* allocate_from_runtime(std::uint32_t size) noexcept;

}  // namespace mp::replace
