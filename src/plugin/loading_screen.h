// Gives memory back to the system while a loading screen is up: the one moment at which nobody waits for a frame.
#pragma once

#include <cstddef>

#include "game/nvse_abi.h"

namespace mp::plugin::loading_screen {

/// Committed memory without a block that is kept for what comes next, bytes.
inline constexpr std::size_t kKept = std::size_t{32} << 20;

/// To be told every message of xNVSE. The last frame of a loading screen, and the end of loading a save, give back what
/// is free beyond kKept. True at these moments. Main thread; milliseconds then, nothing otherwise. docs/extender.md:
/// messages 8 and 24.
bool on_message(const nvse::Message& message) noexcept;

}  // namespace mp::plugin::loading_screen
