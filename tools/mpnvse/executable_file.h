// The headers of a Windows program on disk: enough to tell which program it is and to lay it out as the system would.
// Every offset and size in the file is doubted.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mp::tools {

struct Section {
    std::string name;
    std::uint32_t address = 0;       ///< relative to the image's base
    std::uint32_t virtual_size = 0;  ///< as in memory
    std::uint32_t file_offset = 0;
    std::uint32_t file_size = 0;
    bool executable = false;
};

struct ExecutableFile {
    std::uint32_t image_base = 0;
    std::uint32_t image_size = 0;
    std::uint32_t headers_size = 0;
    bool large_address_aware = false;
    bool moves = false;  ///< the system may load it elsewhere
    std::vector<Section> sections;
    struct Directory {
        std::uint32_t address = 0;
        std::uint32_t size = 0;
    };
    Directory resources;
    Directory debug;

    [[nodiscard]] bool has_section(std::string_view name) const noexcept;
};

enum class FileProblem : std::uint8_t {
    not_a_program,     ///< no MZ and PE signatures
    truncated,         ///< headers or sections reach beyond the file's end
    other_processor,   ///< not a 32-bit x86 program, or a DLL
    senseless_headers  ///< sizes and addresses that contradict each other
};

struct FileError {
    FileProblem problem = FileProblem::not_a_program;
    std::string text;  ///< one line for people
};

std::expected<ExecutableFile, FileError> parse_executable(std::span<const std::uint8_t> file);

}  // namespace mp::tools
