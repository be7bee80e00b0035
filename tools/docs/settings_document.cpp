#include "docs/settings_document.h"

#include <fmt/format.h>

#include "plugin/settings.h"

namespace mp::tools {
namespace {

constexpr const char* kStart =
    "<!-- settings: made by the target renew_settings of a Linux preset; do not edit by hand -->\n";
constexpr const char* kEnd = "<!-- settings: end -->\n";

std::string one_line(std::string text) {
    for (char& c : text) {
        c = c == '\n' ? ' ' : c;
    }
    return text;
}

std::string table() {
    std::string text =
        "| section | key | values | default | a change takes effect | meaning |\n|---|---|---|---|---|---|\n";
    for (const plugin::SettingEntry& entry : plugin::setting_entries()) {
        text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", entry.section, entry.key, entry.values,
                            entry.default_value, plugin::change_text(entry.change), one_line(entry.help));
    }
    return text;
}

}  // namespace

std::string settings_file() {
    std::string text(16384, '\0');
    text.resize(plugin::default_ini(text.data(), text.size()));
    return text;
}

std::string with_settings_table(const std::string& readme) {
    const std::size_t start = readme.find(kStart);
    const std::size_t end = readme.find(kEnd);
    if (start == std::string::npos || end == std::string::npos || end < start) {
        return readme;
    }
    return readme.substr(0, start) + kStart + table() + readme.substr(end);
}

}  // namespace mp::tools
