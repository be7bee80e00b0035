// The tables handed to plugins.
#pragma once

#include "game/nvse_abi.h"

namespace mp::host {

/// NVSEInterface with the versions of the settings filled in.
nvse::Interface& main_interface();
nvse::ConsoleInterface& console_interface();
nvse::MessagingInterface& messaging_interface();
nvse::CommandTableInterface& command_table_interface();
/// Arguments only; compiling and calling scripts is no part of the stand-in.
nvse::ScriptInterface& script_interface();
nvse::LoggingInterface& logging_interface();

}  // namespace mp::host
