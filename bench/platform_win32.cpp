#include "platform.h"

#include "os/os.h"

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
    os::RegionInfo region;
    for (std::uintptr_t at = 0; os::query(reinterpret_cast<const void*>(at), &region) && region.base + region.size > at;
         at = region.base + region.size) {
        if (region.state != os::PageState::free && !region.image) {
            sum.reserved += region.size;
            sum.committed += region.state == os::PageState::committed ? region.size : 0;
        }
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

void* harness_pages(std::size_t size) {
    void* const pages = os::reserve_commit(size);
    if (pages == nullptr) {
        std::fputs("no memory for the harness\n", stderr);
        std::_Exit(3);
    }
    std::memset(pages, 0, size);
    return pages;
}

}  // namespace mp::bench
