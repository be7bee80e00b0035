// A zip in memory.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace mp::tools {

struct ZipEntry {
    std::string name;  ///< UTF-8, parts divided by '/'
    std::string bytes;
    std::filesystem::file_time_type time;
};

/// The error is a line for people.
std::expected<std::string, std::string> make_zip(const std::vector<ZipEntry>& entries);

}  // namespace mp::tools
