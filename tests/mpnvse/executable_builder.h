// A made-up FalloutNV.exe: headers, version resource, and code that fulfils every row of the site table; nothing of the
// game's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "game/addresses.h"
#include "game/sites.h"
#include "support/site_code.h"

namespace mp::tools::test {

using Bytes = std::vector<std::uint8_t>;

class ExecutableBuilder {
public:
    // What a test may change before build().
    std::uint64_t version = game::kFileVersion;
    bool with_version = true;
    std::uint16_t machine = 0x014C;
    std::uint16_t flags = 0x0122;  ///< program, large address aware, 32 bit
    std::uint16_t dll_flags = 0;
    std::uint32_t image_base = game::kImageBase;
    std::string code_section = ".text";
    std::uint32_t code_flags = 0x60000020;
    std::string symbol_file;

    ExecutableBuilder() : code_(kCodeSize, 0xCC), data_(kDataSize, 0), extra_(kPage, 0) {
        for (const game::Site& site : game::kSites) {
            put(site);
        }
        for (const game::PointerSite& site : game::kPointerSites) {
            put_dword(site.va, site.expected);
        }
        for (const game::KnownEdit& edit : game::kKnownEdits) {
            put(edit.va, edit.unmodified);
        }
    }

    std::uint8_t& operator[](game::Addr va) { return va >= kDataVa ? data_.at(va - kDataVa) : code_.at(va - kCodeVa); }
    void put(game::Addr va, const game::BytePattern& pattern) {
        for (std::size_t i = 0; i < pattern.size; ++i) {
            (*this)[va + static_cast<game::Addr>(i)] = pattern.mask[i] != 0 ? pattern.bytes[i] : 4;
        }
    }
    /// Writes a function anew, over breakpoints where the table knows its size.
    void put(const game::Site& site, const mp::test::SiteCodeOptions& options = {}) {
        for (game::Addr i = 0; i < site.size; ++i) {
            (*this)[site.va + i] = 0xCC;
        }
        for (const auto& [va, bytes] : mp::test::site_code(site, options)) {
            std::ranges::copy(bytes, &(*this)[va]);
        }
    }
    void put_dword(game::Addr va, std::uint32_t value) {
        for (std::uint32_t i = 0; i < 4; ++i) {
            (*this)[va + i] = static_cast<std::uint8_t>(value >> 8 * i);
        }
    }
    /// As an encrypted program looks.
    void scramble_code() {
        for (std::uint8_t& byte : code_) {
            byte ^= 0x5A;
        }
    }
    /// A further, empty section.
    void add_section(std::string name) { further_ = std::move(name); }

    [[nodiscard]] Bytes build() {
        fill_extra();
        std::vector<Part> parts{{code_section, kCodeVa, code_flags, &code_},
                                {".rdata", kDataVa, 0x40000040, &data_},
                                {".rsrc", kExtraVa, 0x40000040, &extra_}};
        const Bytes empty(512);
        if (!further_.empty()) {
            parts.push_back({further_, kFurtherVa, 0x60000020, &empty});
        }
        Bytes file(kHeaders);
        write_headers(file, parts.size());
        for (std::size_t i = 0; i < parts.size(); ++i) {
            write_section_header(file, i, parts[i]);
            file.insert(file.end(), parts[i].bytes->begin(), parts[i].bytes->end());
        }
        return file;
    }

    static constexpr std::size_t kHeaders = 1024;
    static constexpr std::size_t kPeHeader = 128;

private:
    static constexpr std::uint32_t kPage = 4096;
    static constexpr game::Addr kCodeVa = game::code::kOperatorNew;
    static constexpr std::size_t kCodeSize = 0x00FDF000 - kCodeVa;
    static constexpr game::Addr kDataVa = 0x01093000;
    static constexpr std::size_t kDataSize = 0x010A3000 - kDataVa;
    static constexpr game::Addr kExtraVa = 0x01400000;
    static constexpr game::Addr kFurtherVa = 0x01401000;

    struct Part {
        std::string name;
        game::Addr va;
        std::uint32_t flags;
        const Bytes* bytes;
    };

    static void number(Bytes& out, std::size_t at, std::uint64_t value, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            out.at(at + i) = static_cast<std::uint8_t>(value >> 8 * i);
        }
    }

    /// Resource directory with one version resource; debug directory with the name of a symbol file.
    void fill_extra() {
        const auto rva = [](std::uint32_t offset) { return kExtraVa - game::kImageBase + offset; };
        if (with_version) {
            constexpr std::uint32_t kSubdirectory = 0x80000000;
            number(extra_, 14, 1, 2);  // type: one entry by number
            number(extra_, 16, 16, 4);
            number(extra_, 20, kSubdirectory | 24, 4);
            number(extra_, 24 + 14, 1, 2);  // name
            number(extra_, 24 + 16, 1, 4);
            number(extra_, 24 + 20, kSubdirectory | 48, 4);
            number(extra_, 48 + 14, 1, 2);  // language
            number(extra_, 48 + 16, 1033, 4);
            number(extra_, 48 + 20, 72, 4);
            number(extra_, 72, rva(96), 4);
            number(extra_, 76, 92, 4);
            number(extra_, 96 + 40, 0xFEEF04BD, 4);
            number(extra_, 96 + 48, version >> 32, 4);
            number(extra_, 96 + 52, version, 4);
        }
        number(extra_, 512 + 12, 2, 4);  // debug entry: CodeView
        number(extra_, 512 + 16, 24 + symbol_file.size() + 1, 4);
        number(extra_, 512 + 20, rva(600), 4);
        number(extra_, 600, 0x53445352, 4);
        std::memcpy(&extra_[624], symbol_file.data(), symbol_file.size());
    }

    void write_headers(Bytes& file, std::size_t sections) const {
        constexpr std::size_t kOptional = kPeHeader + 24;
        constexpr std::size_t kDirectories = kOptional + 96;
        constexpr std::size_t kDirectory = 8;
        file[0] = 'M';
        file[1] = 'Z';
        number(file, 0x3C, kPeHeader, 4);
        file[kPeHeader] = 'P';
        file[kPeHeader + 1] = 'E';
        number(file, kPeHeader + 4, machine, 2);
        number(file, kPeHeader + 6, sections, 2);
        number(file, kPeHeader + 20, 224, 2);
        number(file, kPeHeader + 22, flags, 2);
        number(file, kOptional, 0x010B, 2);
        number(file, kOptional + 28, image_base, 4);
        number(file, kOptional + 56, kFurtherVa + kPage - game::kImageBase, 4);
        number(file, kOptional + 60, kHeaders, 4);
        number(file, kOptional + 70, dll_flags, 2);
        number(file, kOptional + 92, 16, 4);
        if (with_version) {
            number(file, kDirectories + kDirectory * 2, kExtraVa - game::kImageBase, 4);
            number(file, kDirectories + kDirectory * 2 + 4, kPage, 4);
        }
        number(file, kDirectories + kDirectory * 6, kExtraVa - game::kImageBase + 512, 4);
        number(file, kDirectories + kDirectory * 6 + 4, 28, 4);
    }

    static void write_section_header(Bytes& file, std::size_t index, const Part& part) {
        const std::size_t at = kPeHeader + 24 + 224 + 40 * index;
        std::memcpy(&file[at], part.name.data(), part.name.size());
        number(file, at + 8, part.bytes->size(), 4);
        number(file, at + 12, part.va - game::kImageBase, 4);
        number(file, at + 16, part.bytes->size(), 4);
        number(file, at + 20, file.size(), 4);
        number(file, at + 36, part.flags, 4);
    }

    Bytes code_;
    Bytes data_;
    Bytes extra_;
    std::string further_;
};

}  // namespace mp::tools::test
