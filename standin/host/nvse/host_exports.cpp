#include "host/host_api.h"
#include "host/nvse/console.h"
#include "host/nvse/plugin_manager.h"

using mp::host::PluginManager;

extern "C" {

__declspec(dllexport) void nvse_host_main_loop() {
    PluginManager::instance().main_loop_pass();
}

__declspec(dllexport) void nvse_host_message(std::uint32_t type, void* data, std::uint32_t length,
                                             const char* receiver) {
    PluginManager::instance().send(type, data, length, receiver);
}

__declspec(dllexport) bool nvse_host_run_command(const char* line, double* result) {
    return mp::host::run_console_line(line, result, false);
}

__declspec(dllexport) bool nvse_host_eval_condition(const char* name, double* result) {
    const mp::nvse::CommandInfo* command = PluginManager::instance().commands().by_name(name);
    return command != nullptr && command->eval != nullptr && command->eval(nullptr, nullptr, nullptr, result);
}

__declspec(dllexport) std::uint32_t nvse_host_plugin_count() {
    return static_cast<std::uint32_t>(PluginManager::instance().plugin_count());
}

__declspec(dllexport) bool nvse_host_plugin_at(std::uint32_t index, mp::host::HostPlugin* out) {
    const PluginManager& manager = PluginManager::instance();
    if (index >= manager.plugin_count()) {
        return false;
    }
    *out = {manager.plugin_info(index).name, manager.plugin_info(index).version, manager.plugin_file(index)};
    return true;
}

}  // extern "C"
