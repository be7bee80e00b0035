// Tells whether the running exe is the one the extender supports.
#pragma once

#include <cstdint>

namespace mp::host {

enum class ExeKind : std::uint8_t {
    supported,
    packed,         ///< a section named UPX0
    wrong_version,  ///< version resource absent or different
};

/// File version of the exe's version resource as one 64-bit number (high dword first), 0 when it has none.
std::uint64_t exe_file_version();
ExeKind identify_exe();

}  // namespace mp::host
