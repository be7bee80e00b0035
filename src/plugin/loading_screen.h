// When a loading screen ends: the one moment at which nobody waits for a frame. Not one to give memory back at: the
// game's IO threads are at work then and read what was freed (engine contract G.3).
#pragma once

#include "game/nvse_abi.h"

namespace mp::plugin::loading_screen {

/// To be told every message of xNVSE. True with the last frame of a loading screen, and with the end of loading a save.
/// The message comes before the frame is shown: with the first frame of the game the loading screen still stands. Main
/// thread. docs/compatibility.md: messages 8 and 24.
bool ends_with(const nvse::Message& message) noexcept;

/// Whether, after that message, a loading screen is shown or a save is being read. Main thread.
bool is_on() noexcept;

}  // namespace mp::plugin::loading_screen
