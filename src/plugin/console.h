// The game's console. Main thread, from DeferredInit on.
#pragma once

#include <cstddef>

#include "os/compiler.h"

namespace mp::plugin::console {

/// Width of a line that the console shows whole, in characters.
inline constexpr std::size_t kWidth = 80;

/// Prints a text of at most 480 characters (longer text is cut), UTF-8; one that is wider than a line goes on in
/// further ones, broken at blanks and set in by two.
MP_PRINTF(1, 2) void print(const char* format, ...) noexcept;

/// One line to the log, marked as the console's, and to the console.
void tell(const char* line) noexcept;

/// The same with the next pass of the main loop. Any thread, any moment; no lock, no allocation.
void tell_soon(const char* line) noexcept;
/// Tells what waits.
void tell_waiting() noexcept;

/// True while a line typed into the console is being executed by this thread.
bool is_executing() noexcept;

}  // namespace mp::plugin::console
