// The project's sources, as the tests of the documents read them.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace mp::test {

inline const std::filesystem::path kRoot = MP_SOURCE_DIR;

/// The whole file; empty when there is none.
inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace mp::test
