// The game's front doors under direct measurement: operator new and delete, one size, one and several threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mp::app {

struct DoorResult {
    std::uint32_t size;     ///< bytes of each block
    std::uint32_t threads;  ///< all on the same size
    std::uint64_t pairs;    ///< allocations, each followed by its free, of all threads
    double ns_per_pair;     ///< wall time of one thread over its own pairs
    std::uint32_t errors;   ///< blocks missing or changed by another thread
};

/// 64 bytes through 0x401000 and 0x401030 with 1 and with 4 threads. `scale_percent` scales the number of pairs.
std::vector<DoorResult> measure_doors(std::uint32_t scale_percent);

}  // namespace mp::app
