// What differs between Linux and Windows: paths and letters, the console, how the program was started.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace mp::tools {

// Texts are UTF-8 everywhere in the tool, whatever the code page.

std::string to_text(const std::filesystem::path& path);
std::filesystem::path to_path(std::string_view text);

/// Of a text in the system's code page; one that is UTF-8 already stays as it is.
std::string from_code_page(std::string_view text);

/// The system's own words, without a line end.
std::string message_of(const std::error_code& error);

/// Writes a text; a console of Windows shows every letter of it.
void print(std::FILE* stream, std::string_view text);

/// Whether a text is of a code page that has letters of two bytes, and whether a byte is the first of two there.
bool uses_two_bytes_a_letter(std::string_view text);
bool is_first_of_two(char byte);

/// True when this program writes to a console window that was opened for it alone, as the Explorer does, and closes
/// with it.
bool has_own_console();

/// Waits until a key is pressed; the console window stays as long.
void wait_for_key();

/// Has the system show a file or an address as it shows them elsewhere; false when it cannot. Windows only.
bool open_for_viewing(const std::string& target);

/// From the system's source for secrets; false when it gives none.
bool fill_with_random(std::span<std::uint8_t> bytes);

/// Folders named Documents of the one who runs this; none on other systems.
std::vector<std::filesystem::path> documents_folders();

}  // namespace mp::tools
