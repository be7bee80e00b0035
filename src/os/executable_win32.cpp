#include "os/executable.h"

#include <cstring>

#include "os/os.h"
#include "os/thread_block.h"
#include "os/win32.h"

#include <windows.h>

namespace mp::os {

namespace {

bool folder_of(HMODULE module, char* out, std::size_t capacity) noexcept {
    if (!detail::path_of(module, out, capacity)) {
        return false;
    }
    char* end = std::strrchr(out, '\\');
    if (end == nullptr) {
        return false;
    }
    end[1] = '\0';
    return true;
}

IMAGE_NT_HEADERS32* headers_of(HMODULE module) noexcept {
    auto* base = reinterpret_cast<std::uint8_t*>(module);
    const auto* dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(base);
    if (dos->e_magic != IMAGE_DOS_SIGNATURE) {
        return nullptr;
    }
    auto* nt = reinterpret_cast<IMAGE_NT_HEADERS32*>(base + dos->e_lfanew);
    return nt->Signature == IMAGE_NT_SIGNATURE ? nt : nullptr;
}

/// The fixed part of a version resource starts with a signature on a 4-byte boundary.
std::uint64_t find_fixed_version(const std::uint8_t* data, std::size_t size) noexcept {
    for (std::size_t i = 0; i + sizeof(VS_FIXEDFILEINFO) <= size; i += 4) {
        VS_FIXEDFILEINFO info;
        std::memcpy(&info, data + i, sizeof info);
        if (info.dwSignature == VS_FFI_SIGNATURE) {
            return static_cast<std::uint64_t>(info.dwFileVersionMS) << 32 | info.dwFileVersionLS;
        }
    }
    return 0;
}

std::uint64_t file_version_of(HMODULE module) noexcept {
    HRSRC resource = FindResourceA(module, MAKEINTRESOURCEA(1), MAKEINTRESOURCEA(16));  // RT_VERSION
    if (resource == nullptr) {
        return 0;
    }
    HGLOBAL loaded = LoadResource(module, resource);
    const void* data = loaded != nullptr ? LockResource(loaded) : nullptr;
    if (data == nullptr) {
        return 0;
    }
    return find_fixed_version(static_cast<const std::uint8_t*>(data), SizeofResource(module, resource));
}

}  // namespace

bool executable_folder(char* out, std::size_t capacity) noexcept {
    return folder_of(nullptr, out, capacity);
}

bool module_folder(const void* address, char* out, std::size_t capacity) noexcept {
    HMODULE module = nullptr;
    const DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (GetModuleHandleExA(flags, static_cast<const char*>(address), &module) == 0) {
        return false;
    }
    return folder_of(module, out, capacity);
}

bool executable_info(ExecutableInfo* out) noexcept {
    HMODULE module = GetModuleHandleA(nullptr);
    IMAGE_NT_HEADERS32* nt = headers_of(module);
    if (nt == nullptr) {
        return false;
    }
    out->base = reinterpret_cast<std::uintptr_t>(module);
    out->image_size = nt->OptionalHeader.SizeOfImage;
    out->file_version = file_version_of(module);
    out->large_address_aware = (nt->FileHeader.Characteristics & IMAGE_FILE_LARGE_ADDRESS_AWARE) != 0;
    return true;
}

std::size_t module_size(void* base) noexcept {
    const IMAGE_NT_HEADERS32* nt = headers_of(static_cast<HMODULE>(base));
    return nt != nullptr ? nt->OptionalHeader.SizeOfImage : 0;
}

std::uint64_t module_version(void* base) noexcept {
    return file_version_of(static_cast<HMODULE>(base));
}

bool in_executable_section(std::uintptr_t va, std::size_t length) noexcept {
    HMODULE module = GetModuleHandleA(nullptr);
    IMAGE_NT_HEADERS32* nt = headers_of(module);
    if (nt == nullptr) {
        return false;
    }
    const auto base = reinterpret_cast<std::uintptr_t>(module);
    const auto* optional = reinterpret_cast<const std::uint8_t*>(&nt->OptionalHeader);
    const auto* section = reinterpret_cast<const IMAGE_SECTION_HEADER*>(optional + nt->FileHeader.SizeOfOptionalHeader);
    for (WORD i = 0; i < nt->FileHeader.NumberOfSections; ++i, ++section) {
        const std::uintptr_t start = base + section->VirtualAddress;
        // A size of 0 in memory means the one on disk; the rest of the last page belongs to the section.
        const std::uintptr_t size = section->Misc.VirtualSize != 0 ? section->Misc.VirtualSize : section->SizeOfRawData;
        const std::uintptr_t end = start + (size + kPage - 1) / kPage * kPage;
        if ((section->Characteristics & IMAGE_SCN_MEM_EXECUTE) != 0 && va >= start && va + length <= end) {
            return true;
        }
    }
    return false;
}

bool module_loaded(const char* file_name) noexcept {
    return GetModuleHandleA(file_name) != nullptr;
}

bool module_loaded_from_here(const char* file_name) noexcept {
    HMODULE module = GetModuleHandleA(file_name);
    char theirs[kMaxPath];
    char ours[kMaxPath];
    return module != nullptr && folder_of(module, theirs, sizeof theirs) && executable_folder(ours, sizeof ours) &&
           lstrcmpiW(detail::Wide(theirs).text, detail::Wide(ours).text) == 0;
}

bool module_has_own(const char* file_name, const char* function) noexcept {
    // Not asked of the loader, which would load what the function is passed on to.
    HMODULE module = GetModuleHandleA(file_name);
    const IMAGE_NT_HEADERS32* nt = module != nullptr ? headers_of(module) : nullptr;
    if (nt == nullptr) {
        return false;
    }
    const auto* base = reinterpret_cast<const std::uint8_t*>(module);
    const IMAGE_DATA_DIRECTORY& where = nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT];
    if (where.Size == 0) {
        return false;
    }
    const auto* exports = reinterpret_cast<const IMAGE_EXPORT_DIRECTORY*>(base + where.VirtualAddress);
    const auto* names = reinterpret_cast<const DWORD*>(base + exports->AddressOfNames);
    const auto* ordinals = reinterpret_cast<const WORD*>(base + exports->AddressOfNameOrdinals);
    const auto* functions = reinterpret_cast<const DWORD*>(base + exports->AddressOfFunctions);
    for (DWORD i = 0; i < exports->NumberOfNames; ++i) {
        if (std::strcmp(reinterpret_cast<const char*>(base + names[i]), function) == 0) {
            const DWORD at = functions[ordinals[i]];  // of one that is passed on: a text inside the table
            return at < where.VirtualAddress || at >= where.VirtualAddress + where.Size;
        }
    }
    return false;
}

std::uint8_t* thread_block(std::uint32_t index) noexcept {
    // NT_TIB has no name for it: the array of TLS blocks is the twelfth pointer of the thread's environment block.
    const auto* environment = reinterpret_cast<void* const*>(NtCurrentTeb());
    constexpr std::size_t kBlocks = 11;
    const auto* blocks = static_cast<std::uint8_t* const*>(environment[kBlocks]);
    return blocks != nullptr ? blocks[index] : nullptr;
}

}  // namespace mp::os
