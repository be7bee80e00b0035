// The log file: MemoryPoolNVSE.log in the game's folder, or where xNVSE's sPluginLogPath points (files.h). Begun anew
// at the start, written through line by line so that it survives a crash. Cold paths only; any thread; never fails
// loudly.
#pragma once

#include "os/compiler.h"

namespace mp::plugin::log {

/// Opens the file and writes the first line: our name and version, the time, the system. Later calls do nothing. Works
/// in Preload, before any interface of xNVSE exists.
void open() noexcept;

/// Writes one line behind the time since the start, h:mm:ss.mmm. printf-style; UTF-8. What goes beyond 2,000 characters
/// is left out.
MP_PRINTF(1, 2) void line(const char* format, ...) noexcept;

/// Path of the file, "" before `open` or when it could not be created.
const char* path() noexcept;

/// For the console: why the log is not where it belongs, or not at all; "" when it is.
const char* fault() noexcept;

}  // namespace mp::plugin::log
