// The game's console as the stand-in has it: every line goes to standard output and into a buffer. Any thread.
#pragma once

#include <string>
#include <vector>

namespace mp::standin {

/// All lines printed since the start or the last clear, oldest first.
std::vector<std::string> console_lines();
void clear_console();

/// Whether lines also go to standard output; they do at first.
void set_console_echo(bool echo);

}  // namespace mp::standin
