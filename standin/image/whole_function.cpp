#include "image/whole_function.h"

#include "map/addresses.h"
#include "map/import_slots.h"

#include <cctype>

namespace mp::standin {
namespace {

using game::Addr;

struct Variable {
    std::string_view name;
    Addr va;
};

constexpr Variable kVariables[] = {
    {"heap", game::data::kCrtHeap},
    {"active_heap", game::data::kActiveHeap},
    {"cookie", game::data::kSecurityCookie},
    {"new_mode", kCrtNewMode},
    {"longest_wait", kCrtLongestWait},
    {"header_count", kSmallBlockHeaderCount},
    {"header_capacity", kSmallBlockHeaderCapacity},
    {"headers", kSmallBlockHeaders},
    {"deferred_header", kSmallBlockDeferredHeader},
    {"deferred_group", kSmallBlockDeferredGroup},
};

Addr address_of(std::string_view name) {
    for (const ImportSlot& slot : kImportSlots) {
        if (slot.function == name) {
            return slot.va;
        }
    }
    for (const Variable& variable : kVariables) {
        if (variable.name == name) {
            return variable.va;
        }
    }
    throw std::runtime_error("no such slot or variable: " + std::string(name));
}

/// Takes the characters in front of `text` that `belongs` accepts.
template <typename Belongs>
std::string_view take(std::string_view& text, Belongs belongs) {
    std::size_t size = 0;
    while (size < text.size() && belongs(text[size])) {
        ++size;
    }
    const std::string_view taken = text.substr(0, size);
    text.remove_prefix(size);
    return taken;
}

std::string translate(Addr va, std::string_view line) {
    const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
    const auto is_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    std::string out;
    while (!line.empty()) {
        const char c = line.front();
        line.remove_prefix(1);
        if (c == '@') {
            out += fmt::format("va_{}+0x{}", hex8(va), take(line, is_hex));
        } else if (c == '$') {
            out += fmt::format("dword ptr ds:[0x{:08X}]", address_of(take(line, is_name)));
        } else {
            out += c;
        }
    }
    return out;
}

/// The `.org` line of "+77:" or "gap 9A:"; "" for any other line.
std::string position(Addr va, std::string_view line) {
    const bool gap = line.starts_with("gap ");
    if ((!gap && !line.starts_with("+")) || !line.ends_with(":")) {
        return "";
    }
    line.remove_prefix(gap ? 4 : 1);
    line.remove_suffix(1);
    return fmt::format("\t.org va_{}+0x{},0x{}", hex8(va), line, gap ? "CC" : "90");
}

}  // namespace

std::string whole_function(Addr va, std::string_view text, std::string_view unknown) {
    const game::Site* site = game::find_site(va);
    std::string out = site != nullptr ? first_bytes(*site, unknown) : "";
    while (!text.empty()) {
        const std::string_view line = take(text, [](char c) { return c != '\n'; });
        text.remove_prefix(text.empty() ? 0 : 1);
        const std::string org = position(va, line);
        out += (org.empty() ? translate(va, line) : org) + "\n";
    }
    return out;
}

}  // namespace mp::standin
