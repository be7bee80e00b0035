#include "mpnvse/user_names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "mpnvse/platform.h"

namespace mp::tools {

namespace {

// --- encodings -------------------------------------------------------------------------------------------------------

enum class Encoding : std::uint8_t { bytes, utf16_little, utf16_big };

/// UTF-16 has a mark, or a zero in most of its pairs of bytes, since paths are mostly ASCII.
Encoding encoding_of(std::string_view text) {
    if (text.starts_with("\xFF\xFE")) {
        return Encoding::utf16_little;
    }
    if (text.starts_with("\xFE\xFF")) {
        return Encoding::utf16_big;
    }
    constexpr std::size_t kEnough = 512;
    const std::string_view head = text.substr(0, kEnough);
    std::array<std::size_t, 2> zeros{};
    for (std::size_t i = 0; i < head.size(); ++i) {
        zeros[i % 2] += head[i] == '\0' ? 1 : 0;
    }
    const std::size_t most = head.size() / 4;
    return zeros[1] > most ? Encoding::utf16_little : zeros[0] > most ? Encoding::utf16_big : Encoding::bytes;
}

/// One letter, or a part of one: what is ASCII is that letter. An odd byte at the end of UTF-16 is left out.
std::u16string units_of(std::string_view text, Encoding encoding, const LeadByte& is_lead) {
    std::u16string units;
    const auto byte = [text](std::size_t at) { return unsigned{static_cast<unsigned char>(text[at])}; };
    const auto put = [&units](unsigned high, unsigned low) { units += static_cast<char16_t>(high << 8 | low); };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_pair = encoding != Encoding::bytes || is_lead(text[i]);
        if (is_pair && i + 1 == text.size()) {
            break;
        }
        if (!is_pair) {
            put(0, byte(i));
        } else if (encoding == Encoding::utf16_little) {
            put(byte(i + 1), byte(i));
        } else {
            put(byte(i), byte(i + 1));
        }
        i += is_pair ? 1 : 0;
    }
    return units;
}

std::string bytes_of(std::u16string_view units, Encoding encoding) {
    std::string bytes;
    for (const char16_t unit : units) {
        const char high = static_cast<char>(unit >> 8);
        const char low = static_cast<char>(unit & 0xFF);
        if (encoding == Encoding::utf16_little) {
            bytes += low;
            bytes += high;
        } else {
            if (encoding == Encoding::utf16_big || high != 0) {
                bytes += high;
            }
            bytes += low;
        }
    }
    return bytes;
}

// --- names -----------------------------------------------------------------------------------------------------------

bool is_separator(char16_t c) {
    return c == u'\\' || c == u'/';
}

bool ends_a_name(char16_t c) {
    return c < u' ' || is_separator(c) || std::u16string_view(u":*?\"<>|").contains(c);
}

char16_t lower(char16_t c) {
    return c >= u'A' && c <= u'Z' ? static_cast<char16_t>(c - u'A' + u'a') : c;
}

bool equal(std::u16string_view text, std::u16string_view word) {
    return std::ranges::equal(text, word, {}, lower);
}

/// Where the next part of a path begins, when `at` is at the end of one: separators may be doubled.
std::optional<std::size_t> behind_separators(std::u16string_view text, std::size_t at) {
    const std::size_t start = at;
    while (at < text.size() && is_separator(text[at])) {
        ++at;
    }
    return at != start ? std::optional(at) : std::nullopt;
}

/// Whether users have their folders in the folder whose name is text[first, last).
bool is_folder_of_users(std::u16string_view text, std::size_t first, std::size_t last) {
    const std::u16string_view name = text.substr(first, last - first);
    if (equal(name, u"users") || equal(name, u"home") || equal(name, u"documents and settings")) {
        return true;
    }
    if (!equal(name, u"media")) {
        return false;
    }
    // /media/NAME, /run/media/NAME; no folder of a game.
    while (first > 0 && is_separator(text[first - 1])) {
        --first;
    }
    const std::u16string_view before = text.substr(0, first);
    return before.empty() || ends_a_name(before.back()) || std::u16string_view(u" ='(,[").contains(before.back()) ||
           before.ends_with(u"/run") || before.ends_with(u"\\run");
}

/// Names that are everybody's.
bool names_nobody(std::u16string_view name) {
    constexpr std::u16string_view kNobody[] = {u"", u"public", u"default", u"all users", u"steamuser"};
    return std::ranges::any_of(kNobody, [name](std::u16string_view nobody) { return equal(name, nobody); });
}

}  // namespace

LeadByte lead_byte_of(std::string_view text) {
    return uses_two_bytes_a_letter(text) ? LeadByte(&is_first_of_two) : LeadByte([](char /*byte*/) { return false; });
}

std::string without_user_names(std::string_view text, const LeadByte& is_lead) {
    const Encoding encoding = encoding_of(text);
    const std::u16string units = units_of(text, encoding, is_lead);
    std::u16string out;
    std::size_t copied = 0;
    for (std::size_t at = 0; at < units.size();) {
        // A part of a path: what lies between separators.
        const auto first = behind_separators(units, at);
        if (!first) {
            ++at;
            continue;
        }
        at = *first;
        std::size_t last = at;
        while (last < units.size() && !ends_a_name(units[last])) {
            ++last;
        }
        const auto name = behind_separators(units, last);
        if (!name || !is_folder_of_users(units, at, last)) {
            continue;
        }
        const auto end = std::find_if(units.begin() + static_cast<std::ptrdiff_t>(*name), units.end(), &ends_a_name);
        at = static_cast<std::size_t>(end - units.begin());
        if (!names_nobody(std::u16string_view(units).substr(*name, at - *name))) {
            out.append(units, copied, *name - copied).append(kSomebody.begin(), kSomebody.end());
            copied = at;
        }
    }
    return bytes_of(out.append(units, copied), encoding);
}

}  // namespace mp::tools
