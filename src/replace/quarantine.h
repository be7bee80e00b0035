// Delayed reuse. The game reads objects after it freed them (engine contract, part D, 1); a freed block that waits here
// keeps every byte until as many later frees of the same thread have pushed it out.
#pragma once

#include <cstdint>

namespace mp::replace {

/// Longest queue a thread can have, in blocks.
inline constexpr std::uint32_t kLongestQuarantine = 4096;
/// Blocks above this many bytes are not delayed: they would hold too much memory, and stale readers read objects.
inline constexpr std::uint32_t kLargestQuarantined = 1024;

/// Sets the length for all threads, 0 = off; before the first use or at any later time. A thread's queue changes its
/// length with its next free.
void set_quarantine_length(std::uint32_t blocks) noexcept;
std::uint32_t quarantine_length() noexcept;

/// Takes a live block of ours and returns the one to free now: the block itself when it is not delayed, an older one,
/// or nullptr while the queue fills. The caller frees what comes back.
void* quarantine(void* block) noexcept;

/// Frees everything the calling thread holds back; call when a thread ends.
void release_thread_quarantine() noexcept;

}  // namespace mp::replace
