// A session as somebody might play it: every scenario in turns, for a given time. It is recorded, not measured.
#pragma once

#include "app/extender.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mp::app {

/// What a session shows in a second at most, as a game in the lock of a usual screen does.
inline constexpr std::uint32_t kFramesASecond = 60;

/// What a round of all scenarios took at most, and the smallest of its largest free stretches, bytes.
struct RoundMemory {
    std::uint64_t committed = 0;
    std::uint64_t reserved = 0;
    std::uint64_t smallest_hole = 0;
};

struct SessionResult {
    std::vector<std::string_view> scenarios;  ///< names, in the order in which they were played
    std::vector<RoundMemory> rounds;
    std::uint32_t frames = 0;  ///< those of loading screens left out
    double seconds = 0;        ///< from the first load to the last frame
    std::uint32_t errors = 0;
    std::string first_error;
};

struct SessionOptions {
    double seconds = 0;        ///< of a round
    std::uint32_t frames = 0;  ///< of each scene, whatever time they take, as fast as they go; 0 = by the seconds
    std::uint32_t rounds = 1;  ///< each with a seed of its own
    std::uint64_t seed = 1;
    std::uint32_t scale_percent = 100;
};

/// Plays loads to their end, and between them scenes that share what is left of a round's seconds; longer when loads
/// alone take that long, since each scene shows a frame at least.
SessionResult play_session(const SessionOptions& session, const Extender& extender);

}  // namespace mp::app
