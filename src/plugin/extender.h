// The plugin's side of xNVSE: the three exports' work, free of DLL matters so that tests can call it.
#pragma once

#include "game/nvse_abi.h"

namespace mp::plugin {

/// NVSEPlugin_Preload. No interface exists yet; must neither throw nor wait.
bool on_preload() noexcept;
/// NVSEPlugin_Query. False = xNVSE unloads us, which must not happen once hooks are in place.
bool on_query(const nvse::Interface* extender, nvse::PluginInfo* info) noexcept;
/// NVSEPlugin_Load. Runs under the loader lock.
bool on_load(const nvse::Interface* extender) noexcept;

/// DLL_THREAD_DETACH.
void on_thread_end() noexcept;
/// DLL_PROCESS_DETACH of a process that ends.
void on_process_end() noexcept;

}  // namespace mp::plugin
