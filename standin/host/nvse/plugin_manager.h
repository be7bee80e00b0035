// Finds, queries, loads and unloads plugins, and is what the interfaces given to them speak to. One instance, made
// while nvse_1_4.dll is loaded; everything here runs on the main thread.
#pragma once

#include "game/nvse_abi.h"
#include "host/common/settings.h"
#include "host/common/text_log.h"
#include "host/nvse/command_table.h"
#include "host/nvse/messaging.h"

#include <string>
#include <vector>
#include <windows.h>

namespace mp::host {

class PluginManager {
public:
    static PluginManager& instance();

    /// Query of all, PostQueryPlugins, Load of all, PostLoad, PostPostLoad.
    void load_plugins();
    /// FreeLibrary of every plugin.
    void unload_plugins();

    void send(std::uint32_t type, void* data, std::uint32_t length, const char* receiver);
    void main_loop_pass();

    [[nodiscard]] std::size_t plugin_count() const { return plugins_.size(); }
    [[nodiscard]] const nvse::PluginInfo& plugin_info(std::size_t index) const { return plugins_[index].info; }
    [[nodiscard]] const char* plugin_file(std::size_t index) const { return plugins_[index].file.c_str(); }
    /// By PluginInfo's name, without regard to case.
    [[nodiscard]] const nvse::PluginInfo* find_plugin(const char* name) const;
    [[nodiscard]] const nvse::PluginInfo* find_plugin_by_dll(const char* dll_name) const;

    // What NVSEInterface and its tables do.
    bool register_command(const nvse::CommandInfo* info, std::uint8_t return_type, std::uint32_t required);
    void set_opcode_base(std::uint32_t base);
    void* query_interface(std::uint32_t id);
    nvse::PluginHandle current_handle();
    bool register_listener(nvse::PluginHandle listener, const char* sender, nvse::MessageHandler handler);
    bool dispatch(nvse::PluginHandle sender, std::uint32_t type, void* data, std::uint32_t length,
                  const char* receiver);

    [[nodiscard]] const CommandTable& commands() const { return commands_; }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] TextLog& log() { return log_; }

private:
    struct Plugin {
        std::string file;
        HMODULE module = nullptr;
        FARPROC query = nullptr;
        FARPROC load = nullptr;
        nvse::PluginInfo info{};
    };

    void query_all(const std::string& folder);
    bool open(const std::string& path, Plugin* plugin);
    bool query(Plugin* plugin);
    void load_all();
    bool load(Plugin* plugin);
    void give_up(const Plugin& plugin, const char* reason);
    /// 0 for "NVSE", a plugin's handle, or Messaging::kEveryone when unknown.
    [[nodiscard]] nvse::PluginHandle handle_of(const char* name) const;
    [[nodiscard]] nvse::PluginHandle highest_handle() const;
    /// Whether RegisterListener takes a handle: up to the highest one, and since 6.4.5 the reported one even when it is
    /// too high; its messages then go to another plugin or to nobody.
    [[nodiscard]] bool may_listen(nvse::PluginHandle listener) const;

    Settings settings_;
    TextLog log_;
    CommandTable commands_;
    Messaging messaging_;
    std::vector<Plugin> candidates_;     ///< queried with success, not yet loaded
    std::vector<Plugin> plugins_;        ///< loaded; handle = index + 1
    std::uint32_t reported_handle_ = 0;  ///< what GetPluginHandle answers; 0 outside Query and Load
    bool loading_ = false;
    bool deferred_init_sent_ = false;
};

}  // namespace mp::host
