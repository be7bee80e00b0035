// The C runtime of the stand-in (engine contract A.17 to A.19, B.9, G.1): settings for applications and tests. The
// functions stand whole in the image; standin/crt holds what they call.
#pragma once

#include <cstdint>

#include "game/functions.h"
#include "map/addresses.h"

namespace mp::standin {

/// Values of the dword at game::data::kActiveHeap.
inline constexpr std::uint32_t kSystemHeap = 1;
inline constexpr std::uint32_t kSmallBlocks = 3;

/// Largest request that fits (0xFFFFFFE0); larger ones fail at once.
inline constexpr std::uint32_t kLargestRequest = 0xFFFFFFE0;

/// The _crt variants sleep 0, 1000, 2000, ... ms between attempts and give up when the next wait would be longer than
/// this. 0, as the runtime starts, means that they do not repeat. Any thread; read at each failure.
inline std::uint32_t& crt_longest_wait_ms() {
    return *game::at<std::uint32_t>(kCrtLongestWait);
}

/// The calling thread's errno.
inline std::int32_t& crt_errno() {
    return *game::fn::kErrno();
}

}  // namespace mp::standin
