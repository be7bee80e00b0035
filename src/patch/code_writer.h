// The second half of a transaction: changes code of the running process while nobody executes it.
#pragma once

#include <expected>
#include <span>

#include "patch/plan.h"
#include "patch/transaction.h"

namespace mp::patch {

/// Makes the edits in the order given, or none of them. Edits that stand already are passed over. Suspends all other
/// threads, waits until none of them stands inside the bytes, and checks once more that the former bytes are there
/// (Failure::foreign_change). Pages are read-write meanwhile and get their former protection back.
/// When the system refuses to let an edit be undone, that edit is marked `stuck`. One thread at a time.
std::expected<void, Error> write_code(std::span<Edit> edits) noexcept;

}  // namespace mp::patch
