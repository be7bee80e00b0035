#include "platform.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <windows.h>

namespace mp::bench {
namespace {

std::uint64_t ticks(const FILETIME& time) {
    return (std::uint64_t{time.dwHighDateTime} << 32) | time.dwLowDateTime;
}

}  // namespace

void prepare_process() {}

std::uint64_t thread_cpu_ns() {
    return wall_ns();
}

std::uint64_t process_cpu_ns() {
    FILETIME created;
    FILETIME ended;
    FILETIME kernel;
    FILETIME user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    return (ticks(kernel) + ticks(user)) * 100;
}

std::uint64_t wall_ns() {
    LARGE_INTEGER now;
    LARGE_INTEGER frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    return static_cast<std::uint64_t>(static_cast<double>(now.QuadPart) * 1e9 /
                                      static_cast<double>(frequency.QuadPart));
}

/// Wine reports large stretches as reserved that can still be allocated: only differences mean anything.
Space space() {
    Space sum{};
    MEMORY_BASIC_INFORMATION region{};
    std::uintptr_t address = 0;
    while (VirtualQuery(reinterpret_cast<const void*>(address), &region, sizeof region) == sizeof region) {
        if (region.Type == MEM_PRIVATE && region.State != MEM_FREE) {
            sum.reserved += region.RegionSize;
            sum.committed += region.State == MEM_COMMIT ? region.RegionSize : 0;
        }
        const std::uintptr_t next = reinterpret_cast<std::uintptr_t>(region.BaseAddress) + region.RegionSize;
        if (next <= address) {
            break;
        }
        address = next;
    }
    return sum;
}

std::optional<std::uint64_t> peak_reserved() {
    return std::nullopt;
}

std::uint64_t page_faults() {
    return 0;
}

bool limit_address_space(std::uint64_t /*extra*/) {
    return false;
}

std::uint64_t shatter(std::uint32_t /*seed*/, std::uint64_t /*largest*/, std::uint64_t /*total*/) {
    return 0;
}

void* reserve_pages(std::size_t size) {
    return VirtualAlloc(nullptr, size, MEM_RESERVE, PAGE_NOACCESS);
}
bool commit_pages(void* address, std::size_t size) {
    return VirtualAlloc(address, size, MEM_COMMIT, PAGE_READWRITE) != nullptr;
}
void release_pages(void* address, std::size_t /*size*/) {
    VirtualFree(address, 0, MEM_RELEASE);
}

void* harness_pages(std::size_t size) {
    void* const pages = VirtualAlloc(nullptr, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (pages == nullptr) {
        std::fputs("no memory for the harness\n", stderr);
        std::_Exit(3);
    }
    std::memset(pages, 0, size);
    return pages;
}

}  // namespace mp::bench
