// Texts that are sent to others name no user.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace mp::tools {

/// What stands where a user's name stood.
inline constexpr std::string_view kSomebody = "<user>";

/// Whether a byte is the first of two that make one letter. Such a second byte may look like a backslash.
using LeadByte = std::function<bool(char)>;

/// As the system's code page has it; none when the text is UTF-8.
LeadByte lead_byte_of(std::string_view text);

/// The text with the user's name replaced wherever a path names a user's folder (C:\Users\NAME, /home/NAME and others):
/// rather a word too many than a name left. UTF-8, a code page or UTF-16, with and without a mark; what it was it
/// stays.
std::string without_user_names(std::string_view text, const LeadByte& is_lead);

}  // namespace mp::tools
