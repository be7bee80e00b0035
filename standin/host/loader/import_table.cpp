#include "host/loader/import_table.h"

#include "host/common/image.h"

#include <cstdint>
#include <cstring>
#include <windows.h>

namespace mp::host {
namespace {

template <typename T>
T* at_rva(std::uint32_t rva) {
    return reinterpret_cast<T*>(image_base() + rva);
}

std::uint32_t import_directory() {
    const auto* dos = at_rva<const IMAGE_DOS_HEADER>(0);
    const auto* nt = at_rva<const IMAGE_NT_HEADERS32>(static_cast<std::uint32_t>(dos->e_lfanew));
    return nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
}

/// The slot of `function` in one module's descriptor. Without a name table (OriginalFirstThunk 0) names are gone.
std::uint32_t* find_slot(const IMAGE_IMPORT_DESCRIPTOR& descriptor, const char* function) {
    if (descriptor.OriginalFirstThunk == 0) {
        return nullptr;
    }
    const auto* names = at_rva<const IMAGE_THUNK_DATA32>(descriptor.OriginalFirstThunk);
    auto* slots = at_rva<std::uint32_t>(descriptor.FirstThunk);
    for (std::size_t i = 0; names[i].u1.AddressOfData != 0; ++i) {
        const bool by_ordinal = (names[i].u1.Ordinal & IMAGE_ORDINAL_FLAG32) != 0;
        if (!by_ordinal &&
            std::strcmp(at_rva<const IMAGE_IMPORT_BY_NAME>(names[i].u1.AddressOfData)->Name, function) == 0) {
            return slots + i;
        }
    }
    return nullptr;
}

}  // namespace

void* replace_import(const char* module, const char* function, void* replacement) {
    const std::uint32_t rva = import_directory();
    if (rva == 0) {
        return nullptr;
    }
    for (const auto* entry = at_rva<const IMAGE_IMPORT_DESCRIPTOR>(rva); entry->Name != 0; ++entry) {
        if (_stricmp(at_rva<const char>(entry->Name), module) != 0) {
            continue;
        }
        if (std::uint32_t* slot = find_slot(*entry, function)) {
            void* old = reinterpret_cast<void*>(static_cast<std::uintptr_t>(*slot));
            const auto value = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(replacement));
            return write_protected(reinterpret_cast<std::uintptr_t>(slot), &value, sizeof value) ? old : nullptr;
        }
    }
    return nullptr;
}

}  // namespace mp::host
