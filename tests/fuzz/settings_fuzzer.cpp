// Any bytes as MemoryPoolNVSE.ini: each setting that comes of them is a value of its key, each problem is told whole.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

#include "must.h"
#include "plugin/settings.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mp;
    static const int file = memfd_create("any.ini", 0);
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    test::must(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
    const plugin::SettingsResult result = plugin::read_settings(path);
    for (const plugin::SettingEntry& entry : plugin::setting_entries()) {
        plugin::Settings settings;
        const plugin::SettingText text = entry.text(result.settings);
        test::must(entry.apply(settings, text.text));
        test::must(std::strcmp(entry.text(settings).text, text.text) == 0);
    }
    for (std::size_t i = 0; i < result.problem_count && i < std::size(result.problems); ++i) {
        const auto& problem = result.problems[i];
        test::must(problem.line >= 0 && std::memchr(problem.text, 0, sizeof problem.text) != nullptr);
        test::must(problem.text[0] != '\0');
    }
    return 0;
}
