// What the settings table says elsewhere: the shipped MemoryPoolNVSE.default.ini and a part of README.md.
#pragma once

#include <string>

namespace mp::tools {

/// The whole shipped file, lines ended with LF.
std::string settings_file();

/// `readme` with the table of settings between its two markers renewed; as it is when a marker is missing.
std::string with_settings_table(const std::string& readme);

}  // namespace mp::tools
