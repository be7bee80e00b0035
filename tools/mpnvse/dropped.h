// `mpnvse FILE`: what a file or folder is that was dropped on the program.
#pragma once

#include <filesystem>
#include <vector>

#include "mpnvse/session_commands.h"

namespace mp::tools {

struct Dropped {
    std::vector<std::filesystem::path> programs;
    std::vector<std::filesystem::path> sessions;  ///< the newest first
    Outcome rest;                                 ///< what could not be read, or is nothing that is known; code 1 or 3
};

/// A file is what its first bytes say. In a folder, and where the plugin of a game in that folder writes, all sessions
/// are found, and FalloutNV.exe.
Dropped look_at(const std::filesystem::path& path);

}  // namespace mp::tools
