// The program that runs us, and files beside it. Cold.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mp::os {

/// Longest path handled, terminator included.
inline constexpr std::size_t kMaxPath = 1024;

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

/// Makes the folders of a file's path that are not there yet. False when one cannot be made.
bool make_folder_of(const char* path) noexcept;

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

}  // namespace mp::os
