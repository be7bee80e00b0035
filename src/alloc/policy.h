// What the allocator takes ahead, keeps and gives back: every number that decides it, in granules of 64 KB where no
// other unit is named. docs/giving-back.md has the reason and the measurement of each. Pure arithmetic, any thread.
#pragma once

#include "alloc/ownership.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace mp::alloc::policy {

constexpr std::size_t megabytes(std::size_t count) noexcept {
    return (count << 20) / MP_GRANULE_SIZE;
}

// --- address space ---------------------------------------------------------------------------------------------------

/// What is reserved at once. A longer free run is given back as it is freed, a shorter one by its age or where memory
/// is refused; the system gets back a quarter of it in one call; free address space is measured after each four.
inline constexpr std::size_t kReservation = megabytes(16);
/// So many attempts at a reservation before a request is refused, each for an eighth less, since halves would leave up
/// to half of a hole to nobody; the last one is for what is needed and no more. What was refused is not tried again by
/// the next request, so that the search goes on where it stopped. Served ones grow by an eighth again.
inline constexpr std::size_t kAttempts = 8;

/// Of what stays for good, so that it keeps no reservation of the usual size from going back.
inline constexpr std::size_t kReservationForGood = kReservation / 16;

constexpr std::size_t eighth(std::size_t reservation) noexcept {
    return (reservation + kAttempts - 1) / kAttempts;
}

// --- taken ahead -----------------------------------------------------------------------------------------------------

/// What a shorter run is committed together with, and what the pages take from the arena at once; as much may be empty
/// there before a run of that length goes back.
inline constexpr std::size_t kStep = megabytes(1);

/// The reserve: committed while there is room, for what must not fail when there is none.
inline constexpr std::size_t kReserve = megabytes(2);

// --- kept whole ------------------------------------------------------------------------------------------------------

/// Runs that were freed a moment ago stay whole for the next request of exactly their length: so many bytes of each
/// length, but at least two runs and at most eight; of pages, and of granules, none longer than this. A longer one of
/// pages is cut for a request that no free pages serve. All of them become free pages and free granules again with each
/// pass of giving back, and before more is taken from below.
inline constexpr std::size_t kKeptOfALength = std::size_t{512} << 10;
inline constexpr std::size_t kLeastRuns = 2;
inline constexpr std::size_t kMostRuns = 8;
inline constexpr std::size_t kLongestKeptPages = (std::size_t{256} << 10) / 4096;
inline constexpr std::size_t kLongestKept = megabytes(1);

// --- kept free -------------------------------------------------------------------------------------------------------

/// Free memory that stays committed however long it has been free: a quarter of what is in use, between these two.
inline constexpr std::size_t kLeastKept = megabytes(48);
inline constexpr std::size_t kMostKept = megabytes(160);
/// With so much address space free, in bytes, it is scarce: next to nothing is kept. Above it a quarter of the room is
/// the most that is kept. Room counts no more than eight times the largest hole.
inline constexpr std::uint64_t kScarceSpace = std::uint64_t{128} << 20;
inline constexpr std::uint64_t kHoles = 8;
inline constexpr std::size_t kKeptWhenScarce = kReservation / 4;

/// `total` and `largest`: bytes of free address space, and of its largest hole.
constexpr std::size_t most_kept(std::uint64_t total, std::uint64_t largest) noexcept {
    const std::uint64_t room = std::max(std::min(total, largest * kHoles), kScarceSpace) - kScarceSpace;
    const auto quarter = static_cast<std::size_t>(std::min<std::uint64_t>(room / 4 / MP_GRANULE_SIZE, kMostKept));
    return std::max(quarter, kKeptWhenScarce);
}

constexpr std::size_t kept(std::size_t used, std::size_t most) noexcept {
    return std::min(std::max(used / 4, kLeastKept), most);
}

/// Longest time that memory can be kept before it is given back by its age.
inline constexpr std::uint32_t kLongestDelayMs = 3'600'000;

}  // namespace mp::alloc::policy
