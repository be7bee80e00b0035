// Functions from a PDB, by Windows' own library for it; elsewhere there is none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace mp::tools {

/// Tells "function+0x12" for an offset from the module's base, "" where it knows none. Empty when the system cannot
/// read the file. `module`: the DLL or program that it belongs to, when it is there.
std::function<std::string(std::uint64_t offset)> functions_of_pdb(const std::filesystem::path& pdb,
                                                                  const std::optional<std::filesystem::path>& module);

}  // namespace mp::tools
