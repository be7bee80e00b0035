// Folders the extender works with.
#pragma once

#include <string>

namespace mp::host {

/// The current directory, without a trailing backslash. Preload and nvse_1_4.dll are found through it.
std::string current_directory();
/// The exe's folder, with a trailing backslash. The Load phase finds its plugins through it.
std::string runtime_directory();

}  // namespace mp::host
