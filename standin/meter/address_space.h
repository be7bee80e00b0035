// What is left of a process's address space.
#pragma once

#include <cstdint>

namespace mp::meter {

/// Size of the largest free stretch, found by trying to reserve it; a multiple of 64 KB. Slow: outside of timed parts.
/// The kernel meter counts neither its calls nor what they reserve.
std::uint64_t largest_hole();

}  // namespace mp::meter
