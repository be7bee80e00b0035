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

std::uint64_t largest_hole() {
    const OwnMemory own;
    std::uint32_t low = 0;
    std::uint32_t high = 0x10000;  // one more than the whole address space
    while (high - low > 1) {
        const std::uint32_t middle = low + (high - low) / 2;
        (can_reserve(middle) ? low : high) = middle;
    }
    return static_cast<std::uint64_t>(low) * kStep;
}

}  // namespace mp::meter
