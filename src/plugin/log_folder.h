// Where xNVSE has its plugins put their logs.
#pragma once

#include <cstdio>

#include "os/file.h"
#include "plugin/ini_file.h"

namespace mp::plugin {

/// Reads it out of xNVSE's nvse_config.ini: relative to the game's folder, in UTF-8 or the system's code page, as the
/// file has it; "" is the game's folder itself.
struct LogFolder final : IniReader {
    char text[os::kMaxPath] = {};

    void entry(const char* section, const char* key, const char* value, int /*line*/) override {
        if (text[0] == '\0' && equal_ignoring_case(section, "Logging") && equal_ignoring_case(key, "sPluginLogPath")) {
            std::snprintf(text, sizeof text, "%s", value);
        }
    }
    void problem(int /*line*/, const char* /*why*/) override {}
};

}  // namespace mp::plugin
