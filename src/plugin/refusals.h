// What the player is told when the system refuses memory: a line in the log at once, a line in the console once.
#pragma once

namespace mp::plugin::refusals {

/// From now on refusals are told. Before anything is replaced.
void listen() noexcept;

/// Says in the console, once a session, that memory has run out. Main thread, while the game's console can be used.
void tell_in_console() noexcept;

}  // namespace mp::plugin::refusals
