// Any two words as arguments of MemoryPoolSet: a value that a key takes reads back as it is told, one that it refuses
// changes nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "must.h"
#include "plugin/settings.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mp;
    const std::string text(data, data + size);
    const std::string key = text.substr(0, text.find('\n'));
    const std::string value = text.substr(std::min(key.size() + 1, text.size()));
    const plugin::SettingEntry* const named = plugin::find_setting(key.c_str());
    for (const plugin::SettingEntry& entry : plugin::setting_entries()) {
        plugin::Settings settings;
        const plugin::SettingText before = entry.text(settings);
        const bool taken = entry.apply(settings, value.c_str());
        const plugin::SettingText after = entry.text(settings);
        test::must(taken || std::strcmp(before.text, after.text) == 0);
        test::must(entry.apply(settings, after.text) && std::strcmp(entry.text(settings).text, after.text) == 0);
        test::must(std::memchr(after.text, 0, sizeof after.text) != nullptr);
        test::must(named != &entry || std::string_view(entry.key).size() == std::strlen(key.c_str()));
    }
    return 0;
}
