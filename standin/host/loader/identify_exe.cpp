#include "host/loader/identify_exe.h"

#include "game/addresses.h"
#include "host/common/image.h"

#include <cstring>
#include <windows.h>

namespace mp::host {
namespace {

bool has_section(const char* name) {
    const auto* dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(image_base());
    auto* nt = reinterpret_cast<IMAGE_NT_HEADERS32*>(image_base() + static_cast<std::uintptr_t>(dos->e_lfanew));
    const IMAGE_SECTION_HEADER* section = IMAGE_FIRST_SECTION(nt);
    for (unsigned i = 0; i < nt->FileHeader.NumberOfSections; ++i) {
        if (std::strncmp(reinterpret_cast<const char*>(section[i].Name), name, IMAGE_SIZEOF_SHORT_NAME) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::uint64_t exe_file_version() {
    constexpr std::uint32_t kSignature = 0xFEEF04BD;
    const HRSRC resource = FindResourceA(nullptr, MAKEINTRESOURCEA(1), MAKEINTRESOURCEA(16));  // RT_VERSION
    if (resource == nullptr) {
        return 0;
    }
    const auto* data = static_cast<const std::uint8_t*>(LockResource(LoadResource(nullptr, resource)));
    const DWORD size = SizeofResource(nullptr, resource);
    // VS_FIXEDFILEINFO stands, 4-aligned, behind the resource's header; its signature marks it.
    for (DWORD offset = 0; data != nullptr && offset + 16 <= size; offset += 4) {
        std::uint32_t words[4];
        std::memcpy(words, data + offset, sizeof words);
        if (words[0] == kSignature) {
            return (static_cast<std::uint64_t>(words[2]) << 32) | words[3];
        }
    }
    return 0;
}

ExeKind identify_exe() {
    if (has_section("UPX0")) {
        return ExeKind::packed;
    }
    return exe_file_version() == game::kFileVersion ? ExeKind::supported : ExeKind::wrong_version;
}

}  // namespace mp::host
