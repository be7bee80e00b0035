#include "host/common/pe_exports.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <windows.h>

namespace mp::host {
namespace {

/// A PE file in memory as it lies on disk; every read is checked against the file's size.
class PeFile {
public:
    explicit PeFile(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        bytes_.assign(std::istreambuf_iterator<char>(file), {});
        parse();
    }

    [[nodiscard]] std::vector<std::string> export_names() const {
        std::vector<std::string> names;
        IMAGE_EXPORT_DIRECTORY directory{};
        if (export_rva_ == 0 || !read_rva(export_rva_, &directory)) {
            return names;
        }
        for (std::uint32_t i = 0; i < directory.NumberOfNames; ++i) {
            std::uint32_t name_rva = 0;
            if (!read_rva(directory.AddressOfNames + i * 4, &name_rva)) {
                break;
            }
            names.push_back(text_at(name_rva));
        }
        return names;
    }

private:
    template <typename T>
    bool read(std::size_t offset, T* out) const {
        if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) {
            return false;
        }
        std::memcpy(out, bytes_.data() + offset, sizeof(T));
        return true;
    }

    template <typename T>
    bool read_rva(std::uint32_t rva, T* out) const {
        return read(file_offset(rva), out);
    }

    void parse() {
        IMAGE_DOS_HEADER dos{};
        IMAGE_NT_HEADERS32 nt{};
        if (!read(0, &dos) || dos.e_magic != IMAGE_DOS_SIGNATURE || dos.e_lfanew < 0) {
            return;
        }
        const auto nt_offset = static_cast<std::size_t>(dos.e_lfanew);
        if (!read(nt_offset, &nt) || nt.Signature != IMAGE_NT_SIGNATURE ||
            nt.FileHeader.Machine != IMAGE_FILE_MACHINE_I386) {
            return;
        }
        const std::size_t table =
            nt_offset + offsetof(IMAGE_NT_HEADERS32, OptionalHeader) + nt.FileHeader.SizeOfOptionalHeader;
        for (std::size_t i = 0; i < nt.FileHeader.NumberOfSections; ++i) {
            IMAGE_SECTION_HEADER section{};
            if (read(table + i * sizeof section, &section)) {
                sections_.push_back(section);
            }
        }
        export_rva_ = nt.OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT].VirtualAddress;
    }

    [[nodiscard]] std::size_t file_offset(std::uint32_t rva) const {
        for (const IMAGE_SECTION_HEADER& section : sections_) {
            if (rva >= section.VirtualAddress && rva - section.VirtualAddress < section.SizeOfRawData) {
                return section.PointerToRawData + (rva - section.VirtualAddress);
            }
        }
        return bytes_.size();
    }

    [[nodiscard]] std::string text_at(std::uint32_t rva) const {
        const std::size_t offset = file_offset(rva);
        const auto first = bytes_.begin() + static_cast<std::ptrdiff_t>(offset);
        return {first, std::find(first, bytes_.end(), '\0')};
    }

    std::vector<char> bytes_;
    std::vector<IMAGE_SECTION_HEADER> sections_;
    std::uint32_t export_rva_ = 0;
};

}  // namespace

std::vector<std::string> exported_names(const std::string& path) {
    return PeFile(path).export_names();
}

bool plugin_exports(const std::vector<std::string>& names, std::string_view wanted) {
    return names.size() <= kMostNamedExports && std::find(names.begin(), names.end(), wanted) != names.end();
}

}  // namespace mp::host
