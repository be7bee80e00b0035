#include "mpnvse/executable_file.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

namespace mp::tools {

namespace {

// Names and numbers of the PE format.
constexpr std::uint16_t kMachineI386 = 0x014C;
constexpr std::uint16_t kOptionalMagic32 = 0x010B;
constexpr std::uint16_t kFlagExecutable = 0x0002;
constexpr std::uint16_t kFlagLargeAddressAware = 0x0020;
constexpr std::uint16_t kFlagDll = 0x2000;
constexpr std::uint16_t kDynamicBase = 0x0040;
constexpr std::uint32_t kSectionExecutes = 0x20000000;
constexpr std::size_t kDosHeaderSize = 64;
constexpr std::size_t kDosNewHeader = 0x3C;
constexpr std::size_t kFileHeaderSize = 24;  ///< signature included
constexpr std::size_t kSmallestOptionalHeader = 96;
constexpr std::size_t kDirectorySize = 8;
constexpr std::size_t kSectionHeaderSize = 40;
constexpr std::size_t kResourceDirectory = 2;
constexpr std::size_t kDebugDirectory = 6;
constexpr std::uint32_t kFileUnit = 512;
constexpr std::uint32_t kLargestImage = 512U << 20;

using Data = std::span<const std::uint8_t>;

/// Offsets have been checked by the caller.
std::uint16_t word(Data data, std::size_t at) noexcept {
    return static_cast<std::uint16_t>(data[at] | data[at + 1] << 8);
}
std::uint32_t dword(Data data, std::size_t at) noexcept {
    return word(data, at) | static_cast<std::uint32_t>(word(data, at + 2)) << 16;
}

std::unexpected<FileError> fail(FileProblem problem, std::string text) {
    return std::unexpected(FileError{problem, std::move(text)});
}

struct Headers {
    Data file_header;      ///< from the PE signature on
    Data optional_header;  ///< its directories included
    Data section_table;
    std::uint16_t section_count = 0;
};

std::expected<Headers, FileError> find_headers(Data file) {
    if (file.size() < 2 || file[0] != 'M' || file[1] != 'Z') {
        return fail(FileProblem::not_a_program, "not a Windows program: it does not start with MZ");
    }
    if (file.size() < kDosHeaderSize) {
        return fail(FileProblem::truncated, fmt::format("truncated: the file ends after {} bytes", file.size()));
    }
    const std::size_t start = dword(file, kDosNewHeader);
    if (start > file.size() || file.size() - start < kFileHeaderSize) {
        return fail(FileProblem::truncated, "truncated: the file ends before its PE header");
    }
    const Data rest = file.subspan(start);
    if (rest[0] != 'P' || rest[1] != 'E' || rest[2] != 0 || rest[3] != 0) {
        return fail(FileProblem::not_a_program, "not a Windows program: no PE signature (a DOS program?)");
    }
    Headers headers{.file_header = rest.first(kFileHeaderSize), .optional_header = {}, .section_table = {}};
    headers.section_count = word(rest, 6);
    const std::size_t optional_size = word(rest, 20);
    const std::size_t table_size = headers.section_count * kSectionHeaderSize;
    if (rest.size() - kFileHeaderSize < optional_size + table_size) {
        return fail(FileProblem::truncated, "truncated: the file ends inside its headers");
    }
    headers.optional_header = rest.subspan(kFileHeaderSize, optional_size);
    headers.section_table = rest.subspan(kFileHeaderSize + optional_size, table_size);
    return headers;
}

std::expected<void, FileError> check_kind(const Headers& headers) {
    const std::uint16_t machine = word(headers.file_header, 4);
    const std::uint16_t flags = word(headers.file_header, 22);
    if (machine != kMachineI386) {
        return fail(FileProblem::other_processor,
                    fmt::format("not a 32-bit x86 program: made for machine type 0x{:04X}", machine));
    }
    if ((flags & kFlagDll) != 0 || (flags & kFlagExecutable) == 0) {
        return fail(FileProblem::other_processor, "a DLL or object, not a program");
    }
    if (headers.optional_header.size() < kSmallestOptionalHeader ||
        word(headers.optional_header, 0) != kOptionalMagic32) {
        return fail(FileProblem::senseless_headers, "damaged: the optional header is not that of a 32-bit program");
    }
    return {};
}

ExecutableFile::Directory directory(Data optional_header, std::size_t index) noexcept {
    const std::size_t count = dword(optional_header, 92);
    const std::size_t at = kSmallestOptionalHeader + index * kDirectorySize;
    if (index >= count || at + kDirectorySize > optional_header.size()) {
        return {};
    }
    return {dword(optional_header, at), dword(optional_header, at + 4)};
}

Section section_from(Data header) {
    Section section;
    const auto* name = reinterpret_cast<const char*>(header.data());
    section.name.assign(name, std::find(name, name + 8, '\0'));
    section.virtual_size = dword(header, 8);
    section.address = dword(header, 12);
    section.file_size = dword(header, 16);
    section.file_offset = dword(header, 20) / kFileUnit * kFileUnit;  // as the system reads it
    section.executable = (dword(header, 36) & kSectionExecutes) != 0;
    // A size of 0 in memory means the one on disk.
    section.virtual_size = section.virtual_size != 0 ? section.virtual_size : section.file_size;
    return section;
}

std::expected<void, FileError> check_section(const Section& section, std::size_t file_size, std::uint32_t image_size) {
    const std::uint64_t file_end = std::uint64_t{section.file_offset} + section.file_size;
    if (section.file_size != 0 && file_end > file_size) {
        return fail(FileProblem::truncated, fmt::format("truncated: section {} needs {} bytes of file, there are {}",
                                                        section.name, file_end, file_size));
    }
    if (std::uint64_t{section.address} + section.virtual_size > image_size) {
        return fail(FileProblem::senseless_headers,
                    fmt::format("damaged: section {} reaches beyond the image's end", section.name));
    }
    return {};
}

}  // namespace

bool ExecutableFile::has_section(std::string_view name) const noexcept {
    return std::ranges::any_of(sections, [name](const Section& section) { return section.name == name; });
}

std::expected<ExecutableFile, FileError> parse_executable(Data file) {
    const auto headers = find_headers(file);
    if (!headers) {
        return std::unexpected(headers.error());
    }
    if (const auto kind = check_kind(*headers); !kind) {
        return std::unexpected(kind.error());
    }
    const Data optional = headers->optional_header;
    ExecutableFile result;
    result.image_base = dword(optional, 28);
    result.image_size = dword(optional, 56);
    result.headers_size = static_cast<std::uint32_t>(std::min<std::size_t>(dword(optional, 60), file.size()));
    result.large_address_aware = (word(headers->file_header, 22) & kFlagLargeAddressAware) != 0;
    result.moves = (word(optional, 70) & kDynamicBase) != 0;
    result.resources = directory(optional, kResourceDirectory);
    result.debug = directory(optional, kDebugDirectory);
    if (result.image_size == 0 || result.image_size > kLargestImage || result.headers_size > result.image_size) {
        return fail(FileProblem::senseless_headers,
                    fmt::format("damaged: an image of {} bytes makes no sense", result.image_size));
    }
    for (std::size_t i = 0; i < headers->section_count; ++i) {
        const Section section =
            section_from(headers->section_table.subspan(i * kSectionHeaderSize, kSectionHeaderSize));
        if (const auto checked = check_section(section, file.size(), result.image_size); !checked) {
            return std::unexpected(checked.error());
        }
        result.sections.push_back(section);
    }
    return result;
}

}  // namespace mp::tools
