// The named exports of a DLL file, read without loading it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mp::host {

/// Names in the export name table; ordinal-only exports are invisible. Empty for a file that is not a 32-bit DLL.
std::vector<std::string> exported_names(const std::string& path);

/// A DLL with more named exports is never taken for a plugin.
inline constexpr std::size_t kMostNamedExports = 50;

/// True when `names` are few enough and hold `wanted` exactly.
bool plugin_exports(const std::vector<std::string>& names, std::string_view wanted);

}  // namespace mp::host
