// What tests may change about the host. Read from nvse_host.ini [Host] in the current directory and from environment
// variables NVSE_HOST_<KEY>, which win. xNVSE itself has none of these.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mp::host {

struct Settings {
    std::uint32_t nvse_version = 0x06040080;     ///< NvseVersion: what plugins are told; 6.4.8
    std::uint32_t runtime_version = 0x040020D0;  ///< RuntimeVersion
    std::uint32_t editor_version = 0;            ///< EditorVersion
    bool is_editor = false;                      ///< IsEditor
    bool skip_preload = false;                   ///< SkipPreload: an older xNVSE, or the unpacked exe before 6.4.5
    std::string plugin_folder;                   ///< PluginFolder, absolute; empty = Data\NVSE\Plugins
    std::vector<std::string> plugin_order;       ///< PluginOrder: file names, comma separated, visited first
};

Settings read_settings();

/// A value of Data\NVSE\nvse_config.ini in the current directory, "" when absent.
std::string config_value(const char* section, const char* key);

}  // namespace mp::host
