// The session that the run before left: when it has no orderly end, the player is told what was last seen, and its page
// is made.
#pragma once

namespace mp::plugin::last_session {

/// The last run's session was kept beside `session`, this one's. Main thread, before look().
void expect(const char* session) noexcept;

/// Once: reads it, as far as it is of a size that a session has; without an end a line for log, console and session
/// says so. Makes its page when `with_page`. Recorder's thread, when the game has started; takes up to seconds.
void look(bool with_page) noexcept;

}  // namespace mp::plugin::last_session
