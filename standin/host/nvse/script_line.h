// A command with its arguments, compiled as the game compiles a line of script, and taken apart again for the command.
#pragma once

#include "game/nvse_abi.h"

#include <cstdarg>
#include <cstdint>
#include <string>
#include <vector>

namespace mp::host {

/// The first word of `text`, which loses it; quotes keep a word together and are dropped.
std::string take_word(std::string* text);

/// One line: u16 opcode, u16 length of what follows, u16 number of arguments, the arguments. A string is its u16 length
/// and its bytes; an integer 'n' and four bytes, a number 'z' and eight.
struct ScriptLine {
    std::vector<std::uint8_t> data;
    std::string problem;  ///< why the line cannot be compiled, "" when it can

    /// Where a command finds its arguments.
    static constexpr std::uint32_t kArguments = 4;
};

/// Compiles `arguments`, what is written behind the command's name. Further words than it takes are ignored.
ScriptLine compile_line(const nvse::CommandInfo& command, std::string arguments);

/// What the Script interface's extract_args does. False for a type of parameter that the stand-in does not know.
bool extract_arguments(const nvse::ParamInfo* params, const void* script_data, std::uint32_t* offset,
                       std::va_list places);

}  // namespace mp::host
