// Asks the system itself, not the layer under test, how pages are protected.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "os/os.h"

#if defined(_WIN32)
#include <windows.h>
#endif

namespace mp::patch::test {

struct PageProtection {
    bool readable = false;
    bool writable = false;
    bool executable = false;
    bool operator==(const PageProtection&) const = default;
};

#if defined(_WIN32)
inline PageProtection protection_of(const void* address) {
    MEMORY_BASIC_INFORMATION info{};
    if (VirtualQuery(address, &info, sizeof info) == 0 || info.State != MEM_COMMIT) {
        return {};
    }
    const DWORD writable = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    const DWORD executable = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    return {info.Protect != PAGE_NOACCESS, (info.Protect & writable) != 0, (info.Protect & executable) != 0};
}
#else
inline PageProtection protection_of(const void* address) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    PageProtection result;
    std::FILE* maps = std::fopen("/proc/self/maps", "r");
    if (maps == nullptr) {
        ADD_FAILURE() << "no /proc/self/maps";
        return result;
    }
    char line[512];
    while (std::fgets(line, sizeof line, maps) != nullptr) {
        unsigned long begin = 0;
        unsigned long end = 0;
        char flags[5] = {};
        if (std::sscanf(line, "%lx-%lx %4s", &begin, &end, flags) == 3 && wanted >= begin && wanted < end) {
            result = {flags[0] == 'r', flags[1] == 'w', flags[2] == 'x'};
        }
    }
    std::fclose(maps);
    return result;
}
#endif

/// The protections of the pages of [begin, begin + size).
inline std::vector<PageProtection> protections_of(const std::uint8_t* begin, std::size_t size) {
    std::vector<PageProtection> result;
    for (std::size_t offset = 0; offset < size; offset += os::kPage) {
        result.push_back(protection_of(begin + offset));
    }
    return result;
}

inline void PrintTo(const PageProtection& protection, std::ostream* out) {
    *out << (protection.readable ? 'r' : '-') << (protection.writable ? 'w' : '-')
         << (protection.executable ? 'x' : '-');
}

}  // namespace mp::patch::test
