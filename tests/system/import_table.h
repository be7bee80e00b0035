// What a module imports, and another function in its place, as plugins do it with the game's and with each other's.
#pragma once

#include <windows.h>

#include <cstdint>
#include <cstring>

namespace mp::tests {

template <typename T>
T* at(HMODULE module, DWORD offset) {
    return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(module) + offset);
}

inline IMAGE_NT_HEADERS* headers_of(HMODULE module) {
    return at<IMAGE_NT_HEADERS>(module, static_cast<DWORD>(at<IMAGE_DOS_HEADER>(module, 0)->e_lfanew));
}

inline void write_slot(DWORD* slot, std::uintptr_t value) {
    DWORD old = 0;
    VirtualProtect(slot, sizeof *slot, PAGE_READWRITE, &old);
    *slot = static_cast<DWORD>(value);
    VirtualProtect(slot, sizeof *slot, old, &old);
}

/// Each import of that name, from whichever library, leads to `function` from now on.
inline void exchange_import(HMODULE module, const char* name, std::uintptr_t function) {
    const auto& directory = headers_of(module)->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
    for (const auto* library = at<IMAGE_IMPORT_DESCRIPTOR>(module, directory.VirtualAddress); library->Name != 0;
         ++library) {
        const auto* entry = at<DWORD>(module, library->OriginalFirstThunk);
        auto* slot = at<DWORD>(module, library->FirstThunk);
        for (; *entry != 0; ++entry, ++slot) {
            const bool by_name = (*entry & IMAGE_ORDINAL_FLAG32) == 0;
            if (by_name && std::strcmp(at<IMAGE_IMPORT_BY_NAME>(module, *entry)->Name, name) == 0) {
                write_slot(slot, function);
            }
        }
    }
}

}  // namespace mp::tests
