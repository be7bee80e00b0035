// Functions from a PDB, by Windows' own library for it; elsewhere there is none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace mp::tools {

/// "function+0x12", "function" without an offset.
inline std::string with_offset(std::string_view function, std::uint64_t offset) {
    return offset == 0 ? std::string(function) : fmt::format("{}+0x{:X}", function, offset);
}

/// Tells "function+0x12" for an offset from the module's base, "" where it knows none. Empty when the system cannot
/// read the file. `module`: the DLL or program that it belongs to, when it is there.
std::function<std::string(std::uint64_t offset)> functions_of_pdb(const std::filesystem::path& pdb,
                                                                  const std::optional<std::filesystem::path>& module);

}  // namespace mp::tools
