// A program on disk laid out as the system would lay it out in memory, for the checks that the plugin makes there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpnvse/executable_file.h"
#include "patch/image.h"

namespace mp::tools {

class DiskImage final : public patch::Image {
public:
    /// `headers` must have been parsed from `file`.
    DiskImage(const ExecutableFile& headers, std::span<const std::uint8_t> file);

    [[nodiscard]] const std::uint8_t* at(game::Addr va, std::size_t size) const noexcept override;
    /// The whole program; on disk no other module is there.
    [[nodiscard]] patch::ModuleRange module_of(game::Addr va) const noexcept override;
    /// A target inside the file is named by its section.
    void owner_of(game::Addr va, char* name, std::size_t capacity) const noexcept override;

    /// True when [va, va + size) lies in one executable section.
    [[nodiscard]] bool executable(game::Addr va, std::size_t size) const noexcept;

    /// File version of the version resource, four 16-bit parts; nothing when there is none.
    [[nodiscard]] std::optional<std::uint64_t> file_version() const noexcept;
    /// Path of the symbol file that the program names, "" when it names none.
    [[nodiscard]] std::string symbol_file() const;

private:
    [[nodiscard]] const Section* section_of(std::uint64_t address, std::size_t size) const noexcept;
    /// `size` bytes at an address relative to the base; empty when any of them does not exist.
    [[nodiscard]] std::span<const std::uint8_t> relative(std::uint64_t address, std::size_t size) const noexcept;
    [[nodiscard]] std::optional<std::uint32_t> dword(std::uint64_t address) const noexcept;
    [[nodiscard]] std::optional<std::uint32_t> resource_entry(std::uint32_t directory,
                                                              std::optional<std::uint32_t> id) const noexcept;

    ExecutableFile headers_;
    std::vector<std::uint8_t> memory_;
};

}  // namespace mp::tools
