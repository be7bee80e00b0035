// The culprit finder: some blocks lie behind guard pages, and whoever misuses one is named, with the block's history,
// in log, session and console. docs/culprit-finder.md.
#pragma once

#include <cstdint>

#include "os/call_stack.h"
#include "plugin/settings.h"
#include "plugin/tell.h"

namespace mp::plugin::findings {

/// Begins, when the settings say so; the log says whether, and why not. Before the installation. Once.
void start(const Settings& settings) noexcept;

/// Of a stack, the place that a reader looks for: the innermost in another module than the game and Windows, else in
/// the game.
std::uintptr_t site_of(const os::CallStack& stack) noexcept;

/// A place in code as crash loggers write it, "culprit.dll+0x1A2B"; an address in no module as it is.
struct CodeText {
    explicit CodeText(std::uintptr_t code) noexcept;
    char text[80];
};

/// When it began, by os::tick_ms().
std::uint32_t began_ms() noexcept;

/// A pass of the main loop; `loading`: a loading screen is on. Main thread.
void on_frame(bool loading) noexcept;

/// A loading screen has ended: a thread of its own looks at the borders. Main thread.
void on_end_of_loading() noexcept;
/// xNVSE says that the game ends: they are looked at for the last time. Main thread.
void on_exit() noexcept;

/// For the console, once the main loop runs: that the game is slower on purpose. Nothing when it is off.
void announce() noexcept;

/// Looks at the borders of all blocks (bBorders) and tells what it finds; how many damaged ones there are, told before
/// or not. `when`: for the finding, "by MemoryPoolCheck". Any thread; sleeps for a fifth of a second when it finds
/// some.
unsigned check_borders(const char* when, Tell tell) noexcept;

/// Says in the log what came of it. When it is on, and the process ends.
void sum_up() noexcept;

}  // namespace mp::plugin::findings
