#include "meter/address_space.h"

#include "meter/kernel_meter.h"

#include <windows.h>

namespace mp::meter {
namespace {

constexpr std::uint32_t kStep = 64 * 1024;

bool can_reserve(std::uint32_t steps) {
    void* hole = VirtualAlloc(nullptr, static_cast<SIZE_T>(steps) * kStep, MEM_RESERVE, PAGE_NOACCESS);
    if (hole == nullptr) {
        return false;
    }
    VirtualFree(hole, 0, MEM_RELEASE);
    return true;
}

}  // namespace

AddressSpace measure() {
    AddressSpace sum;
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

std::uint64_t largest_hole() {
    const Pause pause;
    std::uint32_t low = 0;
    std::uint32_t high = 0x10000;  // one more than the whole address space
    while (high - low > 1) {
        const std::uint32_t middle = low + (high - low) / 2;
        (can_reserve(middle) ? low : high) = middle;
    }
    return static_cast<std::uint64_t>(low) * kStep;
}

}  // namespace mp::meter
