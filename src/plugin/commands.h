// The commands of the console and of scripts.
#pragma once

#include <cstddef>

#include "game/nvse_abi.h"

namespace mp::plugin {

/// Number of commands in the table.
inline constexpr std::size_t kCommandCount = 10;

/// Sets the opcode base and registers the whole table. Only inside NVSEPlugin_Load.
void register_commands(const nvse::Interface& extender) noexcept;

/// Value of a command by its table index, as scripts see it that give no arguments.
double command_value(std::size_t index) noexcept;
/// Name of a command by its table index.
const char* command_name(std::size_t index) noexcept;

}  // namespace mp::plugin
