// What the player is told when the system refuses memory: a line in the log at once, a line in the console, once a
// session, with the next pass of the main loop.
#pragma once

namespace mp::plugin::refusals {

/// From now on refusals are told. Before anything is replaced.
void listen() noexcept;

}  // namespace mp::plugin::refusals
