// Plays a session from load to end and measures the side under it.
#pragma once

#include "crew.h"

#include <cstdint>
#include <vector>

namespace mp::bench {

struct Footprint {
    std::uint64_t live = 0;
    Space space;  ///< more than before the side started
};

struct Result {
    bool started = false;
    Tally tally;                ///< load and frames
    std::uint64_t cpu_ns = 0;   ///< of load and frames
    std::uint64_t load_ns = 0;  ///< of the load alone
    std::uint64_t load_operations = 0;
    std::uint64_t page_faults = 0;
    std::vector<FrameTime> frames;  ///< without the load
    std::uint64_t peak_live = 0;
    Space peak;                       ///< highest values at the frames' ends
    std::uint64_t peak_reserved = 0;  ///< highest at any time, where the system records it
    double committed_over_live = 0;   ///< mean over the frames
    Footprint last;                   ///< after the last frame
    Footprint halved;                 ///< half of the load freed, a little work done
    Footprint trimmed;                ///< then asked to give back
    std::uint64_t pinned = 0;         ///< bytes of pages that then hold a part of a live block; 0 where not counted
    Tally end;                        ///< after everything was freed: live_bytes is 0
    std::uint64_t shattered_free = 0;
};

struct Surroundings {
    std::uint64_t limit = 0;         ///< bytes of address space beyond the start; 0: no limit
    std::uint64_t largest_hole = 0;  ///< free address space comes in holes of at most this; 0: as it is
    std::uint64_t holes = 0;         ///< bytes of all holes
    std::uint32_t seed = 1;
};

Result measure(Play& play, std::uint32_t threads, const Surroundings& surroundings);

/// Address space of a thread that has allocated and freed one block and then sleeps: bytes per thread.
struct IdleThreads {
    bool started = false;
    std::uint64_t reserved = 0;
    std::uint64_t committed = 0;
};
IdleThreads measure_idle_threads(std::uint32_t threads);

}  // namespace mp::bench
