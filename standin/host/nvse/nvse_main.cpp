// nvse_1_4.dll: the whole extender starts inside its DllMain, under the loader lock, as in xNVSE.
#include "host/common/paths.h"
#include "host/nvse/console.h"
#include "host/nvse/interfaces.h"
#include "host/nvse/plugin_manager.h"
#include "host/nvse/script_line.h"

#include <cstdarg>
#include <cstdint>
#include <string>
#include <windows.h>

namespace mp::host {
namespace {

PluginManager& manager() {
    return PluginManager::instance();
}

bool register_command(nvse::CommandInfo* info) {
    return manager().register_command(info, 0, 0);
}
bool register_typed_command(nvse::CommandInfo* info, std::uint8_t type) {
    return manager().register_command(info, type, 0);
}
bool register_typed_command_version(nvse::CommandInfo* info, std::uint8_t type, std::uint32_t required) {
    return manager().register_command(info, type, required);
}
const char* get_runtime_directory() {
    static const std::string folder = runtime_directory();
    return folder.c_str();
}

/// "" = the game folder; otherwise a folder below it that exists, with a backslash at its end.
const char* __attribute__((fastcall)) get_plugin_log_path() {
    static const std::string folder = [] {
        std::string path = config_value("LOGGING", "sPluginLogPath");
        if (!path.empty() && path.back() != '\\') {
            path += '\\';
        }
        if (!path.empty()) {
            CreateDirectoryA((current_directory() + "\\" + path).c_str(), nullptr);
        }
        return path;
    }();
    return folder.c_str();
}

const nvse::PluginInfo* parent_plugin(const nvse::CommandInfo* command) {
    const nvse::PluginHandle owner = manager().commands().owner(command);
    return owner == 0 || owner > manager().plugin_count() ? nullptr : &manager().plugin_info(owner - 1);
}

bool extract_args(nvse::ParamInfo* params, void* script_data, std::uint32_t* offset, void* /*script*/, void* event_list,
                  ...) {
    std::va_list places;
    va_start(places, event_list);
    const bool done = extract_arguments(params, script_data, offset, places);
    va_end(places);
    return done;
}

}  // namespace

nvse::Interface& main_interface() {
    static nvse::Interface table{
        manager().settings().nvse_version,
        manager().settings().is_editor ? 0 : manager().settings().runtime_version,
        manager().settings().editor_version,
        manager().settings().is_editor ? 1U : 0U,
        &register_command,
        [](std::uint32_t base) { manager().set_opcode_base(base); },
        [](std::uint32_t id) { return manager().query_interface(id); },
        [] { return manager().current_handle(); },
        &register_typed_command,
        &get_runtime_directory,
        0,
        [](void*) {},  // script expressions are no part of the stand-in
        &register_typed_command_version,
    };
    return table;
}

nvse::ConsoleInterface& console_interface() {
    static nvse::ConsoleInterface table{
        3,
        [](const char* line, void*) { return run_console_line(line, nullptr, false); },
        [](const char* line, void*, bool quiet) { return run_console_line(line, nullptr, quiet); },
    };
    return table;
}

nvse::MessagingInterface& messaging_interface() {
    static nvse::MessagingInterface table{
        4,
        [](nvse::PluginHandle listener, const char* sender, nvse::MessageHandler handler) {
            return manager().register_listener(listener, sender, handler);
        },
        [](nvse::PluginHandle sender, std::uint32_t type, void* data, std::uint32_t length, const char* receiver) {
            return manager().dispatch(sender, type, data, length, receiver);
        },
    };
    return table;
}

nvse::CommandTableInterface& command_table_interface() {
    static nvse::CommandTableInterface table{
        2,
        [] { return manager().commands().begin(); },
        [] { return manager().commands().end(); },
        [](std::uint32_t opcode) { return manager().commands().by_opcode(opcode); },
        [](const char* name) { return manager().commands().by_name(name); },
        [](const nvse::CommandInfo* command) { return manager().commands().return_type(command); },
        [](const nvse::CommandInfo* command) { return manager().commands().required_version(command); },
        &parent_plugin,
        [](const char* name) { return manager().find_plugin(name); },
        [](const char* name) { return manager().find_plugin_by_dll(name); },
    };
    return table;
}

nvse::ScriptInterface& script_interface() {
    static nvse::ScriptInterface table{.extract_args = &extract_args};
    return table;
}

nvse::LoggingInterface& logging_interface() {
    static nvse::LoggingInterface table{&get_plugin_log_path};
    return table;
}

}  // namespace mp::host

extern "C" BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_ATTACH) {
        mp::host::PluginManager::instance().load_plugins();
    } else if (reason == DLL_PROCESS_DETACH) {
        mp::host::PluginManager::instance().unload_plugins();
    }
    return TRUE;
}
