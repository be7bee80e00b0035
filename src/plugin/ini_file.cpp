#include "plugin/ini_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include <ini.h>

#include "os/file.h"

namespace mp::plugin {

namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view trim(std::string_view text) noexcept {
    const std::size_t first = std::min(text.find_first_not_of(kBlanks), text.size());
    const std::size_t last = text.find_last_not_of(kBlanks);
    return last == std::string_view::npos ? std::string_view{} : text.substr(first, last + 1 - first);
}

// --- bytes -----------------------------------------------------------------------------------------------------------

/// The file's bytes in the memory given, `length` of them.
IniResult read_bytes(const char* path, char* out, std::size_t capacity, std::size_t& length) noexcept {
    IniResult result;
    const auto unreadable = [&result](const char* why) {
        result.state = FileState::unreadable;
        std::snprintf(result.reason, sizeof result.reason, "%s", why);
        return result;
    };
    errno = 0;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(os::open_file(path, "rb"), &std::fclose);
    if (file == nullptr) {
        return errno == ENOENT || errno == ENOTDIR ? result : unreadable(std::strerror(errno));
    }
    length = std::fread(out, 1, capacity, file.get());
    if (std::ferror(file.get()) != 0) {
        return unreadable(std::strerror(errno));
    }
    if (length == capacity) {
        return unreadable("it is larger than 64 KB");
    }
    result.state = FileState::read;
    return result;
}

/// Appends one character of Unicode as UTF-8.
char* put(char* out, std::uint32_t character) noexcept {
    const auto tail = [character](unsigned shift) { return static_cast<char>(0x80 | (character >> shift & 0x3F)); };
    if (character < 0x80) {
        *out++ = static_cast<char>(character);
        return out;
    }
    if (character < 0x800) {
        *out++ = static_cast<char>(0xC0 | character >> 6);
    } else if (character < 0x10000) {
        *out++ = static_cast<char>(0xE0 | character >> 12);
        *out++ = tail(6);
    } else {
        *out++ = static_cast<char>(0xF0 | character >> 18);
        *out++ = tail(12);
        *out++ = tail(6);
    }
    *out++ = tail(0);
    return out;
}

/// UTF-16 becomes UTF-8; half of a pair alone becomes `?`. A unit takes three bytes at most.
std::string_view from_utf16(std::string_view bytes, bool is_little) noexcept {
    static char text[(kLongestIniFile + 1) / 2 * 3 + 3];
    char* out = text;
    const auto unit = [bytes, is_little](std::size_t at) -> std::uint32_t {
        const auto byte = [bytes](std::size_t i) {
            return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
        };
        return at + 1 >= bytes.size() ? 0 : is_little ? byte(at) | byte(at + 1) << 8 : byte(at) << 8 | byte(at + 1);
    };
    for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
        std::uint32_t character = unit(at);
        if (const std::uint32_t second = unit(at + 2); character >> 10 == 0x36 && second >> 10 == 0x37) {
            character = 0x10000 + ((character & 0x3FF) << 10 | (second & 0x3FF));
            at += 2;
        } else if (character >> 11 == 0x1B) {
            character = '?';
        }
        out = put(out, character);
    }
    return {text, static_cast<std::size_t>(out - text)};
}

/// The text without a mark at its start.
std::string_view without_encoding(std::string_view text) noexcept {
    if (text.starts_with("\xEF\xBB\xBF")) {
        return text.substr(3);
    }
    const bool is_little = text.starts_with("\xFF\xFE");
    return is_little || text.starts_with("\xFE\xFF") ? from_utf16(text.substr(2), is_little) : text;
}

// --- lines -----------------------------------------------------------------------------------------------------------

bool is_comment(std::string_view line) noexcept {
    return line.starts_with(';') || line.starts_with('#');
}

/// Why a line is not read; nullptr when it is.
const char* fault_of(std::string_view line) noexcept {
    if (line.empty() || is_comment(line)) {
        return nullptr;
    }
    if (line.find('\0') != std::string_view::npos) {
        return "has a zero byte; ignored";
    }
    if (line.size() > kLongestIniLine) {
        return "is too long; ignored";
    }
    const bool is_section = line.starts_with('[') && line.find(']') != std::string_view::npos;
    const bool is_key = !line.starts_with('[') && line.find_first_of("=:") != std::string_view::npos;
    return is_section || is_key ? nullptr : "not a section, a key or a comment; ignored";
}

/// What is left of a file, and who reads it.
struct Lines {
    std::string_view text;
    IniReader& reader;
    int number = 0;

    /// Cuts the next line off, whatever ends it.
    std::string_view take() noexcept {
        const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
        const std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(text.substr(end).starts_with("\r\n") ? end + 2 : std::min(end + 1, text.size()));
        ++number;
        return line;
    }
};

/// As fgets: one line at a time, each as the library can read it. It would read before its buffer in some.
char* next_line(char* out, int capacity, void* from) {
    auto& lines = *static_cast<Lines*>(from);
    if (lines.text.empty()) {
        return nullptr;
    }
    std::string_view line = lines.take();
    const char* const fault = fault_of(line);
    if (fault != nullptr) {
        lines.reader.problem(lines.number, fault);
    }
    if (fault != nullptr || is_comment(line)) {
        line = {};
    }
    static_assert(kLongestIniLine + 2 <= INI_MAX_LINE);
    const std::size_t length = line.copy(out, static_cast<std::size_t>(capacity) - 2);
    out[length] = '\n';
    out[length + 1] = '\0';
    return out;
}

std::string_view plain_value(std::string_view value) noexcept {
    if (value.starts_with('"') || value.starts_with('\'')) {
        if (const std::size_t end = value.find(value.front(), 1); end != std::string_view::npos) {
            return value.substr(1, end - 1);
        }
    }
    value = value.substr(0, value.find(';'));
    for (std::size_t at = value.find("//"); at != std::string_view::npos; at = value.find("//", at + 1)) {
        if (at == 0 || kBlanks.contains(value[at - 1])) {
            value = value.substr(0, at);
        }
    }
    return trim(value);
}

int on_entry(void* user, const char* section, const char* name, const char* value, int line) {
    char plain[kLongestIniLine + 1];
    const std::string_view text = plain_value(value);
    plain[text.copy(plain, kLongestIniLine)] = '\0';
    char plain_section[64];
    plain_section[trim(section).copy(plain_section, sizeof plain_section - 1)] = '\0';
    static_cast<IniReader*>(user)->entry(plain_section, name, plain, line);
    return 1;
}

}  // namespace

bool equal_ignoring_case(const char* a, const char* b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    for (; *a != '\0' && *b != '\0'; ++a, ++b) {
        if (lower(*a) != lower(*b)) {
            return false;
        }
    }
    return *a == *b;
}

IniResult read_ini(const char* path, IniReader& reader) noexcept {
    static char bytes[kLongestIniFile + 1];
    std::size_t length = 0;
    const IniResult result = read_bytes(path, bytes, sizeof bytes, length);
    if (result.state == FileState::read) {
        Lines lines{.text = without_encoding({bytes, length}), .reader = reader};
        ini_parse_stream(&next_line, &lines, &on_entry, &reader);
    }
    return result;
}

}  // namespace mp::plugin
