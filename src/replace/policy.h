// What the replacements let wait, take ahead and keep: every number that decides it, in bytes where no other unit is
// named. docs/giving-back.md has the reason and the measurement of each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "alloc/policy.h"
#include "os/os.h"

namespace mp::replace::policy {

// --- what waits ------------------------------------------------------------------------------------------------------

/// Largest quarantine that can be set, KB; a thread's queues are as long as the setting says, but for the sizes that
/// the game's pools served, which the original reuses at once: a sixteenth.
inline constexpr std::uint32_t kLargestQuarantine = 16384;
inline constexpr std::uint32_t kPoolShare = 16;
/// A queue has room for as many blocks as fit its budget when they have so many bytes on average.
inline constexpr std::uint32_t kBytesASlot = 32;

// --- taken ahead, for the game's own allocators ----------------------------------------------------------------------

/// The most that is committed at once for a pool, a heap's tail or a scrap buffer, in granules.
inline constexpr std::uint32_t kStep = alloc::policy::kStep;
/// Of a pool no more than a sixteenth of what it holds, but at least one granule: most pools stay small.
inline constexpr std::uint32_t kPoolGrowth = 16;

// --- kept ------------------------------------------------------------------------------------------------------------

/// Address space of freed scrap buffers that is kept for the next ones: four of the original's.
inline constexpr std::uint32_t kIdleScrap = 32U << 20;

// --- after a refusal -------------------------------------------------------------------------------------------------

/// So many operations long nothing is kept in pools, tails and scrap buffers: long enough for the game's whole clean-up
/// (a purge of every pool), short enough that it is kept again afterwards.
inline constexpr std::int32_t kScarceOperations = 4096;
/// A round of the game's stages is followed by so many attempts, one a millisecond, twice as many after each round.
inline constexpr std::uint32_t kFirstRound = 250;
inline constexpr std::uint32_t kLongestRound = 8000;
/// Of these attempts one in so many gives the allocator's caches back first.
inline constexpr std::uint32_t kFullAttempt = 64;

}  // namespace mp::replace::policy
