// Functions of loaded modules.
#pragma once

#include <bit>
#include <windows.h>

namespace mp::host {

/// The exported function of that name as a `Function` pointer, nullptr when there is none.
template <typename Function>
Function exported_function(HMODULE module, const char* name) {
    return std::bit_cast<Function>(GetProcAddress(module, name));
}

}  // namespace mp::host
