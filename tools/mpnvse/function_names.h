// Names of functions for the places in code that the culprit finder wrote: from a map file of the linker beside the
// module or the session, on Windows from a PDB, too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mp::tools {

/// Functions of a module by where they begin.
class MapFile {
public:
    /// Of Microsoft's and LLVM's linkers, and of GNU's. Nothing when it holds no function.
    static std::optional<MapFile> read(std::string_view text);

    /// "function+0x12" for an offset from the module's base; "" before the first function.
    [[nodiscard]] std::string name_at(std::uint64_t offset) const;

private:
    std::map<std::uint64_t, std::string> functions_;  ///< by offset
};

/// A session's text in which each place of a finding, "culprit.dll+0x1A97", has its function behind it,
/// "culprit.dll+0x1A97 [function+0x12]", when a file of the module's name in one of the folders tells it. Without a
/// finding nobody asks for the folders.
std::string with_function_names(const std::string& session,
                                const std::function<std::vector<std::filesystem::path>()>& folders);

}  // namespace mp::tools
