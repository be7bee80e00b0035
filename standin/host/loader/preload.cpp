#include "host/loader/preload.h"

#include "host/common/module.h"
#include "host/common/paths.h"
#include "host/common/pe_exports.h"
#include "host/common/plugin_files.h"

#include <windows.h>

namespace mp::host {
namespace {

constexpr const char* kPreloadName = "NVSEPlugin_Preload";

void preload_one(const std::string& path, TextLog& log) {
    if (!plugin_exports(exported_names(path), kPreloadName)) {
        return;
    }
    log.line("Preloading {}", path);
    const HMODULE module = LoadLibraryA(path.c_str());
    if (module == nullptr) {
        log.line("couldn't load {} (error {})", path, GetLastError());
        return;
    }
    using Preload = bool (*)();
    if (const auto preload = exported_function<Preload>(module, kPreloadName)) {
        preload();
    }
}

}  // namespace

void preload_plugins(const Settings& settings, TextLog& log) {
    const std::string folder =
        settings.plugin_folder.empty() ? current_directory() + "\\Data\\NVSE\\Plugins" : settings.plugin_folder;
    for (const std::string& name : plugin_files(folder, settings.plugin_order)) {
        preload_one(fmt::format("{}\\{}", folder, name), log);
    }
}

}  // namespace mp::host
