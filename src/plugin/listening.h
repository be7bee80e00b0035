// Registers for the messages of xNVSE so that those to all plugins and those to this one alone arrive
// (docs/compatibility.md, traps: handle numbers). Main thread.
#pragma once

#include "game/nvse_abi.h"

namespace mp::plugin::listening {

/// Registers `handler` for the messages of "NVSE". Only inside NVSEPlugin_Load. False when xNVSE takes no handle.
/// `handler` gets each message once; ReloadConfig only when it is meant for this plugin.
bool start(const nvse::Interface& extender, nvse::MessageHandler handler) noexcept;

/// False when messages to this plugin alone do not arrive: the settings must then be looked at without being asked to.
/// Known from message PostLoad on, true before.
bool is_reached_by_name() noexcept;

}  // namespace mp::plugin::listening
