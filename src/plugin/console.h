// The game's console. Main thread, from DeferredInit on.
#pragma once

#include "os/compiler.h"

namespace mp::plugin::console {

/// Prints one line of at most 480 characters (longer text is cut; the console itself splits at 500).
MP_PRINTF(1, 2) void print(const char* format, ...) noexcept;

/// One line to the log, marked as the console's, and to the console.
void tell(const char* line) noexcept;

/// True while a line typed into the console is being executed by this thread.
bool is_executing() noexcept;

}  // namespace mp::plugin::console
