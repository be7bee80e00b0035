// A process with less address space than the system gives it.
#pragma once

#include <cstdint>

namespace mp::app {

/// Takes address space away until what is free and what is privately reserved together are about `bytes` (0: nothing),
/// and leaves no free stretch of more than `largest_hole` bytes (0: as they lie). What is in use already stays. What is
/// taken away is not in the meter's sums. Returns the bytes that are free afterwards. Main thread, once, before the
/// play.
std::uint64_t limit_address_space(std::uint64_t bytes, std::uint32_t largest_hole = 0);

}  // namespace mp::app
