// Collects the pieces of the image by address and writes them as GNU assembler source (Intel syntax).
#pragma once

#include "game/sites.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace mp::standin {

/// "00AA5E30"
inline std::string hex8(game::Addr va) {
    return fmt::format("{:08X}", va);
}

/// `.byte` line of bytes given as "55 8B EC".
inline std::string byte_line(std::string_view text) {
    std::string line = "\t.byte ";
    bool first = true;
    for (std::size_t i = 0; i + 1 < text.size();) {
        if (text[i] == ' ') {
            ++i;
            continue;
        }
        line += fmt::format("{}0x{}", first ? "" : ",", text.substr(i, 2));
        first = false;
        i += 2;
    }
    return line + "\n";
}

/// `.byte` line of E8 or E9 to another place of the image. The instruction stands at `at`.
inline std::string relative(std::uint8_t opcode, game::Addr at, game::Addr target) {
    return fmt::format("\t.byte 0x{:02X}\n\t.long 0x{:08X}\n", opcode, target - (at + 5));
}

/// `.byte` line of a site's known first bytes; `unknown` ("F8 30") fills those that the table does not know, in order.
inline std::string first_bytes(const game::Site& site, std::string_view unknown = {}) {
    std::string text;
    for (std::size_t i = 0; i < site.prologue.size; ++i) {
        if (site.prologue.mask[i] != 0) {
            text += fmt::format("{:02X} ", site.prologue.bytes[i]);
        } else {
            text += fmt::format("{} ", unknown.substr(0, 2));
            unknown.remove_prefix(std::min<std::size_t>(3, unknown.size()));
        }
    }
    return byte_line(text);
}

/// One section of the image. A piece that would overlap its predecessor makes the assembler fail (.org backwards).
class SectionWriter {
public:
    SectionWriter(std::string name, std::string flags, game::Addr begin, game::Addr end, std::uint8_t fill)
        : name_(std::move(name)), flags_(std::move(flags)), begin_(begin), end_(end), fill_(fill) {}

    /// Places assembler text at `va` under the label va_<va>.
    void place(game::Addr va, const std::string& text) {
        if (va < begin_ || va >= end_ || !pieces_.emplace(va, text).second) {
            throw std::runtime_error("piece outside its section, or placed twice: " + hex8(va));
        }
    }

    void write(std::ostream& out) const {
        out << "\n\t.section " << name_ << ",\"" << flags_ << "\"\n";
        for (const auto& [va, text] : pieces_) {
            out << fmt::format("\t.org 0x{:X},0x{:02X}\nva_{}:\n{}", va - begin_, fill_, hex8(va), text);
        }
        out << fmt::format("\t.org 0x{:X},0x{:02X}\n", end_ - begin_, fill_);
    }

private:
    std::string name_;
    std::string flags_;
    game::Addr begin_;
    game::Addr end_;
    std::uint8_t fill_;
    std::map<game::Addr, std::string> pieces_;
};

/// The whole image. `glue` is code of ours that stands behind the engine's part.
struct ImageWriter {
    SectionWriter code;
    SectionWriter imports;
    SectionWriter read_only;
    SectionWriter data;
    std::string glue;
    std::string tail;  ///< further sections
};

}  // namespace mp::standin
