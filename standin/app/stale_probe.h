// How long a freed object can still be read. The game reads objects that it has freed (engine contract, part D, 1);
// this frees objects in the midst of ordinary traffic and looks at them some frees and some frames later.
#pragma once

#include "app/extender.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace mp::app {

/// What was found of the objects of one group at one distance.
struct StaleCount {
    std::uint32_t distance = 0;    ///< frees, or frames, between the object's free and the look
    std::uint32_t objects = 0;     ///< objects looked at
    std::uint32_t whole = 0;       ///< every byte as its owner left it
    std::uint32_t links = 0;       ///< only the first eight bytes changed: the original's pools link there
    std::uint32_t changed = 0;     ///< more changed: the memory has a new owner
    std::uint32_t unreadable = 0;  ///< the read would have faulted
};

struct StaleGroup {
    std::string_view title;
    std::uint32_t low;  ///< sizes of the group's objects, bytes
    std::uint32_t high;
    std::vector<StaleCount> after_frees;
    std::vector<StaleCount> after_frames;
};

/// On the main thread, no other at work. `scale_percent` scales the number of objects.
std::vector<StaleGroup> probe_stale_reads(std::uint64_t seed, std::uint32_t scale_percent);

/// Blocks of which much was freed at one time, and how many of them could not be read any more.
struct FreedMemory {
    std::uint32_t megabytes;  ///< freed
    std::uint32_t low;        ///< sizes of the blocks, bytes
    std::uint32_t high;
    std::uint32_t blocks = 0;
    std::uint32_t faults_at_once = 0;
    std::uint32_t faults_after_a_second = 0;
    std::uint32_t faults_after_loading = 0;  ///< after a loading screen, which follows the second
};

/// The same conditions; takes some seconds. `scale_percent` scales the memory.
std::vector<FreedMemory> probe_freed_memory(const Extender& extender, std::uint64_t seed, std::uint32_t scale_percent);

}  // namespace mp::app
