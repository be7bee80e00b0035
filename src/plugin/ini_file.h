// Settings files as players have them: saved by any editor, held by another program, copied from anywhere.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::plugin {

/// What cannot be read is not missing.
enum class FileState : std::uint8_t { missing, read, unreadable };

struct IniResult {
    FileState state = FileState::missing;
    char reason[96] = {};  ///< of `unreadable`, in words
};

/// Longest file and longest line that is read, bytes; a comment may be longer.
inline constexpr std::size_t kLongestIniFile = std::size_t{64} * 1024;
inline constexpr std::size_t kLongestIniLine = 1000;

/// Who reads: both are called in the order of the lines, whose first is 1.
struct IniReader {
    /// `value` without the quotes around it; of one without quotes what follows `;`, or ` //`, is left out.
    virtual void entry(const char* section, const char* key, const char* value, int line) = 0;
    /// A line that was not read, and why.
    virtual void problem(int line, const char* why) = 0;

protected:
    ~IniReader() = default;
};

/// Reads a file of sections, `key = value` lines and comments (`;`, `#`): UTF-8, a code page, or UTF-16 with its mark,
/// of which the values are UTF-8; line ends of every kind. `path` is UTF-8. Cold, one thread at a time.
IniResult read_ini(const char* path, IniReader& reader) noexcept;

/// As keys and words of the file are compared.
bool equal_ignoring_case(const char* a, const char* b) noexcept;

}  // namespace mp::plugin
