#include "host/nvse/plugin_manager.h"

#include "host/common/paths.h"
#include "host/common/pe_exports.h"
#include "host/common/plugin_files.h"
#include "host/nvse/game_context.h"
#include "host/nvse/guarded_call.h"
#include "host/nvse/interfaces.h"

#include <string.h>

namespace mp::host {
namespace {

constexpr const char* kExtenderName = "NVSE";
constexpr const char* kQueryName = "NVSEPlugin_Query";
constexpr const char* kLoadName = "NVSEPlugin_Load";

/// A failed assertion of the extender: a write through a null pointer, caught around Query and Load only.
void fail_assertion() {
    asm volatile("movl $0, 0");
}

bool same_name(const char* a, const char* b) {
    return a != nullptr && b != nullptr && _stricmp(a, b) == 0;
}

}  // namespace

PluginManager& PluginManager::instance() {
    static PluginManager manager;
    return manager;
}

void PluginManager::load_plugins() {
    log_.open("nvse.log");
    settings_ = read_settings();
    log_.line("NVSE stand-in: initialize (version {:08X} runtime {:08X} editor {})", settings_.nvse_version,
              settings_.runtime_version, settings_.is_editor);
    const DefaultContextScope context;
    const std::string folder =
        settings_.plugin_folder.empty() ? runtime_directory() + "Data\\NVSE\\Plugins" : settings_.plugin_folder;
    query_all(folder);
    send(nvse::kMessagePostQueryPlugins, nullptr, 0, nullptr);
    load_all();
    send(nvse::kMessagePostLoad, nullptr, 0, nullptr);
    send(nvse::kMessagePostPostLoad, nullptr, 0, nullptr);
}

void PluginManager::unload_plugins() {
    for (const Plugin& plugin : plugins_) {
        FreeLibrary(plugin.module);
    }
    plugins_.clear();
    log_.line("NVSE stand-in: deinitialize");
    log_.close();
}

void PluginManager::query_all(const std::string& folder) {
    std::uint32_t seen = 0;  // every DLL counts for the handle, plugin or not
    for (const std::string& name : plugin_files(folder, settings_.plugin_order)) {
        reported_handle_ = ++seen;
        Plugin plugin;
        plugin.file = name;
        if (open(fmt::format("{}\\{}", folder, name), &plugin) && query(&plugin)) {
            candidates_.push_back(plugin);
        }
    }
    reported_handle_ = 0;
}

bool PluginManager::open(const std::string& path, Plugin* plugin) {
    const std::vector<std::string> names = exported_names(path);
    if (!plugin_exports(names, kQueryName)) {
        log_.line("{}: not an NVSE plugin ({} named exports)", plugin->file, names.size());
        return false;
    }
    plugin->module = LoadLibraryExA(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (plugin->module == nullptr) {
        log_.line("{}: couldn't load (error {})", plugin->file, GetLastError());
        return false;
    }
    plugin->query = GetProcAddress(plugin->module, kQueryName);
    plugin->load = GetProcAddress(plugin->module, kLoadName);
    if (plugin->query == nullptr || plugin->load == nullptr) {
        give_up(*plugin, "does not appear to be an NVSE plugin");
        return false;
    }
    return true;
}

bool PluginManager::query(Plugin* plugin) {
    const GuardedResult result =
        guarded_call(reinterpret_cast<const void*>(plugin->query), &main_interface(), &plugin->info);
    if (result.faulted) {
        log_.line("{}: exception {:08X} at {:08X} in query", plugin->file, result.code, result.address);
        give_up(*plugin, "disabled, fatal error occurred while querying plugin");
        return false;
    }
    if (!result.value) {
        give_up(*plugin, "reported as incompatible during query");
        return false;
    }
    if (plugin->info.name == nullptr) {
        give_up(*plugin, "disabled, no name specified");
        return false;
    }
    return true;
}

void PluginManager::load_all() {
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        // Counts earlier failures too: with F of them the number is F too high.
        reported_handle_ = static_cast<std::uint32_t>(i) + 1;
        loading_ = true;
        const bool loaded = load(&candidates_[i]);
        loading_ = false;
        if (loaded) {
            plugins_.push_back(candidates_[i]);
        }
    }
    candidates_.clear();
    reported_handle_ = 0;
}

bool PluginManager::load(Plugin* plugin) {
    const GuardedResult result = guarded_call(reinterpret_cast<const void*>(plugin->load), &main_interface(), nullptr);
    if (result.faulted) {
        log_.line("{}: exception {:08X} at {:08X} in load", plugin->file, result.code, result.address);
        give_up(*plugin, "disabled, fatal error occurred while loading plugin");
        return false;
    }
    if (!result.value) {
        give_up(*plugin, "reported as incompatible during load");
        return false;
    }
    log_.line("{} ({:08X} {} {:08X}) loaded correctly (handle {})", plugin->file, plugin->info.info_version,
              plugin->info.name, plugin->info.version, plugins_.size() + 1);
    return true;
}

void PluginManager::give_up(const Plugin& plugin, const char* reason) {
    log_.line("{} ({:08X} {} {:08X}) {}", plugin.file, plugin.info.info_version,
              plugin.info.name == nullptr ? "" : plugin.info.name, plugin.info.version, reason);
    FreeLibrary(plugin.module);
}

void PluginManager::send(std::uint32_t type, void* data, std::uint32_t length, const char* receiver) {
    dispatch(0, type, data, length, receiver);
}

void PluginManager::main_loop_pass() {
    if (!deferred_init_sent_) {
        deferred_init_sent_ = true;
        send(nvse::kMessageDeferredInit, nullptr, 0, nullptr);
    }
    send(nvse::kMessageMainGameLoop, nullptr, 0, nullptr);
}

const nvse::PluginInfo* PluginManager::find_plugin(const char* name) const {
    for (const Plugin& plugin : plugins_) {
        if (same_name(plugin.info.name, name)) {
            return &plugin.info;
        }
    }
    return nullptr;
}

const nvse::PluginInfo* PluginManager::find_plugin_by_dll(const char* dll_name) const {
    for (const Plugin& plugin : plugins_) {
        if (same_name(plugin.file.c_str(), dll_name)) {
            return &plugin.info;
        }
    }
    return nullptr;
}

bool PluginManager::register_command(const nvse::CommandInfo* info, std::uint8_t return_type, std::uint32_t required) {
    if (info == nullptr) {
        return false;
    }
    commands_.add(*info, return_type, required, highest_handle());
    return true;
}

void PluginManager::set_opcode_base(std::uint32_t base) {
    if (!commands_.set_next_opcode(base)) {
        fail_assertion();
        return;
    }
    if (base == nvse::kDevelopmentOpcodeBase) {
        log_.line("ERROR: plugin is using the default opcode base {:04X}, meant for development and testing only",
                  base);
    }
}

void* PluginManager::query_interface(std::uint32_t id) {
    switch (id) {
    case nvse::kInterfaceConsole:
        return settings_.is_editor ? nullptr : &console_interface();
    case nvse::kInterfaceMessaging:
        return &messaging_interface();
    case nvse::kInterfaceCommandTable:
        return &command_table_interface();
    case nvse::kInterfaceScript:
        return settings_.is_editor ? nullptr : &script_interface();
    case nvse::kInterfaceLogging:
        return &logging_interface();
    default:
        log_.line("unknown QueryInterface {:08X}", id);
        return nullptr;
    }
}

nvse::PluginHandle PluginManager::current_handle() {
    if (reported_handle_ == 0) {
        fail_assertion();
    }
    return reported_handle_;
}

nvse::PluginHandle PluginManager::highest_handle() const {
    return static_cast<nvse::PluginHandle>(plugins_.size() + (loading_ ? 1 : 0));
}

nvse::PluginHandle PluginManager::handle_of(const char* name) const {
    if (same_name(name, kExtenderName)) {
        return 0;
    }
    for (std::size_t i = 0; i < plugins_.size(); ++i) {
        if (same_name(plugins_[i].info.name, name)) {
            return static_cast<nvse::PluginHandle>(i + 1);
        }
    }
    return Messaging::kEveryone;
}

bool PluginManager::may_listen(nvse::PluginHandle listener) const {
    const bool is_reported = listener == reported_handle_ && settings_.nvse_version >= nvse::kTakesReportedHandle;
    return listener <= highest_handle() || is_reported;
}

bool PluginManager::register_listener(nvse::PluginHandle listener, const char* sender, nvse::MessageHandler handler) {
    if (!may_listen(listener) || handler == nullptr) {
        log_.line("RegisterListener: handle {} refused ({} plugins)", listener, highest_handle());
        return false;
    }
    if (sender == nullptr) {
        for (nvse::PluginHandle handle = 1; handle <= plugins_.size(); ++handle) {
            messaging_.add(handle, listener, handler);
        }
        return true;
    }
    const nvse::PluginHandle handle = handle_of(sender);
    if (handle == Messaging::kEveryone) {
        return false;
    }
    messaging_.add(handle, listener, handler);
    return true;
}

bool PluginManager::dispatch(nvse::PluginHandle sender, std::uint32_t type, void* data, std::uint32_t length,
                             const char* receiver) {
    nvse::PluginHandle target = Messaging::kEveryone;
    if (receiver != nullptr) {
        target = handle_of(receiver);
        if (target == Messaging::kEveryone) {
            return false;
        }
    }
    if (sender > plugins_.size()) {
        return false;
    }
    const char* name = sender != 0 ? plugins_[sender - 1].info.name : kExtenderName;
    return messaging_.dispatch(sender, {name, type, length, data}, target);
}

}  // namespace mp::host
