// What an actor asks for memory. A program brings one implementation: the engine's functions (actor_doors.cpp), or the
// allocator that the benchmark measures (bench/scenario.cpp). For any thread.
#pragma once

#include "app/traffic.h"

#include <cstdint>

namespace mp::app {

/// nullptr when there is no memory.
void* allocate_through(Door door, std::uint32_t size);
void free_through(Door door, void* data);
/// The block's seed chooses among the ways there are. nullptr when there is no memory.
void* resize_through(Door door, void* data, std::uint32_t size, std::uint32_t seed);
/// Whether that way zeroes what is new.
bool resize_clears(Door door, std::uint32_t seed);
/// Bytes usable in a live block.
std::uint32_t size_through(Door door, void* data);

}  // namespace mp::app
