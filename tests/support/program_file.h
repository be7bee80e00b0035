// The bytes of a program's file, reached by the addresses at which the system would lay them out.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "game/sites.h"
#include "mpnvse/executable_file.h"
#include "patch/image.h"

namespace mp::test {

/// Reads and writes the file's own bytes: what a section holds in memory only is not there.
class ProgramFile final : public patch::Image {
public:
    /// Throws std::invalid_argument when the bytes are no program.
    explicit ProgramFile(std::vector<std::uint8_t> file) : bytes_(std::move(file)) {
        auto headers = tools::parse_executable(bytes_);
        if (!headers) {
            throw std::invalid_argument(headers.error().text);
        }
        headers_ = std::move(*headers);
    }

    [[nodiscard]] const std::vector<std::uint8_t>& bytes() const& noexcept { return bytes_; }
    [[nodiscard]] std::vector<std::uint8_t> bytes() && noexcept { return std::move(bytes_); }

    [[nodiscard]] const std::uint8_t* at(game::Addr va, std::size_t size) const noexcept override {
        const std::size_t offset = offset_of(va, size);
        return offset != 0 ? bytes_.data() + offset : nullptr;
    }
    [[nodiscard]] patch::ModuleRange module_of(game::Addr va) const noexcept override {
        const patch::ModuleRange program{headers_.image_base, headers_.image_base + headers_.image_size};
        return program.contains(va) ? program : patch::ModuleRange{};
    }
    void owner_of(game::Addr /*va*/, char* name, std::size_t capacity) const noexcept override {
        if (capacity != 0) {
            *name = '\0';
        }
    }

    /// The bytes at `va`, to be changed. Throws std::out_of_range where the file has none.
    [[nodiscard]] std::span<std::uint8_t> edit(game::Addr va, std::size_t size) {
        const std::size_t offset = offset_of(va, size);
        if (offset == 0) {
            throw std::out_of_range("not in the file");
        }
        return std::span(bytes_).subspan(offset, size);
    }

private:
    /// 0 when the file does not hold all of it.
    [[nodiscard]] std::size_t offset_of(game::Addr va, std::size_t size) const noexcept {
        const game::Addr address = va - headers_.image_base;
        for (const tools::Section& section : headers_.sections) {
            if (address >= section.address && address - section.address + size <= section.file_size) {
                return section.file_offset + (address - section.address);
            }
        }
        return 0;
    }

    std::vector<std::uint8_t> bytes_;
    tools::ExecutableFile headers_;
};

}  // namespace mp::test
