// What nvse_1_4.dll of the stand-in offers to the stand-in's main program: the events that the real extender takes from
// hooks in the game's code. Plain C, by GetProcAddress; all calls from the main thread.
#pragma once

#include <cstdint>

namespace mp::host {

/// One loaded plugin, as PluginInfo told it.
struct HostPlugin {
    const char* name;
    std::uint32_t version;
    const char* file;  ///< DLL's file name without folder
};

/// One pass of the main loop: DeferredInit the first time, then MainGameLoop.
inline constexpr const char* kHostMainLoop = "nvse_host_main_loop";
using HostMainLoop = void (*)();

/// Sends a message of xNVSE itself to its listeners; `receiver` nullptr = all of them.
inline constexpr const char* kHostMessage = "nvse_host_message";
using HostMessage = void (*)(std::uint32_t type, void* data, std::uint32_t length, const char* receiver);

/// Runs a line as if typed into the console and prints the numeric result there. True when the command exists and its
/// handler returned true; `result` then holds the number.
inline constexpr const char* kHostRunCommand = "nvse_host_run_command";
using HostRunCommand = bool (*)(const char* line, double* result);

/// Evaluates a command as a condition (its eval function) without arguments.
inline constexpr const char* kHostEvalCondition = "nvse_host_eval_condition";
using HostEvalCondition = bool (*)(const char* name, double* result);

inline constexpr const char* kHostPluginCount = "nvse_host_plugin_count";
using HostPluginCount = std::uint32_t (*)();
/// False when `index` is not below the count.
inline constexpr const char* kHostPluginAt = "nvse_host_plugin_at";
using HostPluginAt = bool (*)(std::uint32_t index, HostPlugin* out);

}  // namespace mp::host
