#include "mpnvse/disk_image.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace mp::tools {

namespace {

constexpr std::uint32_t kVersionResource = 16;
constexpr std::uint32_t kSubdirectory = 0x80000000;
constexpr std::uint32_t kFixedVersionSignature = 0xFEEF04BD;
constexpr std::uint32_t kCodeView = 2;
constexpr std::uint32_t kCodeViewSignature = 0x53445352;  ///< "RSDS"
constexpr std::uint32_t kMostEntries = 4096;
constexpr std::uint32_t kPageSize = 4096;

/// Sections start on pages and own the rest of their last one.
std::uint64_t end_in_memory(const Section& section) noexcept {
    return (std::uint64_t{section.address} + section.virtual_size + kPageSize - 1) / kPageSize * kPageSize;
}

std::uint32_t read(std::span<const std::uint8_t> bytes, std::size_t at = 0) noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) {
        value |= static_cast<std::uint32_t>(bytes[at + i]) << (8 * i);
    }
    return value;
}

}  // namespace

DiskImage::DiskImage(const ExecutableFile& headers, std::span<const std::uint8_t> file)
    : headers_(headers), memory_((headers.image_size + kPageSize - 1) / kPageSize * kPageSize) {
    std::ranges::copy(file.first(headers.headers_size), memory_.begin());
    for (const Section& section : headers.sections) {
        const std::size_t size = std::min(section.file_size, section.virtual_size);
        std::ranges::copy(file.subspan(size != 0 ? section.file_offset : 0, size), memory_.data() + section.address);
    }
}

const Section* DiskImage::section_of(std::uint64_t address, std::size_t size) const noexcept {
    for (const Section& section : headers_.sections) {
        if (address >= section.address && address + size <= end_in_memory(section)) {
            return &section;
        }
    }
    return nullptr;
}

std::span<const std::uint8_t> DiskImage::relative(std::uint64_t address, std::size_t size) const noexcept {
    if (section_of(address, size) == nullptr || address + size > memory_.size()) {
        return {};
    }
    return std::span(memory_).subspan(static_cast<std::size_t>(address), size);
}

const std::uint8_t* DiskImage::at(game::Addr va, std::size_t size) const noexcept {
    return va < headers_.image_base ? nullptr : relative(va - headers_.image_base, size).data();
}

patch::ModuleRange DiskImage::module_of(game::Addr va) const noexcept {
    const patch::ModuleRange program{headers_.image_base,
                                     headers_.image_base + static_cast<game::Addr>(memory_.size())};
    return program.contains(va) ? program : patch::ModuleRange{};
}

void DiskImage::owner_of(game::Addr va, char* name, std::size_t capacity) const noexcept {
    if (capacity == 0) {
        return;
    }
    name[0] = '\0';
    const Section* section = va < headers_.image_base ? nullptr : section_of(va - headers_.image_base, 1);
    if (section == nullptr) {
        return;
    }
    const std::string text = "section " + section->name;
    const std::size_t length = std::min(text.size(), capacity - 1);
    std::memcpy(name, text.data(), length);
    name[length] = '\0';
}

bool DiskImage::executable(game::Addr va, std::size_t size) const noexcept {
    const Section* section = va < headers_.image_base ? nullptr : section_of(va - headers_.image_base, size);
    return section != nullptr && section->executable;
}

std::optional<std::uint32_t> DiskImage::dword(std::uint64_t address) const noexcept {
    const std::span<const std::uint8_t> bytes = relative(address, sizeof(std::uint32_t));
    return bytes.empty() ? std::nullopt : std::optional(read(bytes));
}

/// Offset that the entry `id` of the resource directory at `directory` holds; the first entry's when `id` is nothing.
std::optional<std::uint32_t> DiskImage::resource_entry(std::uint32_t directory,
                                                       std::optional<std::uint32_t> id) const noexcept {
    const std::uint64_t start = std::uint64_t{headers_.resources.address} + directory;
    const std::optional<std::uint32_t> counts = dword(start + 12);
    if (!counts) {
        return std::nullopt;
    }
    const std::uint32_t count = std::min((*counts & 0xFFFF) + (*counts >> 16), kMostEntries);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::optional<std::uint32_t> name = dword(start + 16 + std::uint64_t{8} * i);
        if (name && (!id || *name == *id)) {
            return dword(start + 20 + std::uint64_t{8} * i);
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> DiskImage::file_version() const noexcept {
    if (headers_.resources.address == 0) {
        return std::nullopt;
    }
    // Type, name, language: three levels, of which only the type is known.
    std::optional<std::uint32_t> entry = resource_entry(0, kVersionResource);
    for (int level = 0; level < 2 && entry; ++level) {
        entry = (*entry & kSubdirectory) != 0 ? resource_entry(*entry & ~kSubdirectory, std::nullopt) : std::nullopt;
    }
    if (!entry || (*entry & kSubdirectory) != 0) {
        return std::nullopt;
    }
    const std::uint64_t data_entry = std::uint64_t{headers_.resources.address} + *entry;
    const std::optional<std::uint32_t> address = dword(data_entry);
    const std::optional<std::uint32_t> size = dword(data_entry + 4);
    if (!address || !size) {
        return std::nullopt;
    }
    const std::span<const std::uint8_t> data = relative(*address, *size);
    for (std::size_t i = 0; i + 16 <= data.size(); i += 4) {
        if (read(data, i) == kFixedVersionSignature) {
            return std::uint64_t{read(data, i + 8)} << 32 | read(data, i + 12);
        }
    }
    return std::nullopt;
}

std::string DiskImage::symbol_file() const {
    constexpr std::uint32_t kEntrySize = 28;
    constexpr std::uint32_t kNameOffset = 24;
    for (std::uint32_t i = 0; i < std::min(headers_.debug.size / kEntrySize, 16U); ++i) {
        const std::span<const std::uint8_t> entry =
            relative(headers_.debug.address + std::uint64_t{i} * kEntrySize, kEntrySize);
        if (entry.empty() || read(entry, 12) != kCodeView) {
            continue;
        }
        const std::span<const std::uint8_t> record = relative(read(entry, 20), read(entry, 16));
        if (record.size() > kNameOffset && read(record) == kCodeViewSignature) {
            const auto* name = reinterpret_cast<const char*>(record.data()) + kNameOffset;
            const std::string_view text(name, record.size() - kNameOffset);
            return std::string(text.substr(0, text.find('\0')));
        }
    }
    return {};
}

}  // namespace mp::tools
