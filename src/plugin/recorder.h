// Records the session: a line a second into MemoryPoolNVSE.csv beside the log, by a thread of its own that the game
// never waits for; at the orderly end a page of charts, MemoryPoolNVSE.html. Cold; docs/mpnvse.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mp::plugin::recorder {

/// Starts recording, unless the settings forbid it. Once; after activation, in Load. `extender_version` as xNVSE packs
/// it.
void start(std::uint32_t extender_version) noexcept;

/// Every plugin is loaded: the list of modules goes into the file. Main thread.
void on_main_loop() noexcept;

/// Something happened: becomes a line of the session with the time of now, "kind: text" (session/writer.h). Any thread;
/// no allocation, no waiting. `kind` is a literal. Nothing while no session is recorded.
void note(std::string_view kind, const char* text) noexcept;

/// A pass of the game's main loop. Main thread; a clock, a search in 37 numbers, a few loads and stores.
void on_frame() noexcept;

/// Whether a loading screen is on now: its beginning and end become lines of the session, with the memory then. Main
/// thread; at every message, nothing unless it changes.
void on_loading_screen(bool is_on) noexcept;

/// False before the start, after the stop, and when the settings forbid recording.
bool is_recording() noexcept;

/// Waits, at most `milliseconds`, until what was noted before is in the file: for a thread that is about to crash.
void wait_until_written(std::uint32_t milliseconds) noexcept;

/// Why the session is not recorded, not where it belongs, or no longer; "" when nothing went wrong. Main thread.
const char* fault() noexcept;

/// Asks for the page as of now; it is written within a few seconds.
void request_page() noexcept;

/// The game ends: a last row, the end, the page. Waits at most three seconds for the thread.
void stop() noexcept;

/// Paths of the files, "" when nothing is recorded.
const char* session_path() noexcept;
const char* page_path() noexcept;

}  // namespace mp::plugin::recorder
