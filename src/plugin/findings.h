// The culprit finder: some blocks lie behind guard pages, and whoever misuses one is named, with the block's history,
// in log, session and console. docs/culprit-finder.md.
#pragma once

#include "plugin/settings.h"

namespace mp::plugin::findings {

/// Begins, when the settings say so; the log says whether, and why not. Before the installation. Once.
void start(const Settings& settings) noexcept;

/// A pass of the main loop; `loading`: a loading screen is on. Main thread.
void on_frame(bool loading) noexcept;

/// For the console, once the main loop runs: that the game is slower on purpose. Nothing when it is off.
void announce() noexcept;

/// Says in the log what came of it; nothing when it is off. When the process ends.
void sum_up() noexcept;

}  // namespace mp::plugin::findings
