// The C runtime of the stand-in (engine contract A.17 to A.19, B.9): settings for tests, internals shared by its files.
#pragma once

#include <cstdint>

#include "game/layouts.h"
#include "image/image_addresses.h"

namespace mp::standin {

/// Values of the dword at game::data::kActiveHeap.
inline constexpr std::uint32_t kSystemHeap = 1;
inline constexpr std::uint32_t kSmallBlocks = 3;

/// Largest request that fits (0xFFFFFFE0); larger ones fail at once.
inline constexpr std::uint32_t kLargestRequest = 0xFFFFFFE0;

/// The _crt variants sleep 0, 1000, 2000, ... ms between attempts and give up when the next wait would be longer than
/// this. The game's own limit is not established. Any thread; read at each failure.
extern std::uint32_t crt_longest_wait_ms;

/// Small-block heap; every call under the CRT's lock 4, and only when the heap selector is kSmallBlocks.
namespace small_blocks {
inline constexpr std::uint32_t kLargest = 0x3F8;  ///< requests up to here are served; larger ones go to the system heap

void build_lock();  ///< by _heap_init, before there are threads
void lock();
void unlock();
[[nodiscard]] game::SmallBlockHeader* find(const void* block);  ///< nullptr: not one of ours
[[nodiscard]] void* allocate(std::uint32_t size);               ///< nullptr: out of memory
[[nodiscard]] std::uint32_t size(const void* block);            ///< bytes usable
}  // namespace small_blocks

}  // namespace mp::standin
