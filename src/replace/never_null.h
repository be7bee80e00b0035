// Allocation for callers that never look at NULL: the game's own allocate writes through its result at once.
#pragma once

#include <cstddef>

namespace mp::replace {

/// A block of at least `size` bytes, or none. Our caches are given back and asked again before it gives up. Cold.
void* allocate_after_refusal(std::size_t size) noexcept;

/// No stretch of a 32-bit process's address space can hold a larger block, however long one waits: the original waits
/// for ever.
inline constexpr std::size_t kLargestServable = 0x7FF00000;

/// A block of at least `size` bytes, whatever it takes: our caches first, then the game's out-of-memory stages one at a
/// time with an attempt after each (engine contract B.2, B.10). nullptr only above kLargestServable. Cold; no lock of
/// ours may be held.
void* allocate_or_run_protocol(std::size_t size) noexcept;

}  // namespace mp::replace
