// The second half of a transaction: changes code of the running process while nobody executes it.
#pragma once

#include <span>

#include "patch/hooks.h"
#include "patch/outcome.h"

namespace mp::patch {

// All of it: one thread at a time.

/// Which way the planned hooks of a list go: what is written takes the former bytes' place, or the other way round.
enum class Direction : std::uint8_t { in, out };

/// Takes down how the pages of the planned hooks are protected. Before anything else.
void look_before(std::span<const Hook> hooks) noexcept;

/// Writes all planned hooks, in their order or, out, backwards; or none of them. What was written stands, or stands no
/// more. Suspends all other threads, waits until none of them stands inside the bytes, and checks once more that the
/// bytes from before are there (Failure::foreign_change). Pages are read-write meanwhile and get their former
/// protection back; when one cannot be made so, nothing has been written yet.
Error write_code(std::span<Hook> hooks, Direction direction) noexcept;

/// After a failure: compares all bytes and protections with those from before, and marks which hooks stand.
Aftermath look_after(std::span<Hook> hooks, Direction direction) noexcept;

/// See mend_pages.
std::size_t mend(std::span<ChangedPage> out) noexcept;

}  // namespace mp::patch
