// Gives memory back to the system in the background, by its age: never what was freed a moment ago, since the game
// reads objects that it has freed (engine contract G.3), and never on a thread of the game.
#pragma once

#include <cstdint>

#include "alloc/policy.h"

namespace mp::plugin::give_back {

/// Longest delay that can be set, seconds.
inline constexpr std::uint32_t kLongestDelay = alloc::policy::kLongestDelayMs / 1000;

/// Starts the thread, once. Main thread, when the game's main loop begins. Where the system gives no thread, memory is
/// given back only when the system refuses some; the log says so.
void start() noexcept;

/// How long memory must have been free. Any thread, any time.
void set_delay(std::uint32_t seconds) noexcept;

}  // namespace mp::plugin::give_back
