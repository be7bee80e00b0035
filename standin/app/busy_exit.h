// The end of the process while its threads are at work.
#pragma once

#include <string_view>

namespace mp::app {

/// How the process ends. A thread of the game may stand anywhere in the memory system at that moment.
enum class BusyExit {
    orderly,  ///< the main thread returns from WinMain
    abrupt,   ///< the process is terminated: no code of anybody runs any more
};

/// Starts eight threads that allocate and free without end, waits a few milliseconds (by `seed`) and ends the process.
/// Returns only for `orderly`.
void exit_while_busy(BusyExit kind, unsigned seed);

/// The exit code of an abrupt end.
inline constexpr unsigned kAbruptExitCode = 65;

}  // namespace mp::app
