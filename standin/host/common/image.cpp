#include "host/common/image.h"

#include <cstring>
#include <windows.h>

namespace mp::host {

std::uintptr_t image_base() {
    return reinterpret_cast<std::uintptr_t>(GetModuleHandleA(nullptr));
}

std::size_t image_size() {
    const auto* dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(image_base());
    const auto* nt =
        reinterpret_cast<const IMAGE_NT_HEADERS*>(image_base() + static_cast<std::uintptr_t>(dos->e_lfanew));
    return nt->OptionalHeader.SizeOfImage;
}

bool in_image(std::uintptr_t address, std::size_t size) {
    return address >= image_base() && address - image_base() + size <= image_size();
}

bool write_protected(std::uintptr_t address, const void* data, std::size_t size) {
    void* target = reinterpret_cast<void*>(address);
    DWORD old = 0;
    if (VirtualProtect(target, size, PAGE_EXECUTE_READWRITE, &old) == FALSE) {
        return false;
    }
    std::memcpy(target, data, size);
    VirtualProtect(target, size, old, &old);
    FlushInstructionCache(GetCurrentProcess(), target, size);
    return true;
}

}  // namespace mp::host
