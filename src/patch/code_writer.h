// The second half of a transaction: changes code of the running process while nobody executes it.
#pragma once

#include <expected>
#include <span>

#include "patch/plan.h"
#include "patch/transaction.h"

namespace mp::patch {

// All of it: one thread at a time.

/// Takes down how the pages of the edits are protected. Before anything else.
void look_before(std::span<const Edit> edits) noexcept;

/// Makes the edits in the order given, or none of them. Edits that stand already are passed over. Suspends all other
/// threads, waits until none of them stands inside the bytes, and checks once more that the former bytes are there
/// (Failure::foreign_change). Pages are read-write meanwhile and get their former protection back; when one cannot be
/// made so, nothing has been written yet.
std::expected<void, Error> write_code(std::span<Edit> edits) noexcept;

/// After a failure: compares all bytes and protections with the former ones. Marks edits that stand as `stuck`.
Aftermath look_after(std::span<Edit> edits) noexcept;

/// See mend_pages.
std::size_t mend(std::span<ChangedPage> out) noexcept;

}  // namespace mp::patch
