// The plugin DLLs of a folder, in the order xNVSE visits them.
#pragma once

#include <string>
#include <vector>

namespace mp::host {

/// File names (no folder) of `folder`\*.dll, sorted without regard to case. Names listed in `first` come before all
/// others, in that order: a test's way to move a plugin.
std::vector<std::string> plugin_files(const std::string& folder, const std::vector<std::string>& first);

}  // namespace mp::host
