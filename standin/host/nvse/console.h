// The game's console: printing, and lines typed into it.
#pragma once

namespace mp::host {

/// Prints one line through the game's own print function. Nothing when the exe has no console.
void console_print(const char* text);

/// Runs a line. The numeric result is printed as the game does and stored in `result` when that is not nullptr. False
/// when the command is unknown or its handler returned false.
bool run_console_line(const char* line, double* result, bool quiet);

}  // namespace mp::host
