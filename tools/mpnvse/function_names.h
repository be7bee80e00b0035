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
#include <utility>
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

/// Knows the functions of modules; each one's files are looked for once. One thread at a time.
class FunctionNames {
public:
    /// `folders`: where files of the modules may lie; asked once, with the first place of a finding.
    explicit FunctionNames(std::function<std::vector<std::filesystem::path>()> folders)
        : folders_(std::move(folders)) {}

    /// The session's text with the function behind each place of a finding, "culprit.dll+0x1A97 [function+0x12]", when
    /// a file of the module's name tells it.
    std::string added_to(const std::string& session);

private:
    using Teller = std::function<std::string(std::uint64_t offset)>;

    std::string added_to_finding(const std::string& line);
    std::string name_at(const std::string& module, std::uint64_t offset);

    std::function<std::vector<std::filesystem::path>()> folders_;
    std::optional<std::vector<std::filesystem::path>> looked_in_;
    std::map<std::string, Teller> tellers_;
};

}  // namespace mp::tools
