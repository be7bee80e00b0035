// The log file: MemoryPoolNVSE.log in the game's folder, or where xNVSE's sPluginLogPath points. Truncated at start,
// flushed per line so that it survives a crash. Cold paths only; any thread; never fails loudly.
#pragma once

#include <cstddef>

#include "os/compiler.h"

namespace mp::plugin::log {

/// Opens the file and writes the first line, our name and version; later calls do nothing. Works in Preload, before any
/// interface of xNVSE exists: the log path setting is then read from xNVSE's own configuration file.
void open() noexcept;

/// Writes one line (a line end is added). printf-style.
MP_PRINTF(1, 2) void line(const char* format, ...) noexcept;

/// The file's path with another ending instead of ".log". False when there is no log, or no room.
bool path_beside(const char* ending, char* out, std::size_t capacity) noexcept;

/// Path of the file, "" before `open` or when it could not be created.
const char* path() noexcept;

}  // namespace mp::plugin::log
