// Files, by paths in UTF-8, as every path of ours is: the system's code page cannot spell every player's folder. Cold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace mp::os {

/// Longest path handled, terminator included.
inline constexpr std::size_t kMaxPath = 1024;

/// As std::fopen, errno included.
std::FILE* open_file(const char* path, const char* mode) noexcept;

// --- Windows only ----------------------------------------------------------------------------------------------------

/// Why the system refused: its own number; 0 = it did not.
using FileError = std::uint32_t;
inline constexpr FileError kNoFolder = 3;  ///< one of the path is not there
struct FileErrorText {
    char text[64] = {};
};
/// "the disk is full", "another program holds it", ...
FileErrorText describe(FileError error) noexcept;

/// What was written survives the end of the process, however it ends. One thread at a time.
class AppendFile {
public:
    /// A new, empty file in the place of what was there. Others may read it meanwhile; nobody writes to it, renames or
    /// removes it.
    FileError create(const char* path) noexcept;
    /// All or an error; part of it may then stand in the file.
    FileError write(const void* data, std::size_t size) noexcept;
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return handle_ != nullptr; }

private:
    void* handle_ = nullptr;
};

bool file_exists(const char* path) noexcept;
/// Renames `from` to `to`, over what was there.
FileError rename_file(const char* from, const char* to) noexcept;
void remove_file(const char* path) noexcept;

/// Makes the folders of a file's path that are not there yet.
FileError make_folder_of(const char* path) noexcept;

/// Documents\My Games\FalloutNV\, where the game keeps saves and settings. Asks shell32, which it loads. False when the
/// system does not tell, or it is too long.
bool game_documents_folder(char* out, std::size_t capacity) noexcept;

/// Makes UTF-8 of a text in the system's code page. One that is UTF-8 already, ASCII included, stays as it is.
void code_page_to_utf8(char* text, std::size_t capacity) noexcept;
/// The other way, for what shows texts in the code page; what that cannot spell becomes `?`.
void utf8_to_code_page(char* text, std::size_t capacity) noexcept;

}  // namespace mp::os
