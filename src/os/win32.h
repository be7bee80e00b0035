// What the implementations for Windows share: UTF-8, as texts of ours are, and UTF-16, as the system wants them.
// Private to src/os.
#pragma once

#include "os/file.h"

#include <windows.h>

namespace mp::os::detail {

/// A text for the system; empty when it is no UTF-8 or too long, and so names no file.
struct Wide {
    explicit Wide(const char* utf8) noexcept {
        if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8, -1, text, kMaxPath) == 0) {
            text[0] = L'\0';
        }
    }
    wchar_t text[kMaxPath];
};

/// False, and "", when it is too long.
inline bool to_utf8(const wchar_t* text, char* out, std::size_t capacity) noexcept {
    const bool fits = WideCharToMultiByte(CP_UTF8, 0, text, -1, out, static_cast<int>(capacity), nullptr, nullptr) != 0;
    if (!fits && capacity != 0) {
        out[0] = '\0';
    }
    return fits;
}

/// Path of a module's file. False, and "", when it is too long.
inline bool path_of(HMODULE module, char* out, std::size_t capacity) noexcept {
    wchar_t path[kMaxPath];
    const DWORD length = GetModuleFileNameW(module, path, kMaxPath);
    if (length == 0 || length >= kMaxPath) {
        path[0] = L'\0';
    }
    return to_utf8(path, out, capacity) && out[0] != '\0';
}

/// A function of a loaded module by its name; nullptr when it has none.
template <typename Function>
Function find_function(HMODULE module, const char* name) noexcept {
    return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(GetProcAddress(module, name)));
}

}  // namespace mp::os::detail
