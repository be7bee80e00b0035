#include "host/common/settings.h"

#include "host/common/paths.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <windows.h>

namespace mp::host {
namespace {

/// GetPrivateProfileString needs an absolute path, or it looks in the Windows folder.
std::string ini_value(const std::string& file, const char* section, const char* key) {
    char text[1024] = {};
    GetPrivateProfileStringA(section, key, "", text, sizeof text, file.c_str());
    return text;
}

std::string environment_name(const char* key) {
    std::string name = "NVSE_HOST_";
    for (const char* c = key; *c != '\0'; ++c) {
        name += static_cast<char>(std::toupper(static_cast<unsigned char>(*c)));
    }
    return name;
}

std::string override_value(const char* key) {
    char text[1024] = {};
    const DWORD length = GetEnvironmentVariableA(environment_name(key).c_str(), text, sizeof text);
    if (length != 0 && length < sizeof text) {
        return text;
    }
    return ini_value(current_directory() + "\\nvse_host.ini", "Host", key);
}

void override_number(const char* key, std::uint32_t& value) {
    const std::string text = override_value(key);
    if (!text.empty()) {
        value = static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 0));
    }
}

void override_flag(const char* key, bool& value) {
    std::uint32_t number = value ? 1 : 0;
    override_number(key, number);
    value = number != 0;
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::size_t start = 0;
    while (start < text.size()) {
        const std::size_t comma = std::min(text.find(',', start), text.size());
        parts.push_back(text.substr(start, comma - start));
        start = comma + 1;
    }
    return parts;
}

}  // namespace

Settings read_settings() {
    Settings settings;
    override_number("NvseVersion", settings.nvse_version);
    override_number("RuntimeVersion", settings.runtime_version);
    override_number("EditorVersion", settings.editor_version);
    override_flag("IsEditor", settings.is_editor);
    override_flag("SkipPreload", settings.skip_preload);
    if (settings.is_editor && settings.editor_version == 0) {
        settings.editor_version = 0x04002060;  // 1.4.0.518
    }
    settings.plugin_folder = override_value("PluginFolder");
    settings.plugin_order = split(override_value("PluginOrder"));
    return settings;
}

std::string config_value(const char* section, const char* key) {
    return ini_value(current_directory() + "\\Data\\NVSE\\nvse_config.ini", section, key);
}

}  // namespace mp::host
