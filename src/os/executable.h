// The program that runs us, and where it lies; paths are UTF-8. Cold.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/file.h"

namespace mp::os {

/// What follows the last separator of a path; all of it when there is none.
inline const char* file_name(const char* path) noexcept {
    const char* name = path;
    for (; *path != '\0'; ++path) {
        name = *path == '\\' || *path == '/' ? path + 1 : name;
    }
    return name;
}

/// Folder of the program's file, with a trailing backslash. False when it is too long.
bool executable_folder(char* out, std::size_t capacity) noexcept;

/// Folder of the module that holds `address`, with a trailing backslash.
bool module_folder(const void* address, char* out, std::size_t capacity) noexcept;

/// What the program's image says of itself.
struct ExecutableInfo {
    std::uintptr_t base = 0;
    std::size_t image_size = 0;
    std::uint64_t file_version = 0;  ///< version resource, four 16-bit parts; 0 when there is none
    bool large_address_aware = false;
};
bool executable_info(ExecutableInfo* out) noexcept;

/// Bytes of address space of the module at `base`, which the caller keeps loaded; 0 when its headers are none.
std::size_t module_size(void* base) noexcept;

/// File version of the module at `base`, which the caller keeps loaded, four 16-bit parts; 0 when it has no version
/// resource.
std::uint64_t module_version(void* base) noexcept;

/// True when [va, va + length) lies in one executable section of the program's image.
bool in_executable_section(std::uintptr_t va, std::size_t length) noexcept;

/// True when a module of this file name is loaded.
bool module_loaded(const char* file_name) noexcept;
/// True when it is loaded from the program's own folder.
bool module_loaded_from_here(const char* file_name) noexcept;
/// True when it is loaded and a function that it exports is its own: not one that it passes on to another module.
bool module_has_own(const char* file_name, const char* function) noexcept;

}  // namespace mp::os
